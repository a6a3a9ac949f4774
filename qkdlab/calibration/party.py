"""One party's calibration, at the time of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qkdlab.calibration.records import CalibrationBook, CalibrationRecord

__all__ = ["PartyBook"]


@dataclass(frozen=True, slots=True)
class PartyBook:
    """A view of a `CalibrationBook`: one party's records that are valid at `at`."""

    book: CalibrationBook
    party: str
    at: datetime

    def add(self, record: CalibrationRecord) -> None:
        """Take in what was measured just now; it counts from here on."""
        self.book.add(record)

    def record(self, quantity: str) -> CalibrationRecord:
        """Return a valid record; raises as :meth:`CalibrationBook.get`."""
        return self.book.get(self.party, quantity, at=self.at)

    def value(self, quantity: str) -> float:
        """Return the value of a valid record."""
        return self.record(quantity).value
