"""`qkdlab benchmark` prints figures beside their baselines; here none are measured."""

import json

import pytest

import qkdlab.cli.benchmarks
import qkdlab.session.run
from qkdlab.cli.benchmarks import Figure, machine
from qkdlab.cli.main import main

FIGURES = [Figure("start", "cli_help", 0.15, "s", "python -c pass", 0.02)]


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Let one group of one figure be all there is."""
    groups = {"start": lambda: FIGURES}
    monkeypatch.setattr(qkdlab.cli.benchmarks, "GROUPS", groups)


@pytest.mark.parametrize("arguments", [[], ["start"]])
def test_it_prints_the_documented_json(arguments, capsys):
    assert main(["benchmark", *arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"machine", "results"}
    assert answer["results"] == [
        {
            "group": "start",
            "name": "cli_help",
            "value": 0.15,
            "unit": "s",
            "baseline": {"what": "python -c pass", "value": 0.02},
            "ratio": pytest.approx(7.5),
        }
    ]


def test_it_prints_a_table_for_people(capsys):
    assert main(["benchmark"]) == 0
    assert "start cli_help" in capsys.readouterr().out


def test_a_group_that_does_not_exist_is_refused_before_anything_is_measured(
    monkeypatch, capsys
):
    groups = {"start": lambda: pytest.fail("measured")}
    monkeypatch.setattr(qkdlab.cli.benchmarks, "GROUPS", groups)
    assert main(["benchmark", "start", "runs"]) == 1
    assert "'runs'" in capsys.readouterr().err


def test_the_machine_is_described():
    assert machine()["cores"] >= 1
    assert machine()["processor"]


def test_the_start_of_a_process_is_measured_in_cpu_seconds(monkeypatch):
    monkeypatch.setattr(qkdlab.cli.benchmarks, "_REPEATS", 1)
    assert 0.001 < qkdlab.cli.benchmarks._cpu_s(["-c", "pass"]) < 5.0
