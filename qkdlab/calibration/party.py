"""One party's calibration, at the time of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from qkdlab.calibration.records import CalibrationBook, CalibrationRecord

__all__ = ["PartyBook"]


def _nothing_ps() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class PartyBook:
    """A view of a `CalibrationBook`: one party's records that are valid now.

    at:         date at which the party's station was opened
    elapsed_ps: time since then
    """

    book: CalibrationBook
    party: str
    at: datetime
    elapsed_ps: Callable[[], int] = _nothing_ps

    def now(self) -> datetime:
        """Return the date of the bench."""
        return self.at + timedelta(microseconds=self.elapsed_ps() // 10**6)

    def measured(
        self,
        quantity: str,
        value: float,
        unit: str,
        uncertainty: float,
        *,
        valid_for_s: float,
        source: str,
    ) -> CalibrationRecord:
        """Return the record of what was measured just now; it is not taken in yet.

        uncertainty: standard (k = 1), in the same unit
        """
        return CalibrationRecord(
            party=self.party,
            quantity=quantity,
            value=float(value),
            unit=unit,
            uncertainty=float(uncertainty),
            time=self.now(),
            valid_for_s=valid_for_s,
            source=source,
        )

    def add(self, record: CalibrationRecord) -> None:
        """Take in what was measured just now; it counts from here on."""
        self.book.add(record)

    def knows(self, quantity: str) -> bool:
        """Tell whether the quantity was ever measured; its record may be too old."""
        return any(r.party == self.party and r.quantity == quantity for r in self.book)

    def record(self, quantity: str) -> CalibrationRecord:
        """Return a valid record; raises as :meth:`CalibrationBook.get`."""
        return self.book.get(self.party, quantity, at=self.now())

    def value(self, quantity: str) -> float:
        """Return the value of a valid record."""
        return self.record(quantity).value
