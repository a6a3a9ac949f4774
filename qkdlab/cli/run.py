"""`qkdlab run`: an experiment from the first light to the key, in one process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Config, Duration, Json, Overrides, Quiet, Seed

__all__ = ["NAME", "command"]

NAME = "run"


def command(
    config: Config,
    overrides: Overrides = None,
    seed: Seed = None,
    duration: Duration = None,
    output: Annotated[
        Path | None,
        typer.Option(help="New folder for the run's files [runs/CONFIG-TIME]."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run an experiment to equal keys.

    It ends with equal keys, or with the reason why there are none. All files go to a
    new folder.
    """
    from qkdlab.cli.output import print_json, say, short_warnings
    from qkdlab.cli.progress import progress
    from qkdlab.cli.summary import print_summary
    from qkdlab.config.layers import Override
    from qkdlab.config.load import load
    from qkdlab.session.run import run

    short_warnings()
    changes: list[str | Override] = list(overrides or [])
    if seed is not None:
        changes.append(Override(f"seed={seed}", "--seed"))
    if duration is not None:
        changes.append(Override(f"parameters.duration_s={duration!r}", "--duration"))
    loaded = load(config, overrides=changes)
    folder = output or Path("runs") / f"{loaded.name}-{_utc()}"
    with progress(quiet=quiet) as report:
        outcome = run(loaded, folder, report)
    if as_json:
        print_json(outcome.result)
    else:
        print_summary(outcome.result)
    if outcome.error is not None:
        say(str(outcome.error), *getattr(outcome.error, "__notes__", []))
    return outcome.exit_code


def _utc() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
