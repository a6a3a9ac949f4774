"""What every length formula asks of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qkdlab.errors import UsageError
from qkdlab.security.balls import Interval, Number

__all__ = ["box_of", "check_counts", "check_epsilons", "check_leak"]


def check_counts(counts: Iterable[int], probabilities: Iterable[Number]) -> None:
    """Raise UsageError for a negative count or an intensity that is never sent."""
    if min(counts) < 0:
        raise UsageError("counts of events are not negative")
    if not all(0 < float(p) <= 1 for p in probabilities):
        raise UsageError("every intensity wants a probability above 0, at most 1")


def check_leak(leak_bits: Number) -> None:
    """Raise UsageError for a negative leak."""
    if not float(leak_bits) >= 0:
        raise UsageError("leak_bits is not negative")


def check_epsilons(**epsilons: Number) -> None:
    """Raise UsageError, naming it, for a failure probability not inside (0, 1)."""
    for name, epsilon in epsilons.items():
        if not 0 < float(epsilon) < 1:
            raise UsageError(f"{name} lies between 0 and 1")


def box_of(
    intensities: Sequence[Number | tuple[Number, Number]], how_many: int
) -> list[Interval]:
    """Return the box of intensities, each a number or (low, high).

    Raises UsageError when there are not so many, or one runs from high to low.
    """
    if len(intensities) != how_many:
        raise UsageError(f"the theorem wants {how_many} intensities")
    box = [
        Interval.of(*mu) if isinstance(mu, (tuple, list)) else Interval.of(mu)
        for mu in intensities
    ]
    if any(side.low > side.high for side in box):
        raise UsageError("an intensity interval must run from low to high")
    return box
