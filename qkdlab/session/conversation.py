"""`Conversation`: all that one party's program may say to the other.

Plain public messages serve calibration across the parties; `drive` runs a sans-IO party
for a key block. Both go through one sealed channel; each plain message is a phase of
its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qkdlab.errors import AbortCode, PeerLost, SecurityAbort
from qkdlab.link.events import Event
from qkdlab.session.drive import Driver

if TYPE_CHECKING:
    from qkdlab.link.party import Party
    from qkdlab.link.seal import SealedChannel

__all__ = ["Conversation", "public_number"]

_MAX_PLAIN_BYTES = 1 << 20


class Conversation:
    """One party's end of the classical channel.

    session:       16 bytes, id of the session, equal on both sides
    configuration: 32 bytes, hash of what both must agree on
    key_class:     secure, lab or demonstration
    figures:       public figures of the parties that were driven
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

    def receive(self, kind: str) -> dict[str, Any]:
        """Wait for the peer's message `kind`; return its fields.

        Raises PeerLost, SecurityAbort(AUTHENTICATION_FAILED),
        SecurityAbort(PROTOCOL_VIOLATION) for any other message.
        """
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


def _fields(data: bytes) -> dict[str, Any] | None:
    """Return the fields of a plain message; None for anything else."""
    if len(data) > _MAX_PLAIN_BYTES:
        return None
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
