"""Parameters and records of a receiver that chooses, for unit tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab_experiments.active_parameters import ActiveBb84Parameters

FIELDS = {
    "duration_s": 0.01,
    "intensities": {
        "signal": {"mean_photon_number": 0.5, "probability": 0.4},
        "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
        "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
    },
    "detection": {"bias_ua": [22.0] * 2, "gate_ps": 600},
}
P = ActiveBb84Parameters.model_validate(FIELDS)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = {
    "alice": {
        "link_transmission": (0.0178, 2e-4),
        "error_rate_x": (0.012, 2e-4),
        "mean_photon_number_signal": (0.5, 0.005),
        "mean_photon_number_decoy": (0.2, 0.002),
        "mean_photon_number_vacuum": (0.002, 1e-4),
    },
    "bob": {
        "efficiency_mismatch": (0.01, 0.002),
        "memory_mismatch": (-0.002, 0.001),
        "recovery_ps": (40_000.0, 0.0),
        "dark_rate_hz_0": (100.0, 10.0),
        "dark_rate_hz_1": (130.0, 10.0),
    },
}
"""Value and standard uncertainty of what a claim record is formed from, by party."""


def book(party: str, records: Mapping[str, tuple[float, float]]) -> PartyBook:
    """Return a party's records, valid at the time of asking."""
    return PartyBook(
        CalibrationBook(
            CalibrationRecord(
                party=party,
                quantity=quantity,
                value=value,
                unit="1",
                uncertainty=uncertainty,
                time=NOW,
                valid_for_s=1.0,
                source="test",
            )
            for quantity, (value, uncertainty) in records.items()
        ),
        party,
        NOW,
    )


def records_of(party: str, **changes: tuple[float, float]) -> PartyBook:
    """Return a party's records with some of them changed."""
    return book(party, {**RECORDS[party], **changes})
