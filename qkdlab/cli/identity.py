"""`qkdlab identity`: who a party is, for a first contact without a shared secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "identity"


def command(
    file: Annotated[
        Path, typer.Argument(help="File of an identity, or of a public key.")
    ],
    new: Annotated[
        bool, typer.Option("--new", help="Make it, and FILE.pub beside it.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Make an identity, or show the fingerprint of one or of a public key.

    FILE is for its owner alone; FILE.pub goes to the other party. Compare its
    fingerprint by telephone, or any way on which nobody can speak in your stead, before
    you give the file to --trust.
    """
    from qkdlab.cli.output import print_json
    from qkdlab.link.identity import Identity, fingerprinted, public_path

    public = Identity.create(file).public if new else fingerprinted(file)
    if as_json:
        written = {"public_key": str(public_path(file))} if new else {}
        print_json(
            {
                "file": str(file),
                **written,
                "algorithm": "ML-DSA-65",
                "fingerprint": public.fingerprint,
            }
        )
        return 0
    if new:
        print(f"{file}: identity, for you alone")
        print(f"{public_path(file)}: public key, for the other party")
    print(f"fingerprint  {_in_groups(public.fingerprint)}")
    return 0


def _in_groups(fingerprint: str) -> str:
    """Return a fingerprint as one reads it out."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
