"""Who listens meets whoever comes, and goes on listening until the peer has come.

Anybody can connect to a port. Several are therefore heard at a time, so that nobody who
stays silent keeps the peer out; what a stranger says, or does not say, is never the end
of the wait (see `Handshake` for who is one). Each caller gets `GREETING_S` for each
message, and `MAX_GREETING_BYTES` for its length; when `MOST_CALLERS` are there, a new
one takes the place of the one that has been there longest without a good greeting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from qkdlab.clock import Clock, seconds
from qkdlab.errors import PeerLost, QkdlabError, SecurityAbort
from qkdlab.link.frames import Farewell
from qkdlab.link.greeting import MAX_GREETING_BYTES
from qkdlab.link.handshake import Handshake, tell_refusal
from qkdlab.link.tcp import DEFAULT_PATIENCE_S, TcpChannel
from qkdlab.link.tcp_open import DEFAULT_WAIT_S, Listener

__all__ = ["GREETING_S", "MOST_CALLERS", "receive_peer"]

GREETING_S = 30.0
MOST_CALLERS = 16


def receive_peer(
    listener: Listener,
    clock: Clock,
    begin: Callable[[], Handshake],
    *,
    wait_s: float = DEFAULT_WAIT_S,
    patience_s: float = DEFAULT_PATIENCE_S,
    turned_away: Callable[[QkdlabError], None] = lambda error: None,
) -> tuple[TcpChannel, bytes]:
    """Return the channel to the peer, and the session's id.

    begin:       makes a handshake with a nonce of its own, for each caller
    turned_away: called with what was wrong with a stranger

    Raises what the peer gave cause for, see `Handshake.take`. When the peer has not
    come within `wait_s`, raises what was wrong with the last stranger who greeted,
    since that may have been the peer after all; PeerLost when nobody has.
    """
    reception = _Reception(listener, clock, begin, patience_s, turned_away)
    end_ps = clock.now_ps() + seconds(wait_s)
    try:
        if not clock.wait(reception.poll, deadline_ps=end_ps, what="the other party"):
            raise reception.refusal or PeerLost(
                f"the other party did not come to {listener.address} in {wait_s:g} s"
            )
    finally:
        reception.close()
    return reception.met()


@dataclass
class _Caller:
    """Somebody who connected; `end_ps`: until then the next message must be there."""

    channel: TcpChannel
    handshake: Handshake
    end_ps: int


class _Reception:
    """All who have connected; `refusal` is what was wrong with the last who greeted."""

    def __init__(
        self,
        listener: Listener,
        clock: Clock,
        begin: Callable[[], Handshake],
        patience_s: float,
        turned_away: Callable[[QkdlabError], None],
    ) -> None:
        self._listener = listener
        self._clock = clock
        self._begin = begin
        self._patience_s = patience_s
        self._turned_away = turned_away
        self._callers: deque[_Caller] = deque()
        self._peer: _Caller | None = None
        self._leaving: list[threading.Thread] = []
        self.refusal: QkdlabError | None = None

    def poll(self) -> bool:
        """Hear everybody once, then let one more in; tell whether the peer is here."""
        for caller in list(self._callers):
            self._hear(caller)
            if self._peer is not None:
                return True
        connected = self._listener.accept()
        if connected is not None:
            if len(self._callers) == MOST_CALLERS:
                silent = (c for c in self._callers if not c.handshake.has_greeted)
                least = next(silent, self._callers[0])
                self._callers.remove(least)
                least.channel.drop()
            channel = TcpChannel(
                connected,
                self._clock,
                patience_s=self._patience_s,
                longest_bytes=MAX_GREETING_BYTES,
            )
            caller = _Caller(channel, self._begin(), self._deadline_ps())
            self._callers.append(caller)
            self._say(caller, caller.handshake.said)
        return False

    def met(self) -> tuple[TcpChannel, bytes]:
        """Return the channel to the peer, and the session's id."""
        if self._peer is None or self._peer.handshake.session is None:
            raise LookupError("the peer has not come")
        return self._peer.channel, self._peer.handshake.session

    def close(self) -> None:
        """Send everybody else away; without the peer, wait until they have heard."""
        for caller in self._callers:
            caller.channel.drop()
        self._callers.clear()
        for thread in self._leaving if self._peer is None else ():
            thread.join()

    def _hear(self, caller: _Caller) -> None:
        try:
            message = caller.channel.receive(0.0)
            if message is None:
                if self._clock.now_ps() > caller.end_ps:
                    raise PeerLost(f"somebody did not greet within {GREETING_S:g} s")
                return
            answer = caller.handshake.take(message)
        except QkdlabError as error:
            self._refuse(caller, error)
            return
        caller.end_ps = self._deadline_ps()
        if answer is not None:
            self._say(caller, answer)
        if caller.handshake.session is not None:
            self._callers.remove(caller)
            caller.channel.admit()
            self._peer = caller

    def _say(self, caller: _Caller, message: bytes) -> None:
        try:
            caller.channel.send(message)
        except QkdlabError as error:
            self._refuse(caller, error)

    def _refuse(self, caller: _Caller, error: QkdlabError) -> None:
        """Send a caller away; it was the peer when its handshake says so."""
        self._callers.remove(caller)
        is_peer = caller.handshake.knows_peer
        if isinstance(error, PeerLost) and not is_peer:
            caller.channel.drop()
        else:
            self._send_off(caller.channel, error)
        if is_peer:
            raise error
        if not isinstance(error, PeerLost):
            self.refusal = error
        self._turned_away(error)

    def _send_off(self, channel: TcpChannel, error: QkdlabError) -> None:
        """Tell a caller why, and close when it has heard that; nobody waits for it."""
        self._leaving = [thread for thread in self._leaving if thread.is_alive()]
        if len(self._leaving) >= MOST_CALLERS:
            channel.drop()
            return
        tell_refusal(channel, error)
        is_abort = isinstance(error, SecurityAbort)
        farewell = Farewell.DONE if is_abort else Farewell.FAILED
        leaving = threading.Thread(target=channel.close, args=(farewell,), daemon=True)
        leaving.start()
        self._leaving.append(leaving)

    def _deadline_ps(self) -> int:
        return self._clock.now_ps() + seconds(GREETING_S)
