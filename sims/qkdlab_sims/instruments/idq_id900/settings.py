"""What can be set in a Time Controller: kinds of values, ranges, values at power-up.

Commands and ranges: vendor samples, two public drivers and the user's manual [code,
doc]. Values at power-up and the block links of the factory configuration are [guess],
except that TSCO5 to TSCO8 carry inputs 1 to 4 [code].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from qkdlab_sims.instruments.idq_id900.scpi import ScpiError, is_keyword

__all__ = ["SETTINGS", "Kind", "Setting", "Settings", "Time"]

_SOURCES = ("INPUt{4}", "STARt", "DELAy{8}", "TSCOmbiner{16}")
_GATES = ("TSGEnerator{8}", "RECord")
_SECOND_PS = 1_000_000_000_000


class Kind(Protocol):
    """How the argument of a setting reads."""

    def parse(self, text: str) -> str | float:
        """Return the value; raises ScpiError."""
        ...

    def show(self, value: str | float) -> str:
        """Return the value as the instrument prints it."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the long form in capitals."""
        for word in self.words:
            if is_keyword(word, text):
                return word.upper()
        raise ScpiError("SCPI_ERR_PARAM_TYPE")

    def show(self, value: str | float) -> str:
        """Return the word."""
        return str(value)


@dataclass(frozen=True)
class Number:
    """A number with limits and a unit that may be left out."""

    low: float
    high: float
    unit: str = ""
    whole: bool = False

    def parse(self, text: str) -> float:
        """Return the number; ``1e12`` is fine for a whole one."""
        if self.unit and text.upper().endswith(self.unit):
            text = text[: -len(self.unit)]
        try:
            value = float(text)
        except ValueError:
            raise ScpiError("SCPI_ERR_PARAM_TYPE") from None
        if not self.low <= value <= self.high:
            raise ScpiError("SCPI_ERR_PARAM_OVERFLOW")
        return int(value) if self.whole else value

    def show(self, value: str | float) -> str:
        """Return the number with its unit."""
        return f"{value}{self.unit}" if self.whole else f"{value:g}{self.unit}"


@dataclass(frozen=True)
class Repetitions:
    """How often to record: a number, or INF (0 means the same [code])."""

    def parse(self, text: str) -> str | float:
        """Return a number or ``INF``."""
        if text.upper() in ("INF", "0"):
            return "INF"
        return Number(1, 1e9, whole=True).parse(text)

    def show(self, value: str | float) -> str:
        """Return it."""
        return str(value)


@dataclass(frozen=True)
class Link:
    """The name of a block whose signal is taken, or NONE."""

    blocks: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the short name with its number, such as ``INPU1``."""
        if text.upper() == "NONE":
            return "NONE"
        word = text.rstrip("0123456789")
        number = text[len(word) :]
        for block in self.blocks:
            keyword, _, last = block.rstrip("}").partition("{")
            if not is_keyword(keyword, word) or bool(last) != bool(number):
                continue
            if not last or 1 <= int(number) <= int(last):
                return "".join(c for c in keyword if c.isupper()) + number
        raise ScpiError(f"No connection possible to {text}")

    def show(self, value: str | float) -> str:
        """Return the name."""
        return str(value)


def Time(high_ps: float = _SECOND_PS) -> Number:  # noqa: N802
    """Return the kind of a time in ps, printed in time bases (1 TB = 1 ps [code])."""
    return Number(0, high_ps, "TB", whole=True)


@dataclass(frozen=True)
class Setting:
    """A kind and the value at power-up, given the number of the block."""

    kind: Kind
    at_power_up: Callable[[int], str | float]


def _always(value: str | float) -> Callable[[int], str | float]:
    return lambda number: value


_ON_OFF = Choice(("ON", "OFF"))
_EDGE = Choice(("RISIng", "FALLing"))


def _of_input(block: str) -> dict[str, Setting]:
    return {
        f"{block}:ENABle": Setting(_ON_OFF, _always("ON")),
        f"{block}:COUPling": Setting(Choice(("AC", "DC")), _always("DC")),
        f"{block}:EDGE": Setting(_EDGE, _always("RISING")),
        f"{block}:THREshold": Setting(Number(-2, 2, "V"), _always(0.1)),
        f"{block}:SELEct": Setting(
            Choice(("LOOP", "OUTPut", "SHAPed", "UNSHaped")), _always("UNSHAPED")
        ),
        f"{block}:DELAy": Setting(Time(), _always(0)),
        f"{block}:COUNter:MODE": Setting(Choice(("CYCLe", "ACCUm")), _always("CYCLE")),
    }


SETTINGS: dict[str, Setting] = {
    "DEVIce:RESolution": Setting(Choice(("HIREs", "LOWRes")), _always("HIRES")),
    "DEVIce:SYNC": Setting(Choice(("INTErnal", "EXTErnal")), _always("INTERNAL")),
    "DEVIce:LEDS": Setting(_ON_OFF, _always("ON")),
    **_of_input("INPUt{4}"),
    "INPUt{4}:RESYncpolicy": Setting(Choice(("AUTO", "MANUal")), _always("AUTO")),
    **_of_input("STARt"),
    "DELAy{8}:INPOrt:LINK": Setting(
        Link(("INPUt{4}", "STARt")), lambda n: f"INPU{n}" if n <= 4 else "NONE"
    ),
    "DELAy{8}:VALUe": Setting(Time(), _always(0)),
    "TSCOmbiner{16}:INPOrt:FIRst:LINK": Setting(
        Link(_SOURCES), lambda n: f"DELA{n - 4}" if 5 <= n <= 8 else "NONE"
    ),
    "TSCOmbiner{16}:INPOrt:SECond:LINK": Setting(Link(_SOURCES), _always("NONE")),
    "TSCOmbiner{16}:INPOrt:BEGIn:LINK": Setting(Link(_SOURCES), _always("NONE")),
    "TSCOmbiner{16}:INPOrt:END:LINK": Setting(Link(_SOURCES), _always("NONE")),
    "TSCOmbiner{16}:WINDow:ENABle": Setting(_ON_OFF, _always("OFF")),
    "TSCOmbiner{16}:WINDow:BEGIn:DELAy": Setting(Time(), _always(0)),
    "TSCOmbiner{16}:WINDow:BEGIn:EDGE": Setting(_EDGE, _always("RISING")),
    "TSCOmbiner{16}:WINDow:END:DELAy": Setting(Time(), _always(0)),
    "TSCOmbiner{16}:WINDow:END:EDGE": Setting(_EDGE, _always("FALLING")),
    "TSCOmbiner{16}:OPIN": Setting(Choice(("ONLYFIR",)), _always("ONLYFIR")),
    "TSCOmbiner{16}:OPOUt": Setting(Choice(("ONLYFIR", "MUTE")), _always("ONLYFIR")),
    "TSGEnerator{8}:ENABle": Setting(_ON_OFF, _always("OFF")),
    "TSGEnerator{8}:MODE": Setting(Choice(("SPULse",)), _always("SPULSE")),
    "TSGEnerator{8}:ONEShot:PWIDth": Setting(Time(), _always(100_000)),
    "TSGEnerator{8}:SPULse:PWIDth": Setting(Time(), _always(100_000)),
    "TSGEnerator{8}:TRIGger:INPOrt:LINK": Setting(Link(_SOURCES), _always("NONE")),
    "TSGEnerator{8}:TRIGger:MODE": Setting(
        Choice(("INPOrt", "MANUal")), _always("MANUAL")
    ),
    "TSGEnerator{8}:TRIGger:DELAy": Setting(Time(), _always(0)),
    "HISTogram{4}:[INPOrt]:REF:LINK": Setting(Link(_SOURCES), _always("STAR")),
    "HISTogram{4}:[INPOrt]:STOP:LINK": Setting(
        Link(_SOURCES), lambda n: f"TSCO{n + 4}"
    ),
    "HISTogram{4}:[INPOrt]:ENABle:LINK": Setting(Link(_GATES), _always("TSGE8")),
    "HISTogram{4}:MINimum": Setting(Time(), _always(0)),
    "HISTogram{4}:BWIDth": Setting(Time(1e9), _always(1300)),
    "HISTogram{4}:BCOUnt": Setting(Number(1, 16384, whole=True), _always(16384)),
    "RAW{4}:[INPOrt]:REF:LINK": Setting(Link(_SOURCES), _always("NONE")),
    "RAW{4}:[INPOrt]:STOP:LINK": Setting(Link(_SOURCES), lambda n: f"TSCO{n + 4}"),
    "RAW{4}:SEND": Setting(_ON_OFF, _always("OFF")),
    "RECord:TRIGger:ARM:MODE": Setting(Choice(("MANUal", "AUTO")), _always("MANUAL")),
    "RECord:ENABle": Setting(_ON_OFF, _always("OFF")),
    "RECord:NUMber": Setting(Repetitions(), _always(1)),
    "RECord:DURation": Setting(Time(1e18), _always(_SECOND_PS)),
}
"""By pattern of the command."""


class Settings:
    """The values of all settings, by pattern and number of the block."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int], str | float] = {}

    def get(self, pattern: str, number: int = 0) -> str | float:
        """Return a value."""
        default = SETTINGS[pattern].at_power_up
        return self._values.get((pattern, number), default(number))

    def set(self, pattern: str, number: int, text: str) -> str:
        """Store what `text` means; return it as printed. Raises ScpiError."""
        kind = SETTINGS[pattern].kind
        self._values[pattern, number] = kind.parse(text)
        return self.show(pattern, number)

    def show(self, pattern: str, number: int = 0) -> str:
        """Return a value as the instrument prints it."""
        return SETTINGS[pattern].kind.show(self.get(pattern, number))

    def load(self, *, with_links: bool) -> None:
        """Go back to the values at power-up; without links every link is NONE."""
        self._values.clear()
        if not with_links:
            for pattern, setting in SETTINGS.items():
                if isinstance(setting.kind, Link):
                    for number in range(17):
                        self._values[pattern, number] = "NONE"
