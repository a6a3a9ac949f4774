"""`qkdlab calibrate`: the steps that bring a bench up, each with fit and verdict."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from qkdlab.cli.options import Config, Json, Overrides, Quiet, Seed

__all__ = ["NAME", "command"]

NAME = "calibrate"


def command(
    config: Config,
    step: Annotated[
        str | None,
        typer.Argument(help="One step; without --records those before it run, too."),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier calibration: STEP runs alone on it."),
    ] = None,
    overrides: Overrides = None,
    seed: Seed = None,
    output: Annotated[
        Path | None,
        typer.Option(help="New folder for all files [runs/CONFIG-calibration-TIME]."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Calibrate a bench: all steps in order, or one.

    Prints what each step measured and whether it is accepted; records, pictures and
    run files go to a new folder. A rejected step ends it.
    """
    from qkdlab.cli.output import print_json, say, short_warnings
    from qkdlab.cli.progress import progress
    from qkdlab.config.layers import Override
    from qkdlab.config.load import load
    from qkdlab.session.calibrate import calibrate

    short_warnings()
    changes: list[str | Override] = list(overrides or [])
    if seed is not None:
        changes.append(Override(f"seed={seed}", "--seed"))
    loaded = load(config, overrides=changes)
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = output or Path("runs") / f"{loaded.name}-calibration-{time}"
    with progress(quiet=quiet) as report:
        outcome = calibrate(loaded, folder, report, step=step, records=records)
    if as_json:
        print_json(outcome.result)
    else:
        _print(outcome.result)
    if outcome.error is not None:
        say(str(outcome.error), *getattr(outcome.error, "__notes__", []))
    return outcome.exit_code


def _print(result: dict[str, Any]) -> None:
    from qkdlab.cli.table import print_table

    header = ["step", "party", "quantity", "value", "uncertainty", "unit", "verdict"]
    rows: list[list[str]] = []
    for half in result["steps"]:
        verdict = "accepted" if half["accepted"] else half["problem"] or "not accepted"
        begin = [half["step"], half["party"]]
        for record in half["records"]:
            rows.append([*begin, *_cells(record), verdict])
            begin, verdict = ["", ""], ""
        if not half["records"]:
            rows.append([*begin, "-", "", "", "", verdict])
    print_table(header, rows)
    for half in result["steps"]:
        if half["plot"] is not None:
            print(f"picture of {half['step']}, {half['party']}: {half['plot']}")
    for party, path in result["records"].items():
        print(f"records of {party}: {path}")


def _cells(record: dict[str, Any]) -> list[str]:
    """Return quantity, value and uncertainty to two digits of the latter, and unit."""
    value, uncertainty = record["value"], record["uncertainty"]
    if uncertainty > 0:
        from math import floor, log10

        digits = 1 - floor(log10(uncertainty))
        if -1 <= digits <= 9:
            shown = [f"{value:.{max(digits, 0)}f}", f"{uncertainty:.{max(digits, 0)}f}"]
        else:
            shown = [f"{value:.5g}", f"{uncertainty:.2g}"]
    else:
        shown = [f"{value:.6g}", "0"]
    return [record["quantity"], *shown, record["unit"]]
