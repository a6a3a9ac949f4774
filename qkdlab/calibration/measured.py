"""A measured number with its standard uncertainty."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Measured"]


class Measured(NamedTuple):
    """Value and standard uncertainty (k = 1), in one unit."""

    value: float
    uncertainty: float
