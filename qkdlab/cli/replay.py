"""`qkdlab replay`: a finished run once more, from its run files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json, Overrides, Quiet

__all__ = ["NAME", "command"]

NAME = "replay"


class Level(StrEnum):
    """From which record a run is gone through again."""

    TAGS = "tags"


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    level: Annotated[
        Level, typer.Option(help="Record to begin with: tags and settings.")
    ] = Level.TAGS,
    overrides: Overrides = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Go through a run's key blocks once more, without instruments.

    Unchanged, it must give the same messages, ledgers and keys. With --set it is a
    re-analysis: its key is never stored. The run's files are only read.
    """
    from qkdlab.cli.output import print_json, say
    from qkdlab.cli.progress import progress
    from qkdlab.errors import VerifyError
    from qkdlab.session.replay import replay

    with progress(quiet=quiet) as report:
        replayed = replay(folder, list(overrides or []), report)
    if as_json:
        print_json(replayed.result)
    else:
        _print(replayed.result)
    if replayed.difference is not None:
        say(f"the replay differs from the run: {replayed.difference}")
        return VerifyError.exit_code
    return 0


_SHOWN = ("qber_x", "qber_z", "sifted_bits", "leaked_bits", "secret_bits")


def _print(result: dict[str, object]) -> None:
    """Print what a replay gave, for people."""
    from qkdlab.cli.table import print_table

    blocks = result["blocks"]
    assert isinstance(blocks, list)  # noqa: S101 - made so by `replay`
    rows = [
        [str(b["block"]), *(_text(b.get(name)) for name in _SHOWN), _end(b)]
        for b in blocks
    ]
    print_table(["block", *_SHOWN, "ended"], rows, title=str(result["label"]))
    if result["identical"]:
        print("messages, ledgers and keys are those of the run")
    took, before = result["wall_s"], result["run_wall_s"]
    if isinstance(took, float) and isinstance(before, float):
        print(f"took {took:.1f} s, the run {before:.1f} s")


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def _end(block: dict[str, dict[str, str] | None]) -> str:
    aborted = block["aborted"]
    return "key" if aborted is None else aborted["code"]
