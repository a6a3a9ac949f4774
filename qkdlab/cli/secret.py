"""`qkdlab secret`: a file of pre-shared pads for two parties."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "secret"


def command(
    file: Annotated[Path, typer.Argument(help="New file, readable by you alone.")],
    pads: Annotated[
        int, typer.Option(min=1, max=1 << 24, help="Tags that each party can send.")
    ] = 16384,
    as_json: Json = False,
) -> int:
    """Write a new pre-shared secret, to authenticate two parties to each other.

    Bring one copy to the other party by a way that you trust, before either is used;
    then no other copy may exist. Spent pads are overwritten in the file, so that a
    second run goes on where the first ended.
    """
    import os

    from qkdlab.cli.output import print_json
    from qkdlab.link.pool import PadPool, pool_bytes

    PadPool.create(file, os.urandom(pool_bytes(pads))).close()
    if as_json:
        print_json({"file": str(file), "pads": pads})
    else:
        print(f"{file}: {pads} pads for each party")
    return 0
