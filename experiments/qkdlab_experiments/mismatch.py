"""Bob's detectors differ in efficiency: how much, and whether that is too much."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.party import PartyBook
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["EfficiencyMismatch", "calibrated_mismatch"]


@dataclass(frozen=True, slots=True)
class EfficiencyMismatch:
    """Relative spread of the efficiencies of Bob's detectors (SECURITY rule 4).

    value, uncertainty: from calibration, standard uncertainty (k = 1)
    greatest:           what it may be, with the coverage of the intensities' intervals
    limit:              above which no block is taken
    """

    value: float
    uncertainty: float
    greatest: float
    limit: float

    def as_dict(self) -> dict[str, float]:
        """Return what a result prints."""
        return {
            "value": self.value,
            "uncertainty": self.uncertainty,
            "greatest": self.greatest,
            "limit": self.limit,
        }

    def check(self) -> None:
        """Raise SecurityAbort(EFFICIENCY_MISMATCH) when it may be above its limit."""
        if not self.greatest <= self.limit:
            raise SecurityAbort(
                AbortCode.EFFICIENCY_MISMATCH,
                "the efficiencies of the detectors may differ too much",
                self.as_dict(),
            )


def calibrated_mismatch(
    book: PartyBook, parameters: Bb84Parameters
) -> EfficiencyMismatch:
    """Return the mismatch of the valid calibration record ``efficiency_mismatch``.

    Raises as :meth:`PartyBook.record`.
    """
    record = book.record("efficiency_mismatch")
    coverage = parameters.calibration.interval_coverage
    width = coverage_factor(coverage)
    return EfficiencyMismatch(
        record.value,
        record.uncertainty,
        abs(record.value) + width * record.uncertainty,
        parameters.limits.efficiency_mismatch_max,
    )
