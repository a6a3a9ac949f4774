"""`qkdlab secret`: pre-shared pads for two parties, a file for each."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "secret"


def command(
    alice: Annotated[Path, typer.Argument(help="New file for Alice.")],
    bob: Annotated[Path, typer.Argument(help="New file for Bob.")],
    pads: Annotated[
        int, typer.Option(min=1, max=1 << 24, help="Tags that each party can send.")
    ] = 16384,
    as_json: Json = False,
) -> int:
    """Write a new pre-shared secret: one file for each party, readable by you alone.

    Bring one to the other party by a way that you trust, before either is used; then no
    other copy may exist, not in a backup either. Spent pads are overwritten, so that a
    second run goes on where the first ended; FILE.used beside it tells how far, and
    goes wherever the file goes.
    """
    import os

    from qkdlab.cli.output import print_json
    from qkdlab.link.high_water import mark_path
    from qkdlab.link.pool import PadPool, pool_bytes

    secret = os.urandom(pool_bytes(pads))
    files = {"alice": alice, "bob": bob}
    with ExitStack() as undo:
        for party, file in files.items():
            PadPool.create(file, secret, party).close()
            undo.callback(file.unlink)
            undo.callback(mark_path(file).unlink)
        undo.pop_all()
    if as_json:
        names = {party: str(file) for party, file in files.items()}
        print_json({"files": names, "pads": pads})
    else:
        for party, file in files.items():
            print(f"{file}: {pads} pads for each party; of {party}")
    return 0
