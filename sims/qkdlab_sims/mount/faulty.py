"""Machines behind a bad line: the faults of `mount.faults` put around any machine.

The machine within knows nothing of them. A fault acts on what is heard, on what is
said, and on when; several act in the order given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from qkdlab.clock import seconds
from qkdlab.errors import ConfigError
from qkdlab_sims.instruments.machine import ByteMachine, ByteOutbox, MessageMachine
from qkdlab_sims.mount.faults import (
    CoalesceFault,
    DropLineFault,
    Fault,
    FragmentFault,
    GarbageFault,
    SilentFault,
)
from qkdlab_sims.mount.line import LineDropped

__all__ = ["FaultyByteMachine", "FaultyMessageMachine"]


class _Behaviour(Protocol):
    """One fault at work on one connection."""

    def hear(self, data: bytes, now_ps: int) -> bytes | None:
        """Return what the machine hears of `data`, None for nothing."""
        ...

    def say(self, data: bytes, now_ps: int) -> bytes | None:
        """Return what comes out of `data`, None for nothing."""
        ...


class _Onset:
    def __init__(self, fault: SilentFault | GarbageFault) -> None:
        self._bytes_left = fault.after_bytes
        self._after_ps = seconds(fault.after_s)

    def split(self, data: bytes, now_ps: int) -> tuple[bytes, bytes]:
        """Split what is said into the sound part and the part that is struck."""
        if now_ps < self._after_ps:
            n_sound = len(data)
        else:
            n_sound = min(self._bytes_left, len(data))
        self._bytes_left = max(0, self._bytes_left - len(data))
        return data[:n_sound], data[n_sound:]

    def has_begun(self, now_ps: int) -> bool:
        return now_ps >= self._after_ps and self._bytes_left == 0


class _Silent:
    def __init__(self, fault: SilentFault) -> None:
        self._onset = _Onset(fault)

    def hear(self, data: bytes, now_ps: int) -> bytes | None:
        return None if self._onset.has_begun(now_ps) else data

    def say(self, data: bytes, now_ps: int) -> bytes | None:
        sound, struck = self._onset.split(data, now_ps)
        return sound if sound or not struck else None


class _Garbage:
    def __init__(self, fault: GarbageFault) -> None:
        self._onset = _Onset(fault)
        self._position = 0

    def hear(self, data: bytes, now_ps: int) -> bytes | None:
        return data

    def say(self, data: bytes, now_ps: int) -> bytes | None:
        sound, struck = self._onset.split(data, now_ps)
        return sound + bytes(b if b in b"\r\n" else self._noise() for b in struck)

    def _noise(self) -> int:
        digest = hashlib.sha256(self._position.to_bytes(8, "little")).digest()
        self._position += 1
        # Neither a control character nor a plausible number.
        return 0x80 | digest[0]


class _DropLine:
    def __init__(self, fault: DropLineFault) -> None:
        self.at_ps = seconds(fault.at_s)

    def hear(self, data: bytes, now_ps: int) -> bytes | None:
        return self.say(data, now_ps)

    def say(self, data: bytes, now_ps: int) -> bytes | None:
        if now_ps >= self.at_ps:
            raise LineDropped
        return data


def _behaviours(faults: Sequence[Fault]) -> list[_Behaviour]:
    made: list[_Behaviour] = []
    for fault in faults:
        if isinstance(fault, SilentFault):
            made.append(_Silent(fault))
        elif isinstance(fault, GarbageFault):
            made.append(_Garbage(fault))
        elif isinstance(fault, DropLineFault):
            made.append(_DropLine(fault))
    return made


class _Faulty:
    def __init__(
        self, machine: ByteMachine | MessageMachine, faults: Sequence[Fault]
    ) -> None:
        self._source = machine
        self._behaviours = _behaviours(faults)

    def _heard(self, data: bytes, now_ps: int) -> bytes | None:
        heard: bytes | None = data
        for behaviour in self._behaviours:
            if heard is not None:
                heard = behaviour.hear(heard, now_ps)
        return heard

    def _said(self, data: bytes, now_ps: int) -> bytes | None:
        said: bytes | None = data
        for behaviour in self._behaviours:
            if said is not None:
                said = behaviour.say(said, now_ps)
        return said

    def next_wake_ps(self) -> int | None:
        """Return when the machine or the bad line may do something."""
        cuts = [b.at_ps for b in self._behaviours if isinstance(b, _DropLine)]
        wake_ps = self._source.next_wake_ps()
        return min([*cuts, wake_ps] if wake_ps is not None else cuts, default=None)


class FaultyByteMachine(_Faulty):
    """A `ByteMachine` behind faults."""

    def __init__(self, machine: ByteMachine, faults: Sequence[Fault]) -> None:
        super().__init__(machine, faults)
        self._machine = machine
        self._pacing = [
            fault
            for fault in faults
            if isinstance(fault, FragmentFault | CoalesceFault)
        ]
        self._outbox = ByteOutbox()
        self._free_ps = 0

    def feed(self, data: bytes, now_ps: int) -> None:
        """Hand on what the faults let pass."""
        heard = self._heard(data, now_ps)
        if heard is not None:
            self._machine.feed(heard, now_ps)

    def take(self, now_ps: int) -> bytes:
        """Give what the faults let pass, when they let it pass."""
        # A cut line tells so even when the machine has nothing to say.
        said = self._said(self._machine.take(now_ps), now_ps)
        if not self._pacing:
            return said or b""
        if said:
            self._schedule(said, now_ps)
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when `take` may have something new."""
        wakes = [super().next_wake_ps(), self._outbox.next_wake_ps()]
        return min([wake for wake in wakes if wake is not None], default=None)

    def _schedule(self, data: bytes, now_ps: int) -> None:
        due_ps, piece_bytes, gap_ps = now_ps, len(data), 0
        for fault in self._pacing:
            if isinstance(fault, FragmentFault):
                piece_bytes, gap_ps = fault.piece_bytes, seconds(fault.gap_s)
            else:
                window_ps = seconds(fault.window_s)
                due_ps = -(-now_ps // window_ps) * window_ps
        due_ps = max(due_ps, self._free_ps)
        for at in range(0, len(data), piece_bytes):
            self._outbox.put(data[at : at + piece_bytes], due_ps)
            due_ps += gap_ps
        self._free_ps = due_ps


class FaultyMessageMachine(_Faulty):
    """A `MessageMachine` behind faults.

    Raises ConfigError for a fault that whole messages cannot have.
    """

    def __init__(self, machine: MessageMachine, faults: Sequence[Fault]) -> None:
        super().__init__(machine, faults)
        self._machine = machine
        for fault in faults:
            if isinstance(fault, FragmentFault | CoalesceFault):
                raise ConfigError(
                    f"simulation.faults: {fault.kind}: this connection carries whole "
                    "messages, which are neither split nor joined"
                )

    def feed(self, message: bytes, now_ps: int) -> None:
        """Hand on what the faults let pass."""
        heard = self._heard(message, now_ps)
        if heard is not None:
            self._machine.feed(heard, now_ps)

    def take(self, now_ps: int) -> list[bytes]:
        """Give what the faults let pass."""
        messages = self._machine.take(now_ps)
        if not messages:
            # A cut line tells so even when the machine has nothing to say.
            self._said(b"", now_ps)
        passed = []
        for message in messages:
            said = self._said(message, now_ps)
            # A message that silence would cut short is lost as a whole.
            if said is not None and len(said) == len(message):
                passed.append(said)
        return passed
