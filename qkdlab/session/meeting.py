"""How one party of two processes meets the other and learns the session's id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qkdlab.clock import seconds
from qkdlab.errors import PeerLost, QkdlabError, SecurityAbort
from qkdlab.link.frames import Farewell
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake, greet
from qkdlab.link.reception import GREETING_S, receive_peer
from qkdlab.link.tcp import DEFAULT_PATIENCE_S, TcpChannel
from qkdlab.link.tcp_open import DEFAULT_WAIT_S, Listener, PeerAddress, connect
from qkdlab.session.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from qkdlab.clock import BenchClock
    from qkdlab.link.first_contact import FirstContact
    from qkdlab.link.pool import PadPool
    from qkdlab.progress import Report

__all__ = ["Guest", "Meeting", "leaving", "meet"]

_ATTEMPTS = 5
_PAUSE_S = 0.5


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


@dataclass(frozen=True, slots=True)
class Guest:
    """Who this party is when it meets the other.

    party, peer:   their names
    experiment, configuration: what it is about to do, see `Greeting`
    pool:          its pre-shared secret, None without one
    contact:       its identity and the peer's, None but at a first contact
    """

    party: str
    peer: str
    experiment: str
    configuration: str
    pool: PadPool | None
    contact: FirstContact | None = None

    def handshake(self) -> Handshake:
        """Return a new greeting's half, with a nonce of its own."""
        greeting = Greeting.of(
            self.party, self.experiment, self.configuration, self.pool, self.contact
        )
        return Handshake(greeting, self.peer, self.pool, self.contact)


def meet(
    meeting: Meeting,
    clock: BenchClock,
    guest: Guest,
    poll: Callable[[], None],
    progress: Report,
) -> tuple[TcpChannel, bytes]:
    """Return the channel to the other party, and the session's id.

    `poll` may raise to end the wait. Raises as `receive_peer`, or `connect` and
    `greet`; and ResourceError when this party cannot listen.
    """
    clock.spawn(guest.party, lambda: _meet(meeting, clock, guest, progress))
    met: tuple[TcpChannel, bytes] = clock.run(poll)[guest.party]  # type: ignore[assignment]
    return met


def _meet(
    meeting: Meeting, clock: BenchClock, guest: Guest, progress: Report
) -> tuple[TcpChannel, bytes]:
    waiting = {"wait_s": meeting.wait_s, "patience_s": meeting.patience_s}
    if meeting.listens:

        def tell(error: QkdlabError) -> None:
            progress(f"{guest.party}: somebody was turned away: {error}", 0, 1)

        with Listener(meeting.address) as listener:
            where = f"waiting for {guest.peer} at {listener.address}"
            progress(f"{guest.party}: {where}", 0, 1)
            return receive_peer(
                listener, clock, guest.handshake, turned_away=tell, **waiting
            )
    progress(f"{guest.party}: looking for {guest.peer} at {meeting.address}", 0, 1)
    for attempt in range(1, _ATTEMPTS + 1):
        channel = connect(meeting.address, clock, **waiting)
        handshake = guest.handshake()
        try:
            return channel, greet(channel, handshake, GREETING_S)
        except PeerLost as error:
            # who listens hears a few at a time, and may have let this one go
            channel.close(_farewell(error))
            if handshake.knows_peer or attempt == _ATTEMPTS:
                raise
        except BaseException as error:
            channel.close(_farewell(error))
            raise
        clock.sleep_until(clock.now_ps() + seconds(_PAUSE_S))
    raise AssertionError("the last attempt returns or raises")


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
