"""What every length formula asks of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qkdlab.errors import UsageError
from qkdlab.security.balls import Interval, Number, exactly

__all__ = ["box_of", "check_counts", "check_epsilons", "check_leak"]


def check_counts(counts: Iterable[int], *probabilities: Sequence[Number]) -> None:
    """Raise UsageError for a negative count or for probabilities that are none.

    probabilities: of the intensities, for each basis; exactly 1 together
    """
    if min(counts) < 0:
        raise UsageError("counts of events are not negative")
    for of_basis in probabilities:
        exact = [exactly(p) for p in of_basis]
        if min(exact) <= 0 or sum(exact) != 1:
            raise UsageError(
                "every intensity wants a probability above 0, and all together add up"
                " to 1 without rounding: give fractions"
            )


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
