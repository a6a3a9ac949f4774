"""A scan: set one parameter to value after value, read others at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qkdlab.clock import Clock, seconds
from qkdlab.errors import UsageError
from qkdlab.station.parameters import Parameter

__all__ = ["Column", "ScanPoint", "evenly", "flatten", "scan"]


@dataclass(frozen=True, slots=True)
class Column:
    """One number of each point of a scan."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class ScanPoint:
    """What was set and what was read then, in the order of the parameters."""

    setting: float
    readings: tuple[Any, ...]


def evenly(first: float, last: float, n: int) -> list[float]:
    """Return `n` values from `first` to `last`; raises UsageError for fewer than 1."""
    if n < 1:
        raise UsageError(f"a scan of {n} points is none; give 1 or more")
    if n == 1:
        return [first]
    return [first + (last - first) * k / (n - 1) for k in range(n)]


def scan(
    parameter: Parameter,
    values: Sequence[float],
    reads: Sequence[Parameter],
    settle_s: float,
    clock: Clock,
    each: Callable[[ScanPoint], None],
) -> None:
    """Go through `values`; hand every point to `each` as soon as it is measured.

    settle_s: waited after each setting, beyond what the instrument waits itself

    All values are checked before the first is set. Raises UsageError and
    InstrumentError; `each` may raise to end the scan.
    """
    settings = [parameter.number(value) for value in values]
    for setting in settings:
        parameter.set(setting)
        clock.sleep_until(clock.now_ps() + seconds(settle_s))
        each(ScanPoint(setting, tuple(read.get() for read in reads)))


def flatten(
    parameters: Sequence[Parameter], values: Sequence[Any]
) -> list[tuple[Column, Any]]:
    """Return values by column: each element of a list gets one of its own."""
    flat: list[tuple[Column, Any]] = []
    for parameter, value in zip(parameters, values, strict=True):
        if isinstance(value, list | tuple):
            for k, element in enumerate(value):
                flat.append((Column(f"{parameter.name}[{k}]", parameter.unit), element))
        else:
            flat.append((Column(parameter.name, parameter.unit), value))
    return flat
