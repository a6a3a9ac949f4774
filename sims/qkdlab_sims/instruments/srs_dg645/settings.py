"""Plain settings of a DG645: ranges, steps and formats in one table.

Commands, ranges and default values as in the maker's Python package and in the EPICS
module [seen]; formats of answers [guess].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qkdlab_sims.instruments.srs import Call, Fault, SrsError

__all__ = ["SETTINGS", "Setting", "Settings"]

_MOST = 2**31 - 1
_BURSTS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One command that keeps a number, or one number for each index.

    indices: first and last index; None when the command takes none
    step:    of the values; 1 for integers
    form:    of the answer
    """

    low: float
    high: float
    default: float
    indices: tuple[int, int] | None = None
    step: float = 1.0
    form: str = "d"

    @property
    def is_integer(self) -> bool:
        """Whether a decimal point is refused."""
        return self.form == "d"


_OUTPUTS = (0, 4)
_EDGES = (2, 9)
_TIME = "+.12f"

SETTINGS: dict[str, Setting] = {
    "TSRC": Setting(0, 6, 5),
    "TRAT": Setting(1e-4, 1e7, 1000.0, step=1e-6, form=".6f"),
    "TLVL": Setting(-3.5, 3.5, 1.0, step=0.01, form="+.2f"),
    "HOLD": Setting(0.0, 2000.0, 0.0, step=1e-9, form=_TIME),
    "INHB": Setting(0, 5, 1),
    "ADVT": Setting(0, 1, 0),
    "PRES": Setting(1, _MOST, 1, (0, 4)),
    "PHAS": Setting(0, _MOST - 1, 0, (1, 4)),
    "BURM": Setting(0, 1, 0),
    "BURC": Setting(1, _BURSTS, 5),
    "BURP": Setting(1e-7, 2000.0, 1e-4, step=1e-8, form=_TIME),
    "BURD": Setting(0.0, 2000.0, 0.0, step=5e-12, form=_TIME),
    "BURT": Setting(0, 1, 0),
    "LAMP": Setting(0.5, 5.0, 2.5, _OUTPUTS, step=0.01, form=".2f"),
    "LOFF": Setting(-2.0, 2.0, 0.0, _OUTPUTS, step=0.01, form="+.2f"),
    "LPOL": Setting(0, 1, 1, _OUTPUTS),
    "SSDL": Setting(0.0, 1000.0, 1e-9, _EDGES, step=5e-12, form=_TIME),
    "SSLA": Setting(0.01, 5.0, 0.1, _OUTPUTS, step=0.01, form=".2f"),
    "SSLO": Setting(0.01, 2.0, 0.1, _OUTPUTS, step=0.01, form=".2f"),
    "*PSC": Setting(0, 1, 1),
}
"""Trigger rate and levels of the outputs: [mem] where the clients differ."""


class Settings:
    """The values of `SETTINGS`."""

    def __init__(self, table: dict[str, Setting] | None = None) -> None:
        self._table = SETTINGS if table is None else table
        self._values: dict[tuple[str, int], float] = {}
        self.reset()

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def reset(self) -> None:
        """Give every setting its default."""
        self._values = {
            (name, index): setting.default
            for name, setting in self._table.items()
            for index in _indices(setting)
        }

    def saved(self) -> dict[tuple[str, int], float]:
        """Return a copy for `restore`."""
        return dict(self._values)

    def restore(self, saved: dict[tuple[str, int], float]) -> None:
        """Take back what `saved` returned."""
        self._values = dict(saved)

    def get(self, name: str, index: int = 0) -> float:
        """Return a value."""
        return self._values[name, index]

    def put(self, name: str, value: float, index: int = 0) -> None:
        """Set a value, rounded to its step; raises SrsError outside the range."""
        setting = self._table[name]
        if not setting.low <= value <= setting.high:
            raise SrsError(Fault.ILLEGAL_VALUE)
        self._values[name, index] = round(value / setting.step) * setting.step

    def do(self, name: str, call: Call) -> None:
        """Obey a command that sets; raises SrsError."""
        setting = self._table[name]
        call.expect(1 if setting.indices is None else 2)
        index = 0 if setting.indices is None else call.integer(*setting.indices)
        at = len(call.parameters) - 1
        if setting.is_integer:
            value: float = call.integer(int(setting.low), int(setting.high), at=at)
        else:
            value = call.decimal(at)
        self.put(name, value, index)

    def ask(self, name: str, call: Call) -> str:
        """Answer a query; raises SrsError."""
        setting = self._table[name]
        call.expect(0 if setting.indices is None else 1)
        index = 0 if setting.indices is None else call.integer(*setting.indices)
        value = self._values[name, index]
        return format(int(value) if setting.is_integer else value, setting.form)


def _indices(setting: Setting) -> range:
    if setting.indices is None:
        return range(1)
    return range(setting.indices[0], setting.indices[1] + 1)
