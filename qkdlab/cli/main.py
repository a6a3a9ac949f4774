"""The command `qkdlab`: one line for every error, and the exit code that it carries."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from qkdlab.cli import (
    alice,
    benchmark,
    bob,
    calibrate,
    check,
    drivers,
    get_parameter,
    identity,
    info,
    keylength,
    monitor,
    replay,
    run,
    safe,
    scan,
    secret,
    set_parameter,
    sim,
    verify,
)
from qkdlab.cli.output import ANSWERED, print_json, say
from qkdlab.errors import ConfigError, QkdlabError, ResourceError, UsageError
from qkdlab.session.signals import Interrupted, interruptible

__all__ = ["app", "main"]

_EXIT_SIGINT = 130

app = typer.Typer(
    name="qkdlab",
    help="Run a quantum-key-distribution bench, real or simulated, on record.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=(
        "Exit codes: 0 done; 1 usage or configuration; 2 instrument; 3 security abort; "
        "4 verification failed; 5 disk, port or file; 6 peer lost; 130 SIGINT; "
        "143 SIGTERM."
    ),
)
for _module in (
    run,
    replay,
    calibrate,
    sim,
    alice,
    bob,
    secret,
    identity,
    get_parameter,
    set_parameter,
    scan,
    monitor,
    safe,
    check,
    info,
    verify,
    drivers,
    keylength,
    benchmark,
):
    _settings = getattr(_module, "CONTEXT", None)
    app.command(_module.NAME, context_settings=_settings)(_module.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code.

    With the environment variable QKDLAB_DEBUG=1 errors come with their traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    ANSWERED.clear()
    try:
        with interruptible():
            answer = app(
                args=given or ["--help"],
                prog_name="qkdlab",
                standalone_mode=False,
            )
            sys.stdout.flush()
    except Interrupted as stop:
        say(str(stop), *_notes(stop))
        if as_json:
            _answer(stop, stop.exit_code)
        return stop.exit_code
    except KeyboardInterrupt as stop:
        say("interrupted")
        if as_json:
            _answer(stop, _EXIT_SIGINT)
        return _EXIT_SIGINT
    except BrokenPipeError:
        # The reader of stdout left (`qkdlab drivers | head`): no error of ours, but
        # Python must not try to flush what nobody reads.
        _close_stdout()
        return 0
    except Exception as error:
        if os.environ.get("QKDLAB_DEBUG") == "1":
            traceback.print_exception(error)
        known = _as_known(error)
        if isinstance(known, ConfigError):
            # Editors look for file:line:column at the beginning of a line.
            print(known, file=sys.stderr)
        else:
            say(str(known))
        say(*_notes(error))
        if as_json:
            _answer(known, known.exit_code, _notes(error))
        return known.exit_code
    if not given:
        return UsageError.exit_code
    return answer if isinstance(answer, int) else 0


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


def _answer(
    error: BaseException, exit_code: int, notes: Sequence[str] | None = None
) -> None:
    """Print an error as the JSON object that the command did not get to print.

    notes: what was added to it; the error's own when None
    """
    if ANSWERED.is_set():
        return
    told: dict[str, Any] = {
        "kind": type(error).__name__,
        "exit_code": exit_code,
        "message": str(error) or "interrupted",
        "notes": _notes(error) if notes is None else list(notes),
    }
    if isinstance(error, QkdlabError) and (fields := error.fields()):
        from qkdlab.session.result import plain

        told |= plain(fields)
    try:
        print_json({"error": told}, one_line=True)
    except OSError:
        # Nobody reads stdout, or it is full: stderr and the exit code have said it.
        _close_stdout()


def _close_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_known(error: Exception) -> QkdlabError:
    """Return `error` as one of the project's tree."""
    if isinstance(error, QkdlabError):
        return error
    explain = getattr(error, "format_message", None)
    if explain is not None:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "qkdlab"
        what = str(explain()).rstrip(".")
        return UsageError(f"{what} (see '{where} --help')")
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename is not None else ""
        return ResourceError(f"{what}{error.strerror or error}")
    return QkdlabError(
        f"internal error: {type(error).__name__}: {error} (set QKDLAB_DEBUG=1 for the "
        "traceback, and report it)"
    )
