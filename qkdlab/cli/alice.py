"""`qkdlab alice`: Alice's party of an experiment, in a process of its own."""

from __future__ import annotations

from qkdlab.cli.one_party import command_of

__all__ = ["NAME", "command"]

NAME = "alice"

command = command_of(
    NAME,
    """Play Alice, who prepares the light; Bob runs elsewhere.

    One of the two listens, the other connects. Each opens its own station only. All
    files of Alice go to a new folder.
    """,
)
