"""One command or query as its handler sees it: parameters, checked when asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from qkdlab_sims.instruments.srs.errors import Fault, SrsError

__all__ = ["Call"]

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")
_INTEGER = re.compile(r"[+-]?\d+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Call:
    """Parameters of one command, and the time at which it is executed."""

    parameters: tuple[str, ...]
    now_ps: int

    def expect(self, at_least: int, at_most: int | None = None) -> None:
        """Check the number of parameters; raises SrsError."""
        if len(self.parameters) < at_least:
            raise SrsError(Fault.MISSING_PARAMETERS)
        if len(self.parameters) > (at_least if at_most is None else at_most):
            raise SrsError(Fault.EXTRA_PARAMETERS)

    def number(self, units: Mapping[str, float] | None = None) -> tuple[float, str]:
        """Return the only parameter and its unit in upper case, ``""`` without.

        units: those allowed; the number is multiplied by what stands there

        Raises SrsError for text that is no number, or an unknown unit.
        """
        self.expect(1)
        found = _NUMBER.fullmatch(self.parameters[0])
        if found is None:
            raise SrsError(Fault.INVALID_FLOAT)
        unit = found.group(2).upper()
        if unit and unit not in (units or {}):
            raise SrsError(Fault.ILLEGAL_UNITS)
        scale = (units or {}).get(unit, 1.0)
        return float(found.group(1)) * scale, unit

    def unit(self, units: Mapping[str, float], default: str) -> str:
        """Return the unit that a query asks for, in upper case; raises SrsError."""
        self.expect(0, 1)
        if not self.parameters:
            return default
        unit = self.parameters[0].upper()
        if unit not in units:
            raise SrsError(Fault.ILLEGAL_UNITS)
        return unit

    def decimal(self, at: int) -> float:
        """Return the parameter at `at`, without a unit; raises SrsError."""
        if len(self.parameters) <= at:
            raise SrsError(Fault.MISSING_PARAMETERS)
        found = _NUMBER.fullmatch(self.parameters[at])
        if found is None or found.group(2) or not math.isfinite(float(found.group(1))):
            raise SrsError(Fault.INVALID_FLOAT)
        return float(found.group(1))

    def integer(self, minimum: int, maximum: int, *, at: int = 0) -> int:
        """Return the parameter at `at`; raises SrsError outside the limits."""
        if len(self.parameters) <= at:
            raise SrsError(Fault.MISSING_PARAMETERS)
        if _INTEGER.fullmatch(self.parameters[at]) is None:
            raise SrsError(Fault.INVALID_INTEGER)
        value = int(self.parameters[at])
        if not minimum <= value <= maximum:
            raise SrsError(Fault.ILLEGAL_VALUE)
        return value

    def token(self, names: tuple[str, ...]) -> int:
        """Return the only parameter as a place in `names`; it may be its number."""
        self.expect(1)
        text = self.parameters[0].upper()
        if text in names:
            return names.index(text)
        if _NAME.fullmatch(text) is not None:
            raise SrsError(Fault.UNKNOWN_TOKEN)
        if _INTEGER.fullmatch(text) is None or not 0 <= int(text) < len(names):
            raise SrsError(Fault.INVALID_TOKEN)
        return int(text)
