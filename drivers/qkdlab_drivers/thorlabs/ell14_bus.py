"""One Elliptec bus, lent to all motors on it.

Thorlabs ELLx protocol, frames and status codes as in four public clients [ran against
three]. A motor that moves keeps the whole bus to itself until it has arrived, so one
exchange at a time passes, whoever asks.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import ClassVar

from qkdlab.clock import PS_PER_S, Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.framing import LineReader
from qkdlab_drivers.strange import strange_answer

__all__ = ["BUSY", "EllipticBus", "Reply"]

BUSY = 9
STATUS = {
    1: "communication timeout",
    2: "mechanical timeout",
    3: "command not supported",
    4: "value out of range",
    5: "isolated",
    6: "no longer isolated",
    7: "initialising",
    8: "thermal error",
    BUSY: "busy",
    10: "sensor error",
    11: "motor error",
    12: "out of range",
    13: "over-current",
}
_LINE = re.compile(rb"([0-9A-F])([A-Z][A-Z0-9])([0-9A-F]*)")
_BACKGROUND = ("BS", "BO")
"""Sent without being asked when somebody presses a button."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a motor said: two letters and hexadecimal data."""

    code: str
    data: str

    @property
    def status(self) -> int | None:
        """Return the status code of a GS reply, None for any other."""
        return int(self.data, 16) if self.code == "GS" and self.data else None

    def number(self) -> int:
        """Return the data as a signed 32-bit number."""
        value = int(self.data, 16)
        return value - (1 << 32) if value >= 1 << 31 else value


class EllipticBus:
    """Exchanges with motors by address; get one with :meth:`borrow`."""

    _lent: ClassVar[dict[int, EllipticBus]] = {}

    def __init__(self, transport: ByteTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._reader = LineReader(transport, limit_bytes=4096)
        self._lock = threading.Lock()
        self._borrowers = 0

    @classmethod
    def borrow(cls, transport: ByteTransport, clock: Clock) -> EllipticBus:
        """Return the bus on this line, the same for everybody who asks."""
        bus = cls._lent.setdefault(id(transport), cls(transport, clock))
        bus._borrowers += 1
        return bus

    def give_back(self) -> None:
        """End a loan; the last one closes the line."""
        self._borrowers -= 1
        if self._borrowers == 0:
            self._lent.pop(id(self._transport), None)
            self._transport.close()

    def ask(
        self, name: str, address: int, message: str, *, expect: str, timeout_s: float
    ) -> Reply:
        """Send `message` to `address`; return the reply, whose code is `expect`.

        Status replies "busy" are passed over until the time is up. Raises
        InstrumentError when the motor reports another status, InstrumentReplyError for
        a reply that fits neither, InstrumentTimeout; `name` is the motor's.
        """
        self._acquire()
        try:
            self._forget_late_replies()
            self._transport.write(f"{address:X}{message}".encode("ascii"))
            deadline_ps = self._clock.now_ps() + seconds(timeout_s)
            while True:
                reply = self._next(name, address, message, deadline_ps)
                if reply.status == BUSY and expect != "GS":
                    continue
                if reply.status and reply.code != expect:
                    raise InstrumentError(
                        name,
                        f"reported {describe(reply.status)} after {message}",
                        "check that nothing blocks the mount",
                    )
                if reply.code != expect:
                    raise strange_answer(name, message, f"{reply.code}{reply.data}")
                return reply
        finally:
            self._lock.release()

    def _acquire(self) -> None:
        # Waiting must go through the clock: in a run on virtual time the holder can
        # only go on when this thread blocks there.
        while not self._lock.acquire(blocking=False):
            self._clock.wait(lambda: not self._lock.locked(), what="the Elliptec bus")

    def _forget_late_replies(self) -> None:
        self._reader.drain()
        while self._transport.read(4096, 0.0):
            pass

    def _next(self, name: str, address: int, message: str, deadline_ps: int) -> Reply:
        """Return the next reply of the motor, button messages passed over."""
        while True:
            left_ps = max(0, deadline_ps - self._clock.now_ps())
            try:
                line = self._reader.read_until(b"\r\n", left_ps / PS_PER_S)
            except InstrumentTimeout as error:
                raise InstrumentTimeout(
                    name,
                    f"no answer to {message} from address {address:X}",
                    "check power, cable and address",
                ) from error
            found = _LINE.fullmatch(line)
            if found is None:
                raise strange_answer(name, message, line[:40].decode("latin-1"))
            sender, code, data = (part.decode("ascii") for part in found.groups())
            if code in _BACKGROUND:
                continue
            if int(sender, 16) != address:
                raise strange_answer(name, message, f"{code} from address {sender}")
            return Reply(code, data)


def describe(status: int) -> str:
    """Return a status code in words."""
    return f"status {status} ({STATUS.get(status, 'unknown')})"
