"""Calibration records: a value, its uncertainty, and how long it may be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qkdlab.errors import AbortCode, ConfigError, SecurityAbort
from qkdlab.plugins import did_you_mean

__all__ = ["CalibrationBook", "CalibrationRecord"]


class CalibrationRecord(BaseModel):
    """One measured quantity of one party's bench (BENCHES, "Calibration order")."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    party: str
    quantity: str
    value: float
    unit: str
    """In the SI's spelling; ``1`` for a ratio."""
    uncertainty: float = Field(ge=0)
    """Standard uncertainty (k = 1), in the same unit."""
    time: AwareDatetime
    """When it was measured, in UTC or with its offset."""
    valid_for_s: float = Field(gt=0)
    source: str
    """The run, certificate or method that it comes from."""

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the record may be used at `at` (an aware datetime)."""
        return self.time <= at <= self.time + timedelta(seconds=self.valid_for_s)

    def age_s(self, at: datetime) -> float:
        """Return the age in seconds at `at`; negative when dated later."""
        return (at - self.time).total_seconds()


class CalibrationBook:
    """The records of all parties; of several for one quantity the newest counts."""

    def __init__(self, records: Iterable[CalibrationRecord] = ()) -> None:
        self._records = tuple(sorted(records, key=lambda r: r.time))

    def add(self, record: CalibrationRecord) -> None:
        """Take in a newer record."""
        self._records = tuple(sorted((*self._records, record), key=lambda r: r.time))

    def __iter__(self) -> Iterator[CalibrationRecord]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def get(self, party: str, quantity: str, *, at: datetime) -> CalibrationRecord:
        """Return the newest record of a quantity, provided it is valid at `at`.

        Raises ConfigError when the quantity was never calibrated, and SecurityAbort
        (``calibration-expired``) when the record is too old or dated in the future.
        """
        own = {r.quantity: r for r in self._records if r.party == party}
        if quantity not in own:
            raise ConfigError(
                f"calibration: {party} has no record of '{quantity}'"
                f"{did_you_mean(quantity, own)}; calibrate it, or add a record"
            )
        record = own[quantity]
        if record.is_valid(at):
            return record
        age_s = record.age_s(at)
        if age_s < 0:
            what = "is dated in the future; check the clocks"
        else:
            what = "is too old; calibrate it again"
        raise SecurityAbort(
            AbortCode.CALIBRATION_EXPIRED,
            f"the record of {party}'s '{quantity}' {what}",
            {"age_s": age_s, "valid_for_s": record.valid_for_s},
        )
