"""`qkdlab check` and `info`: what is wrong, where, and what to do."""

import json
from pathlib import Path

import pytest

from qkdlab.cli.main import main
from qkdlab.problems import Position, Problem


@pytest.fixture
def bench(tmp_path):
    """Write a configuration that lays `changes` over the packaged bench."""

    def write(**changes) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps({"extends": "bb84", "name": "mine", **changes}))
        return str(path)

    return write


def refused(arguments: list[str], capsys, code: int = 1) -> list[str]:
    """Check that a command ends with `code` and nothing on stdout; return stderr."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err.splitlines()


def test_a_sound_bench_is_called_so(capsys):
    assert main(["check", "bb84"]) == 0
    assert capsys.readouterr().out.endswith("sound\n")


def test_a_change_on_the_command_line_is_checked_too(capsys):
    (line,) = refused(["check", "bb84", "--set", "parameters.duration_s=-1"], capsys)
    assert "parameters.duration_s" in line


def test_a_typo_has_a_place_and_a_suggestion(bench, capsys):
    (line,) = refused(["check", bench(parameters={"duration": 3})], capsys)
    assert "mine.yaml:1:" in line
    assert "duration_s" in line


def test_with_json_a_sound_bench_is_counted(capsys):
    assert main(["check", "bb84", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["parties"], told["warnings"]) == ("bb84", 3, [])
    assert min(told["instruments"], told["parts"], told["cables"]) > 0


def test_with_json_a_warning_has_its_place(bench, capsys, monkeypatch):
    warning = Problem(Position("mine.yaml", 3, 4), ("wiring",), "odd", "warning")
    monkeypatch.setattr("qkdlab.wiring.rules.check", lambda config: [warning])
    assert main(["check", bench(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [warning.as_json()]


def test_with_json_a_typo_has_a_file_a_line_a_column_and_a_path(bench, capsys):
    broken = bench(parameters={"duration": 3})
    assert main(["check", broken, "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert (problem["file"], problem["line"]) == (broken, 1)
    assert Path(broken).read_text()[problem["column"] - 1 :].startswith('"duration"')
    assert problem["path"] == "parameters.duration"
    assert "duration_s" in problem["message"]


def test_with_json_a_broken_wiring_rule_has_its_path(bench, capsys):
    broken = bench(wiring={"parts": {"tagger": {"owner": "alice"}}})
    assert main(["check", broken, "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert all(p["path"].startswith("wiring.") for p in problems)


@pytest.mark.parametrize("value", ["10 ms", "1e-2 s", True, []])
def test_a_value_of_a_wrong_kind_or_unit_is_refused_by_name(bench, value, capsys):
    lines = refused(["check", bench(parameters={"duration_s": value})], capsys)
    assert "parameters.duration_s" in lines[0]


def test_a_bench_that_breaks_a_wiring_rule_is_refused_by_part(bench, capsys):
    broken = bench(wiring={"parts": {"tagger": {"owner": "alice"}}})
    lines = refused(["check", broken], capsys)
    assert any("tagger" in line for line in lines)


def test_a_bench_that_breaks_a_wiring_rule_is_not_run_either(bench, capsys, tmp_path):
    broken = bench(wiring={"parts": {"tagger": {"owner": "alice"}}})
    folder = tmp_path / "out"
    refused(["run", broken, "--output", str(folder)], capsys)
    assert not folder.exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_missing_file_is_named(command, capsys, tmp_path):
    lines = refused([command, str(tmp_path / "gone.yaml")], capsys, code=5)
    assert "gone.yaml" in lines[0]


def test_a_secure_run_takes_no_seed(capsys):
    arguments = ["run", "bb84", "--set", "key_class=secure", "--seed", "7"]
    lines = refused(arguments, capsys)
    assert any("seed" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "what"),
    [("-1", "must be greater than 0"), ("nan", "got 'nan'"), ("inf", "got 'inf'")],
)
def test_a_wrong_duration_is_named_as_it_was_given(value, what, capsys):
    (line,) = refused(["run", "bb84", "--duration", value], capsys)
    assert line.startswith("--duration: parameters.duration_s: ")
    assert what in line


def test_a_foreign_file_is_no_run_file(tmp_path, capsys):
    path = tmp_path / "image.h5"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (line,) = refused(["info", str(path)], capsys, code=4)
    assert "image.h5" in line


def test_a_run_file_that_is_not_there_is_named(tmp_path, capsys):
    (line,) = refused(["info", str(tmp_path / "bob.h5")], capsys, code=5)
    assert "bob.h5: no such file" in line
