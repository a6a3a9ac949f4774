"""How one party of two processes meets the other and learns the session's id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qkdlab.errors import SecurityAbort
from qkdlab.link.frames import Farewell
from qkdlab.link.greeting import Greeting, greet
from qkdlab.link.tcp import DEFAULT_PATIENCE_S, TcpChannel
from qkdlab.link.tcp_open import DEFAULT_WAIT_S, PeerAddress, connect, listen
from qkdlab.session.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from qkdlab.clock import BenchClock
    from qkdlab.progress import Report

__all__ = ["Meeting", "leaving", "meet"]

_GREETING_S = 30.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where and how long; one of the two listens, the other connects.

    wait_s:     until the other party is there
    patience_s: without a sign of life after that
    """

    address: PeerAddress
    listens: bool
    wait_s: float = DEFAULT_WAIT_S
    patience_s: float = DEFAULT_PATIENCE_S


def meet(
    meeting: Meeting,
    clock: BenchClock,
    greeting: Greeting,
    peer: str,
    poll: Callable[[], None],
    progress: Report,
) -> tuple[TcpChannel, bytes]:
    """Return the channel to the party `peer`, and the session's id.

    `poll` may raise to end the wait. Raises as `listen`, `connect` and `greet`.
    """
    clock.spawn(greeting.party, lambda: _meet(meeting, clock, greeting, peer, progress))
    met: tuple[TcpChannel, bytes] = clock.run(poll)[greeting.party]  # type: ignore[assignment]
    return met


def _meet(
    meeting: Meeting, clock: BenchClock, greeting: Greeting, peer: str, progress: Report
) -> tuple[TcpChannel, bytes]:
    waiting = {"wait_s": meeting.wait_s, "patience_s": meeting.patience_s}
    if meeting.listens:

        def tell(address: PeerAddress) -> None:
            progress(f"{greeting.party}: waiting for {peer} at {address}", 0, 1)

        channel = listen(meeting.address, clock, listening=tell, **waiting)
    else:
        progress(f"{greeting.party}: looking for {peer} at {meeting.address}", 0, 1)
        channel = connect(meeting.address, clock, **waiting)
    try:
        return channel, greet(channel, greeting, peer, _GREETING_S)
    except BaseException as error:
        channel.close(_farewell(error))
        raise


class Closable(Protocol):
    """What can be closed with a word why."""

    def close(self, farewell: Farewell) -> None:
        """Close it."""
        ...


@contextmanager
def leaving(channel: Closable) -> Iterator[None]:
    """Close the channel at the end, and tell the other party how it ended."""
    farewell = Farewell.DONE
    try:
        yield
    except BaseException as error:
        farewell = _farewell(error)
        raise
    finally:
        channel.close(farewell)


def _farewell(error: BaseException) -> Farewell:
    if isinstance(error, SecurityAbort):
        # The notice of an abort was its own last word.
        return Farewell.DONE
    is_stop = isinstance(error, Interrupted | KeyboardInterrupt)
    return Farewell.STOPPED if is_stop else Farewell.FAILED
