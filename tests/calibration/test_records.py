from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.errors import AbortCode, ConfigError, SecurityAbort

MEASURED = datetime(2026, 11, 1, 9, tzinfo=UTC)


def record(**changes):
    fields = {
        "party": "alice",
        "quantity": "v_pi",
        "value": 0.8,
        "unit": "V",
        "uncertainty": 0.004,
        "time": MEASURED,
        "valid_for_s": 3600.0,
        "source": "sweep",
    }
    return CalibrationRecord.model_validate(fields | changes)


def test_a_record_is_valid_until_its_last_second():
    assert record().is_valid(MEASURED + timedelta(seconds=3600))


def test_a_record_is_invalid_after_its_time():
    assert not record().is_valid(MEASURED + timedelta(seconds=3601))


def test_a_record_wants_a_time_zone():
    with pytest.raises(ValidationError):
        record(time=datetime(2026, 11, 1))


def test_a_negative_uncertainty_is_refused():
    with pytest.raises(ValidationError):
        record(uncertainty=-1e-3)


def test_the_newest_record_counts():
    newer = record(value=0.9, time=MEASURED + timedelta(minutes=1))
    book = CalibrationBook([newer, record()])
    found = book.get("alice", "v_pi", at=MEASURED + timedelta(minutes=2))
    assert found.value == 0.9


def test_an_expired_record_aborts_with_its_age():
    book = CalibrationBook([record()])
    with pytest.raises(SecurityAbort, match="too old") as caught:
        book.get("alice", "v_pi", at=MEASURED + timedelta(hours=2))
    assert caught.value.code is AbortCode.CALIBRATION_EXPIRED
    assert caught.value.numbers["age_s"] == 7200.0


def test_a_record_from_the_future_aborts():
    with pytest.raises(SecurityAbort, match="future") as caught:
        CalibrationBook([record()]).get("alice", "v_pi", at=MEASURED - timedelta(1))
    assert caught.value.code is AbortCode.CALIBRATION_EXPIRED


def test_a_missing_quantity_gets_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean 'v_pi'"):
        CalibrationBook([record()]).get("alice", "vpi", at=MEASURED)


def test_one_partys_record_is_not_anothers():
    with pytest.raises(ConfigError, match="bob has no record"):
        CalibrationBook([record()]).get("bob", "v_pi", at=MEASURED)
