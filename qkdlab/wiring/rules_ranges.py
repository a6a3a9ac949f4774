"""Rules of ranges: a part's label and its instrument's driver must leave something."""

from __future__ import annotations

import math
from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import PowerMeterPart, VariableAttenuator
from qkdlab.wiring.view import BenchView

__all__ = ["attenuator_range_db", "label_ranges", "meter_range_dbm"]


def attenuator_range_db(
    view: BenchView, part: VariableAttenuator
) -> tuple[float, float]:
    """Return what an attenuator reaches by its label and by its driver."""
    limits = view.limits(part.instrument)
    return (
        max(part.min_db, limits.get("min_attenuation_db", part.min_db)),
        min(part.max_db, limits.get("max_attenuation_db", part.max_db)),
    )


def meter_range_dbm(view: BenchView, part: PowerMeterPart) -> tuple[float, float]:
    """Return what a power meter reads by its label and by its driver."""
    limits = view.limits(part.instrument)
    return (
        max(part.floor_dbm, limits.get("floor_dbm", -math.inf)),
        min(part.max_dbm, limits.get("max_dbm", math.inf)),
    )


def label_ranges(view: BenchView) -> Iterator[Problem]:
    """Check that a label's range and the driver's have something in common."""
    for name, part in view.graph.parts_of(VariableAttenuator).items():
        low, high = attenuator_range_db(view, part)
        if low > high:
            key = "min_db" if part.min_db > high else "max_db"
            yield view.part(name, key, _nothing_left(view, part, key, "dB"))
    for name, meter in view.graph.parts_of(PowerMeterPart).items():
        low, high = meter_range_dbm(view, meter)
        if low >= high:
            key = "floor_dbm" if meter.floor_dbm >= high else "max_dbm"
            yield view.part(name, key, _nothing_left(view, meter, key, "dBm"))


def _nothing_left(
    view: BenchView, part: VariableAttenuator | PowerMeterPart, key: str, unit: str
) -> str:
    """Set the label's bound against that of the driver which it contradicts."""
    low, high = _DRIVER_BOUNDS[part.kind]
    limits = view.limits(part.instrument)
    is_low = key in ("min_db", "floor_dbm")
    told = f"at most {limits[high]:g}" if is_low else f"at least {limits[low]:g}"
    verb = "gives" if isinstance(part, VariableAttenuator) else "reads"
    return (
        f"{getattr(part, key):g} {unit}, but {part.instrument} {verb} {told} {unit}; "
        f"{'lower' if is_low else 'raise'} it, or take another instrument"
    )


_DRIVER_BOUNDS = {
    "variable_attenuator": ("min_attenuation_db", "max_attenuation_db"),
    "power_meter": ("floor_dbm", "max_dbm"),
}
"""Names of a driver's limits, lowest and highest, by the kind of the part."""
