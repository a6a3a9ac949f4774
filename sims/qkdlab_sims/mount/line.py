"""The line between a mount and a machine: how a machine tells that it went down."""

from __future__ import annotations

__all__ = ["LineDropped"]


class LineDropped(Exception):
    """Raised by a machine's `feed` or `take` once its line is cut.

    A mount turns it into what a client of that line would see: in process,
    InstrumentDisconnected; on a socket, a closed connection.
    """
