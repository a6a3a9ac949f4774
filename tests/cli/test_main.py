"""Every error is one line and an exit code; stdout holds nothing but the answer."""

import json
import signal
import sys

import pytest

import qkdlab.cli.main
from qkdlab.cli.main import main
from qkdlab.cli.output import print_json
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentTimeout,
    PeerLost,
    SecurityAbort,
    VerifyError,
)
from qkdlab.problems import Position, Problem
from qkdlab.session.signals import Interrupted

COMMANDS = ["run", "check", "info", "drivers", "keylength", "benchmark"]


@pytest.fixture
def raising(monkeypatch):
    """Let the command line raise an error instead of doing anything."""

    def install(error: BaseException) -> None:
        def app(**_):
            raise error

        monkeypatch.setattr(qkdlab.cli.main, "app", app)

    return install


def test_help_names_every_command_and_the_exit_codes(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert "Exit codes" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    assert main([name, "--help"]) == 0
    assert "Usage: qkdlab" in capsys.readouterr().out


def test_no_arguments_show_the_help_and_are_a_usage_error(capsys):
    assert main([]) == 1
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["rum"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "bb84", "--sed", "7"], "--sed"),
        (["run", "bb84", "--seed", "seven"], "--seed"),
        (["run", "bb84", "--seed", "-1"], "--seed"),
        (["benchmark", "strat"], "did you mean 'start'?"),
    ],
)
def test_wrong_usage_is_one_line_that_names_it(arguments, named, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert named in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InstrumentTimeout("alice_awg", "no answer"), 2, "alice_awg: no answer"),
        (SecurityAbort(AbortCode.SYNC_LOST, "slip"), 3, "sync-lost: slip"),
        (VerifyError("x.h5: changed"), 4, "x.h5: changed"),
        (PeerLost("gone"), 6, "gone"),
        (OSError(28, "No space left on device", "/d/x"), 5, "/d/x: No space left"),
        (Interrupted(15), 143, "stopped by SIGTERM"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("one/0"), 1, "internal error: ZeroDivisionError: one/0"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(raising, error, code, line, capsys):
    raising(error)
    assert main(["drivers"]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(f"qkdlab: {line}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InstrumentTimeout("alice_awg", "no answer"), "InstrumentTimeout", 2),
        (SecurityAbort(AbortCode.SYNC_LOST, "slip"), "SecurityAbort", 3),
        (OSError(28, "No space left on device", "/d/x"), "ResourceError", 5),
        (Interrupted(15), "Interrupted", 143),
        (KeyboardInterrupt(), "KeyboardInterrupt", 130),
        (ZeroDivisionError("one/0"), "QkdlabError", 1),
    ],
)
def test_with_json_an_error_is_one_object_on_stdout(raising, error, kind, code, capsys):
    error.add_note("the light is off")
    raising(error)
    assert main(["drivers", "--json"]) == code
    captured = capsys.readouterr()
    told = json.loads(captured.out)["error"]
    assert (told["kind"], told["exit_code"]) == (kind, code)
    assert f"qkdlab: {told['message']}\n" in captured.err
    assert told["notes"] == ["the light is off"]


@pytest.mark.parametrize("code", AbortCode)
def test_with_json_an_abort_has_its_code_reason_and_numbers(raising, code, capsys):
    raising(SecurityAbort(code, "slip", {"slots": 3, "rate": float("nan")}))
    assert main(["drivers", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["error"]
    assert (told["code"], told["reason"]) == (code.value, "slip")
    assert told["numbers"] == {"slots": 3, "rate": None}


def test_with_json_an_instruments_error_names_the_instrument(raising, capsys):
    raising(InstrumentTimeout("alice_awg", "no answer"))
    main(["drivers", "--json"])
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["instrument"] == "alice_awg"


def test_with_json_a_wrong_configuration_tells_the_place_of_each_problem(
    raising, capsys
):
    problem = Problem(Position("a.yaml", 1, 2), ("wiring", 0, "loss_db"), "too small")
    raising(ConfigError([problem, "no bench"]))
    main(["drivers", "--json"])
    told = json.loads(capsys.readouterr().out)["error"]
    nowhere = {"file": None, "line": None, "column": None, "path": None}
    assert told["problems"] == [
        {
            "file": "a.yaml",
            "line": 1,
            "column": 2,
            "path": "wiring.0.loss_db",
            "message": "too small",
        },
        {**nowhere, "message": "no bench"},
    ]


def test_wrong_usage_with_json_is_an_object_too(capsys):
    assert main(["run", "--json"]) == 1
    assert "Missing argument" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_an_error_after_the_answer_adds_no_second_object(monkeypatch, capsys):
    def app(**_):
        print_json({"points": [1, 2]})
        raise InstrumentTimeout("alice_awg", "no answer")

    monkeypatch.setattr(qkdlab.cli.main, "app", app)
    assert main(["scan", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"points": [1, 2]}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_told_in_one_line_whatever_the_command(monkeypatch, signum, capsys):
    def app(**_):
        signal.raise_signal(signum)

    monkeypatch.setattr(qkdlab.cli.main, "app", app)
    before = signal.getsignal(signum)
    assert main(["drivers"]) == 128 + signum
    assert capsys.readouterr().err == f"qkdlab: stopped by {signum.name}\n"
    assert signal.getsignal(signum) is before


def test_problems_of_a_configuration_are_lines_that_editors_can_follow(raising, capsys):
    raising(ConfigError(["a.yaml:1:2: x: wrong", "a.yaml:3:4: y: missing"]))
    assert main(["drivers"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "a.yaml:1:2: x: wrong",
        "a.yaml:3:4: y: missing",
    ]


def test_notes_of_an_error_follow_it(raising, capsys):
    error = InstrumentTimeout("alice_awg", "no answer")
    error.add_note("safe state failed: alice_awg: no answer")
    raising(error)
    main(["drivers"])
    assert capsys.readouterr().err.splitlines()[1] == (
        "qkdlab: safe state failed: alice_awg: no answer"
    )


def test_a_traceback_is_shown_only_on_demand(raising, capsys, monkeypatch):
    raising(PeerLost("gone"))
    main(["drivers"])
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("QKDLAB_DEBUG", "1")
    main(["drivers"])
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_configuration_is_named(capsys):
    assert main(["check", "no_such_bench"]) in (1, 5)
    assert "no_such_bench" in capsys.readouterr().err


def test_the_command_line_takes_its_arguments_from_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["qkdlab", "rum"])
    assert main() == 1
    assert "rum" in capsys.readouterr().err


def test_drivers_prints_one_json_object(capsys):
    assert main(["drivers", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    for driver in answer["drivers"]:
        assert set(driver) == {"name", "model", "roles", "endpoints", "verified"}
