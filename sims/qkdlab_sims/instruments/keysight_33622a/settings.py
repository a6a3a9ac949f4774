"""Settings that are only kept and checked, channel by channel.

They belong to functions that a QKD bench does not use (pulses, bursts, triggers), but
that the public drivers of this family set and read. They do not act on the output,
except that a channel with bursts on waits for triggers that are not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qkdlab_sims.instruments.scpi import (
    SECOND,
    Call,
    ScpiError,
    ScpiMachine,
    boolean,
    choice,
    number,
)

__all__ = ["BURST_STATE", "ChannelSettings", "add_settings", "scientific"]

DEGREE = {"DEG": 1.0}
BURST_STATE = "[SOURce#]:BURSt:STATe"


@dataclass(frozen=True)
class _Number:
    pattern: str
    minimum: float
    maximum: float
    default: float
    units: dict[str, float] | None = None
    infinity: bool = False


@dataclass(frozen=True)
class _Choice:
    pattern: str
    words: tuple[str, ...]


NUMBERS = (
    _Number("[SOURce#]:PHASe[:ADJust]", -360, 360, 0, DEGREE),
    _Number("[SOURce#]:FUNCtion:SQUare:DCYCle", 0.01, 99.99, 50),
    _Number("[SOURce#]:FUNCtion:RAMP:SYMMetry", 0, 100, 100),
    _Number("[SOURce#]:FUNCtion:PULSe:PERiod", 10e-9, 1e6, 1e-3, SECOND),
    _Number("[SOURce#]:FUNCtion:PULSe:WIDTh", 5e-9, 1e6, 1e-4, SECOND),
    _Number("[SOURce#]:FUNCtion:PULSe:DCYCle", 0.01, 99.99, 10),
    _Number("[SOURce#]:FUNCtion:PULSe:TRANsition[:BOTH]", 2.9e-9, 1e-6, 1e-8, SECOND),
    _Number("[SOURce#]:BURSt:NCYCles", 1, 1e8, 1, None, infinity=True),
    _Number("[SOURce#]:BURSt:PHASe", -360, 360, 0, DEGREE),
    _Number("[SOURce#]:BURSt:INTernal:PERiod", 1e-6, 8000, 1e-2, SECOND),
    _Number("TRIGger#:COUNt", 1, 1e6, 1),
    _Number("TRIGger#:DELay", 0, 1000, 0, SECOND),
    _Number("TRIGger#:TIMer", 1e-6, 8000, 1, SECOND),
    _Number("TRIGger#:LEVel", 0.9, 3.8, 1.6),
)
CHOICES = (
    _Choice("[SOURce#]:FREQuency:MODE", ("CW", "LIST", "SWEep", "FIXed")),
    _Choice("[SOURce#]:FUNCtion:PULSe:HOLD", ("WIDTh", "DCYCle")),
    _Choice("[SOURce#]:BURSt:MODE", ("TRIGgered", "GATed")),
    _Choice("[SOURce#]:BURSt:GATE:POLarity", ("NORMal", "INVerted")),
    _Choice("TRIGger#:SOURce", ("IMMediate", "EXTernal", "TIMer", "BUS")),
    _Choice("TRIGger#:SLOPe", ("POSitive", "NEGative")),
)
FLAGS = (BURST_STATE, "OUTPut#:TRIGger[:STATe]", "DISPlay[:STATe]")
INFINITY = 9.9e37


def scientific(value: float) -> str:
    """Write a number as the instrument does: ``+1.000000000000000E+03`` [doc]."""
    # 9.9E37 has no exact double: 16 digits of it would not read as written.
    return "+9.900000000000000E+37" if value == INFINITY else f"{value:+.15E}"


class ChannelSettings:
    """The settings of one channel by pattern."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}
        self.words: dict[str, str] = {}
        self.flags: dict[str, bool] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the defaults."""
        self.numbers = {row.pattern: row.default for row in NUMBERS}
        self.words = {row.pattern: choice(row.words[0], row.words) for row in CHOICES}
        self.flags = dict.fromkeys(FLAGS, False)
        self.flags["DISPlay[:STATe]"] = True


def add_settings(
    machine: ScpiMachine,
    channels: dict[int, ChannelSettings],
    on_flag: Callable[[Call], None],
) -> None:
    """Serve the commands and queries of all settings.

    `on_flag` is called after each change of a flag: bursts stop the output.
    """
    for row in NUMBERS:
        _add_number(machine, channels, row)
    for words in CHOICES:
        _add_choice(machine, channels, words)
    for flag in FLAGS:
        _add_flag(machine, channels, flag, on_flag)


def _of(call: Call, channels: dict[int, ChannelSettings]) -> ChannelSettings:
    if not call.suffixes:
        return channels[1]
    return channels[call.channel(len(channels))]


def _add_number(
    machine: ScpiMachine, channels: dict[int, ChannelSettings], row: _Number
) -> None:
    def do(call: Call) -> None:
        argument = call.only()
        settings = _of(call, channels)
        if row.infinity and str(argument).upper() in ("INF", "INFINITY"):
            settings.numbers[row.pattern] = INFINITY
            return
        value = number(
            argument,
            row.units,
            minimum=row.minimum,
            maximum=row.maximum,
            default=row.default,
        )
        settings.numbers[row.pattern] = min(max(value, row.minimum), row.maximum)
        if not row.minimum <= value <= row.maximum:
            raise ScpiError(-222)

    def ask(call: Call) -> str:
        value = call.or_limit(
            _of(call, channels).numbers[row.pattern],
            minimum=row.minimum,
            maximum=row.maximum,
            default=row.default,
        )
        return scientific(value)

    machine.commands.add(row.pattern, do=do, ask=ask)


def _add_choice(
    machine: ScpiMachine, channels: dict[int, ChannelSettings], row: _Choice
) -> None:
    def do(call: Call) -> None:
        _of(call, channels).words[row.pattern] = choice(call.only(), row.words)

    machine.commands.add(
        row.pattern, do=do, ask=lambda call: _of(call, channels).words[row.pattern]
    )


def _add_flag(
    machine: ScpiMachine,
    channels: dict[int, ChannelSettings],
    pattern: str,
    on_flag: Callable[[Call], None],
) -> None:
    def do(call: Call) -> None:
        _of(call, channels).flags[pattern] = boolean(call.only())
        on_flag(call)

    machine.commands.add(
        pattern, do=do, ask=lambda call: str(int(_of(call, channels).flags[pattern]))
    )
