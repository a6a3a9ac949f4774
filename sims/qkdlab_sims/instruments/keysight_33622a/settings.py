"""Settings that are only kept and checked, channel by channel.

They belong to functions that a QKD bench does not use (pulses, bursts, triggers,
modulation), but that the public drivers of this family set and read. What they do to
the output is not modelled in full: see `ChannelSettings.disturbs`
and `Simulator.output`.
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

__all__ = [
    "BURST_STATE",
    "FEED",
    "TRACK",
    "ChannelSettings",
    "add_settings",
    "scientific",
]

DEGREE = {"DEG": 1.0}
BURST_STATE = "[SOURce#]:BURSt:STATe"
TRACK = "[SOURce#]:TRACk"
FEED = "[SOURce#]:COMBine:FEED"
ADVANCE = "[SOURce#]:FUNCtion:ARBitrary:ADVance"
MODE = "OUTPut#:MODE"
MODULATIONS = tuple(
    f"[SOURce#]:{mode}:STATe"
    for mode in ("AM", "FM", "PM", "FSKey", "BPSK", "PWM", "SUM", "SWEep")
)


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
    _Choice(ADVANCE, ("SRATe", "TRIGger")),
    _Choice(FEED, ("NONE", "CH1", "CH2")),
    _Choice(MODE, ("NORMal", "GATed")),
    _Choice("OUTPut#:SYNC:MODE", ("NORMal", "CARRier", "MARKer")),
    _Choice("OUTPut#:SYNC:POLarity", ("NORMal", "INVerted")),
    _Choice("[SOURce#]:FREQuency:MODE", ("CW", "LIST", "SWEep", "FIXed")),
    _Choice("[SOURce#]:FUNCtion:PULSe:HOLD", ("WIDTh", "DCYCle")),
    _Choice("[SOURce#]:BURSt:MODE", ("TRIGgered", "GATed")),
    _Choice("[SOURce#]:BURSt:GATE:POLarity", ("NORMal", "INVerted")),
    _Choice("TRIGger#:SOURce", ("IMMediate", "EXTernal", "TIMer", "BUS")),
    _Choice("TRIGger#:SLOPe", ("POSitive", "NEGative")),
)
FLAGS = (
    BURST_STATE,
    *MODULATIONS,
    TRACK,
    "[SOURce#]:VOLTage:COUPle[:STATe]",
    "[SOURce#]:RATE:COUPle[:STATe]",
    "OUTPut#:TRIGger[:STATe]",
    "DISPlay[:STATe]",
)
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

    def disturbs(self) -> bool:
        """Return whether the output is something else than the waveform over again.

        Bursts, triggers and gates wait for signals that are not simulated; what
        modulation makes of a waveform is not modelled.
        """
        return (
            self.flags[BURST_STATE]
            or any(self.flags[mode] for mode in MODULATIONS)
            or self.words[ADVANCE] != "SRAT"
            or self.words[MODE] != "NORM"
        )


def add_settings(
    machine: ScpiMachine,
    channels: dict[int, ChannelSettings],
    on_change: Callable[[Call], None],
) -> None:
    """Serve the commands and queries of all settings.

    `on_change` is called after each change of a flag or choice, which may act on the
    output.
    """
    for row in NUMBERS:
        _add_number(machine, channels, row)
    for words in CHOICES:
        _add_choice(machine, channels, words, on_change)
    for flag in FLAGS:
        _add_flag(machine, channels, flag, on_change)


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
    machine: ScpiMachine,
    channels: dict[int, ChannelSettings],
    row: _Choice,
    on_change: Callable[[Call], None],
) -> None:
    def do(call: Call) -> None:
        _of(call, channels).words[row.pattern] = choice(call.only(), row.words)
        on_change(call)

    machine.commands.add(
        row.pattern, do=do, ask=lambda call: _of(call, channels).words[row.pattern]
    )


def _add_flag(
    machine: ScpiMachine,
    channels: dict[int, ChannelSettings],
    pattern: str,
    on_change: Callable[[Call], None],
) -> None:
    def do(call: Call) -> None:
        _of(call, channels).flags[pattern] = boolean(call.only())
        on_change(call)

    machine.commands.add(
        pattern, do=do, ask=lambda call: str(int(_of(call, channels).flags[pattern]))
    )
