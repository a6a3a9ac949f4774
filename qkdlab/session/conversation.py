"""`Conversation`: all that one party's program may say to the other.

Plain public messages serve calibration across the parties; `drive` runs a sans-IO party
for a key block. Both go through one sealed channel; each plain message is a phase of
its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from qkdlab.errors import AbortCode, PeerLost, SecurityAbort
from qkdlab.link.events import Event
from qkdlab.session.drive import Driver

if TYPE_CHECKING:
    from qkdlab.link.party import Party
    from qkdlab.link.seal import SealedChannel

__all__ = ["Conversation", "SessionIds", "public_number"]

_MAX_PLAIN_BYTES = 1 << 20
_BLOCK_OVER = "block-over"


class SessionIds(Protocol):
    """What the parties of a block must know of their session."""

    @property
    def session(self) -> bytes:
        """Id of the session, 16 bytes."""
        ...

    @property
    def configuration(self) -> bytes:
        """Hash of what both must agree on, 32 bytes."""
        ...

    @property
    def key_class(self) -> str:
        """Class of its keys: secure, lab or demonstration."""
        ...


class Conversation:
    """One party's end of the classical channel.

    session:       16 bytes, id of the session, equal on both sides
    configuration: 32 bytes, hash of what both must agree on
    key_class:     secure, lab or demonstration
    figures:       public figures of the parties that were driven; of several blocks,
                   those of all together
    """

    def __init__(
        self,
        driver: Driver,
        *,
        session: bytes,
        configuration: bytes,
        key_class: str,
    ) -> None:
        self.session = session
        self.configuration = configuration
        self.key_class = key_class
        self.figures: dict[str, Any] = {}
        self._driver = driver
        self._channel: SealedChannel = driver.channel

    def send(self, kind: str, **fields: Any) -> None:
        """Say something public: plain values that JSON can hold, never a secret.

        Raises PeerLost, SecurityAbort(POOL_EMPTY).
        """
        text = json.dumps(
            {"kind": kind, **fields},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        self._channel.send(text.encode(), end_of_phase=True)

    def receive(self, kind: str, *, patience_s: float | None = None) -> dict[str, Any]:
        """Wait for the peer's message `kind`; return its fields.

        patience_s: so long at most; as long as for every message when not given

        Raises PeerLost, SecurityAbort(AUTHENTICATION_FAILED),
        SecurityAbort(PROTOCOL_VIOLATION) for any other message.
        """
        if patience_s is None:
            patience_s = self._driver.patience_s
        received = self._channel.receive(patience_s)
        if received is None:
            raise PeerLost(
                f"the other party said nothing for {patience_s:g} s; expected {kind!r}"
            )
        fields = _fields(received.data) if received.phase_verified else None
        if fields is None or fields.pop("kind", None) != kind:
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION,
                f"the other party did not say {kind!r} when it should",
            )
        return fields

    def await_peer(self) -> None:
        """Wait until the peer has said something that nobody has taken yet.

        Raises PeerLost, SecurityAbort as `receive`.
        """
        if not self._channel.await_message(self._driver.patience_s):
            raise PeerLost(
                f"the other party said nothing for {self._driver.patience_s:g} s"
            )

    def drive(self, party: Party, events: Iterable[Event] = ()) -> dict[str, Any]:
        """Run a sans-IO party to its end; return its public figures.

        The figures known by then are kept for the result when it ends in an error,
        too. See `Driver.run`.
        """
        try:
            self._driver.run(party, events)
        finally:
            self.figures.update(party.figures())
        return party.figures()

    def leave(self, abort: SecurityAbort) -> None:
        """Tell the peer why this party stops; see `Driver.leave`."""
        self._driver.leave(abort)

    def end_block(
        self, block: int, abort: SecurityAbort, codes: Collection[AbortCode]
    ) -> AbortCode:
        """Agree with the peer that a block is over, and why; both go on after it.

        What the peer had still said of the block is dropped.

        codes: reasons that end a block only

        Raises PeerLost, and SecurityAbort when the peer ended the run, or when there is
        no such reason.
        """
        self.leave(abort)
        self._driver.stay()
        self.send(_BLOCK_OVER, block=block, code=abort.code.value)
        fields = self._block_over(codes)
        said = str(fields.get("code"))
        code = abort.code if abort.code in codes else _code(said)
        understood = said in {*codes, AbortCode.PEER_ABORTED}
        if fields.get("block") != block or code not in codes or not understood:
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION, "the parties end different blocks"
            )
        return code

    def _block_over(self, codes: Collection[AbortCode]) -> dict[str, Any]:
        """Return the fields of the peer's end of the block; drop what comes before.

        Dropping goes on for the peer's patience at most, in host time.
        """
        notices, begun_s = 0, None
        patience_s = self._driver.patience_s
        while begun_s is None or time.monotonic() - begun_s < patience_s:
            try:
                received = self._channel.receive(patience_s)
            except SecurityAbort as notice:
                notices += 1
                # One notice for a block; more, or another, is the end of the run.
                if notices > 1 or notice.numbers.get("peer_code") not in codes:
                    raise
                continue
            if received is None:
                break
            begun_s = time.monotonic() if begun_s is None else begun_s
            fields = _fields(received.data) if received.phase_verified else None
            if fields is not None and fields.pop("kind", None) == _BLOCK_OVER:
                return fields
        raise PeerLost("the other party did not say that the block is over")


def public_number(fields: dict[str, Any], name: str) -> float:
    """Return a finite number of a plain message.

    Raises SecurityAbort(PROTOCOL_VIOLATION) for anything else.
    """
    value: Any = fields.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and abs(value) <= sys.float_info.max):
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION, f"the other party's {name!r} is no number"
        )
    return float(value)


def _code(value: str) -> AbortCode:
    """Return the code of a peer's message."""
    known = {code.value: code for code in AbortCode}
    return known.get(value, AbortCode.PROTOCOL_VIOLATION)


def _fields(data: bytes) -> dict[str, Any] | None:
    """Return the fields of a plain message; None for anything else."""
    if len(data) > _MAX_PLAIN_BYTES:
        return None
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
