"""Tables, progress and the summary: what people see."""

import json
import warnings

import pytest

from qkdlab.cli.output import print_json, short_warnings
from qkdlab.cli.progress import plain_lines, progress
from qkdlab.cli.summary import print_summary
from qkdlab.cli.table import print_table
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.session.result import PartyOutcome, build_result

CLASSES = ("signal", "decoy", "vacuum")


def named(*values):
    return dict(zip(CLASSES, values, strict=True))


FIGURES = {
    "gains": {"X": named(0.03, 0.012, 1.1e-4)},
    "qber": {"X": named(0.012, 0.012, None)},
    "counts": {
        "sent": {"X": named(1_000_000, 1_000_000, 500_000)},
        "sifted": {"X": named(30_000, 12_000, 55)},
    },
    "sifted_bits": 42_055,
    "assumptions": [{"name": "randomness", "status": "violated", "note": "a seed"}],
    "theorem": "Lim 2014",
    "claim": "published formula, not a claim",
}
EXPECTED = {
    "gains": {"X": named(0.0298, 0.012, 1.1e-4)},
    "qber": {"X": named(0.012, 0.012, 0.014)},
}


def result(aborted=None, **figures):
    facts = {
        "protocol": "bb84",
        "key_class": "demonstration",
        "duration_s": 1.0,
        "wall_s": 2.0,
        "expected": EXPECTED,
    }
    party = PartyOutcome(FIGURES | figures)
    return build_result({"alice": party, "bob": party}, facts, aborted)


def test_json_is_one_object(capsys):
    print_json({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_warnings_are_single_lines_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    short_warnings()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("odd", UserWarning, "x.py", 1)
    assert capsys.readouterr().err == "qkdlab: warning: odd\n"


def test_a_plain_table_is_aligned(capsys):
    print_table(["name", "n"], [["a", "1"], ["bb", "23"]], numbers=True)
    assert capsys.readouterr().out == "name   n\na      1\nbb    23\n"


def test_the_summary_sets_the_measured_beside_the_expected_in_sigmas(capsys):
    print_summary(result())
    line = next(
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("X signal")
    )
    # (0.03 - 0.0298) / sqrt(0.0298 (1 - 0.0298) / 10^6) = 1.18
    assert line.split() == [
        "X", "signal", "0.03", "0.0298", "+1.2", "0.012", "0.012", "+0.0",
    ]  # fmt: skip


def test_the_summary_leaves_out_what_is_not_known(capsys):
    print_summary(result())
    line = next(
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("X vacuum")
    )
    assert line.split()[-3:] == ["-", "0.014", "-"]


def test_the_summary_gives_what_was_measured_with_its_uncertainty(capsys):
    print_summary(result(g2_zero=0.03125, g2_zero_uncertainty=0.0021))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["g2_zero", "0.03125", "0.0021"] in lines


def test_the_summary_names_theorem_claim_and_assumptions(capsys):
    print_summary(result())
    out = capsys.readouterr().out
    assert "Lim 2014 (published formula, not a claim)" in out
    assert "violated:" in out
    assert "randomness (a seed)" in out


def test_the_summary_of_an_abort_names_its_code(capsys):
    print_summary(result(SecurityAbort(AbortCode.NO_SECRET_KEY, "too short")))
    assert "no-secret-key: too short" in capsys.readouterr().out


def test_the_summary_tells_how_each_of_several_blocks_ended(capsys):
    aborted = {"code": "detector-alarm", "reason": "detector 2 has latched"}
    with_key = {"block": 0, "aborted": None, "secret_bits": 19_905,
                "qber_x": 0.012, "qber_z": 0.0131}  # fmt: skip
    blocks = [with_key, {"block": 1, "aborted": aborted, "secret_bits": 0}]
    print_summary({**result(), "blocks": blocks})
    out = capsys.readouterr().out
    assert "block 0          19 905 secret bits, QBER 0.012 X, 0.0131 Z\n" in out
    assert "block 1          no key: detector-alarm (detector 2 has latched)\n" in out


def test_the_summary_does_not_repeat_the_only_block(capsys):
    block = {"block": 0, "aborted": None, "secret_bits": 5, "qber_x": 0, "qber_z": 0}
    print_summary({**result(), "blocks": [block]})
    assert "block 0" not in capsys.readouterr().out


def test_progress_is_a_line_per_step_on_stderr(capsys):
    time_s = [0.0]
    report = plain_lines(lambda: time_s[0])
    report("tags", 0.0, 10.0)
    report("tags", 1.0, 10.0)
    time_s[0] = 3.0
    report("tags", 5.0, 10.0)
    report("sifting", 0.0, 1.0)
    time_s[0] = 6.0
    report("sifting", 0.25, 1.0)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "tags",
        "tags  50 %",
        "sifting",
        "sifting  25 %",
    ]
    assert captured.out == ""


def test_quiet_progress_says_nothing(capsys):
    with progress(quiet=True) as report:
        report("tags", 0.0, 10.0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("what", ["tags", "sifting"])
def test_bars_on_a_terminal_name_the_step(what, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress(quiet=False) as report:
        report(what, 1.0, 2.0)
    assert what in capsys.readouterr().err
