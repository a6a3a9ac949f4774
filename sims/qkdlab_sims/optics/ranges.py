"""Refusal of values outside physics, in one sentence that names the range."""

from __future__ import annotations

import math

__all__ = ["in_range"]


def in_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Raise ValueError unless low <= value <= high.

    unit: as it stands in the message, "1" for a pure number; `high` may be infinite,
    `value` may not
    """
    if low <= value <= high and math.isfinite(value):
        return
    unit = "" if unit == "1" else f" {unit}"
    wanted = (
        f"at least {low:g}{unit}"
        if math.isinf(high)
        else f"between {low:g} and {high:g}{unit}"
    )
    raise ValueError(f"{name} is {value:g}{unit}, but must be {wanted}")
