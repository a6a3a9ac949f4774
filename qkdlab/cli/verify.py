"""`qkdlab verify`: compare a run file with its hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "verify"


def command(
    file: Annotated[Path, typer.Argument(help="Run file of one party, or its .part.")],
    as_json: Json = False,
) -> int:
    """Compare a run file with its hashes.

    Of an unfinished run (.part) all whole chunks are compared.
    """
    from qkdlab.cli.output import print_json, say
    from qkdlab.errors import VerifyError
    from qkdlab.runfile.verify import examine

    found = examine(file)
    if as_json:
        print_json(
            {
                "file": str(file),
                "complete": found.complete,
                "tags": found.tags,
                "damage": found.damage,
            }
        )
    elif not found.damage:
        state = "whole" if found.complete else "unfinished, whole to its last chunk"
        print(f"{file}: {state}, {found.tags} tags as they were recorded")
    for line in found.damage:
        say(f"{file}: {line}")
    return VerifyError.exit_code if found.damage else 0
