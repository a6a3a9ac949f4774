"""Register groups of SCPI's status system: condition, transition filters, event.

SCPI-1999 volume 1 chapter 9, volume 2 chapter 20 [mem]: an event is latched when its
condition bit changes in a way that the transition filters let pass; reading it clears
it. ``STATus:PRESet`` lets rising bits pass and disables all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qkdlab_sims.instruments.scpi.arguments import number
from qkdlab_sims.instruments.scpi.machine import Call, ScpiMachine
from qkdlab_sims.instruments.scpi.status import ScpiError

__all__ = ["RegisterGroup", "add_register_groups"]

_ALL = 0x7FFF
"""Bit 15 is never used."""


class RegisterGroup:
    """One group; what its condition does between two looks counts as one change.

    condition: bits at a time
    """

    def __init__(self, condition: Callable[[int], int]) -> None:
        self.condition = condition
        self._event = 0
        self._last = 0
        self.preset()

    def preset(self) -> None:
        """Do what ``STATus:PRESet`` does."""
        self.registers = {"ENABle": 0, "PTRansition": _ALL, "NTRansition": 0}

    def look(self, now_ps: int) -> None:
        """Latch what has changed since the last look."""
        condition = self.condition(now_ps)
        rose, fell = condition & ~self._last, self._last & ~condition
        self._event |= rose & self.registers["PTRansition"]
        self._event |= fell & self.registers["NTRansition"]
        self._last = condition

    def take_event(self, now_ps: int) -> int:
        """Read and clear the event register."""
        self.look(now_ps)
        value, self._event = self._event, 0
        return value


def add_register_groups(
    machine: ScpiMachine, groups: Mapping[str, RegisterGroup]
) -> None:
    """Give a machine its groups, by name such as ``OPERation``."""
    for name, group in groups.items():
        _add(machine, f"STATus:{name}", group)

    def preset(call: Call) -> None:
        for group in groups.values():
            group.look(call.now_ps)
            group.preset()

    machine.commands.add("STATus:PRESet", do=preset)


def _add(machine: ScpiMachine, node: str, group: RegisterGroup) -> None:
    add = machine.commands.add
    add(f"{node}[:EVENt]", ask=lambda call: str(group.take_event(call.now_ps)))
    add(f"{node}:CONDition", ask=lambda call: str(group.condition(call.now_ps)))
    for register in group.registers:
        add(
            f"{node}:{register}",
            do=_setting(group, register),
            ask=_asking(group, register),
        )


def _asking(group: RegisterGroup, register: str) -> Callable[[Call], str]:
    return lambda call: str(group.registers[register])


def _setting(group: RegisterGroup, register: str) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        value = round(number(call.only()))
        if not 0 <= value <= 0xFFFF:
            raise ScpiError(-222)
        group.look(call.now_ps)
        group.registers[register] = value & _ALL

    return do
