"""`qkdlab bob`: Bob's party of an experiment, in a process of its own."""

from __future__ import annotations

from qkdlab.cli.one_party import command_of

__all__ = ["NAME", "command"]

NAME = "bob"

command = command_of(
    NAME,
    """Play Bob, who measures the light; Alice runs elsewhere.

    One of the two listens, the other connects. Each opens its own station only. All
    files of Bob go to a new folder.
    """,
)
