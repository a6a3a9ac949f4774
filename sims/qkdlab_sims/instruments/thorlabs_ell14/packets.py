"""Cutting the host's bytes on an Elliptec bus into packets.

A packet is one hex digit of address, two letters of command and as many characters of
data as that command has; no terminator. Clients that send CR LF all the same are
tolerated, because those two characters are ignored wherever they stand (Thorlabs
Elliptec protocol, frame and lengths [ran: three independent clients]).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DATA_LENGTH", "Packet", "PacketParser"]

_COMMANDS = {
    0: "in gs us i1 i2 s1 s2 go gj fw bw st gp gv om cm",
    1: "ca ga ho",
    2: "is sv",
    4: "f1 f2 b1 b2",
    8: "ma mr so sj",
}
DATA_LENGTH: dict[str, int] = {
    command: length
    for length, commands in _COMMANDS.items()
    for command in commands.split()
}
"""Characters of data after each command that an ELL14 knows."""

_PATIENCE_PS = 2_000_000_000_000
"""A packet that is not complete after this is given up (about 2 s [mem])."""

_HEX = frozenset("0123456789ABCDEFabcdef")


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet, or what stands in its place when it is none.

    `known` is False for a command that the motor does not have, `complete` is False
    for a packet whose rest did not come.
    """

    address: int
    command: str
    data: str
    known: bool = True
    complete: bool = True


class PacketParser:
    """Takes bytes split or coalesced in any way."""

    def __init__(self) -> None:
        self._buffer = ""
        self._began_ps = 0

    def feed(self, data: bytes, now_ps: int) -> list[Packet]:
        """Return the packets that `data` completes."""
        text = data.decode("ascii", "replace").replace("\r", "").replace("\n", "")
        if text and not self._buffer:
            self._began_ps = now_ps
        self._buffer += text
        packets: list[Packet] = []
        while (packet := self._next()) is not None:
            packets.append(packet)
            self._began_ps = now_ps
        return packets

    def give_up(self, now_ps: int) -> Packet | None:
        """Return the unfinished packet if its rest is overdue, and forget it."""
        due_ps = self.gives_up_at_ps()
        if due_ps is None or now_ps < due_ps:
            return None
        address = int(self._buffer[0], 16)
        self._buffer = ""
        return Packet(address, "", "", complete=False)

    def gives_up_at_ps(self) -> int | None:
        """Return when the unfinished packet is overdue, None if there is none."""
        return self._began_ps + _PATIENCE_PS if self._buffer else None

    def _next(self) -> Packet | None:
        self._buffer = self._drop_noise(self._buffer)
        if len(self._buffer) < 3:
            return None
        address, command = int(self._buffer[0], 16), self._buffer[1:3]
        length = DATA_LENGTH.get(command)
        if length is None:
            # Its length is unknown, so nothing that follows can be trusted.
            self._buffer = ""
            return Packet(address, command, "", known=False)
        if len(self._buffer) < 3 + length:
            return None
        data = self._buffer[3 : 3 + length]
        self._buffer = self._buffer[3 + length :]
        return Packet(address, command, data)

    @staticmethod
    def _drop_noise(text: str) -> str:
        at = 0
        while at < len(text) and text[at] not in _HEX:
            at += 1
        return text[at:]
