"""Symbols become the volts that the modulators want, whatever the pattern holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.station.composites.transmitter import Transmitter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = {0: 1.0, 1: 0.4, 2: 0.004}


def record(quantity: str, value: float) -> CalibrationRecord:
    return CalibrationRecord(
        party="alice", quantity=quantity, value=value, unit="V", uncertainty=0.001,
        time=NOW, valid_for_s=1.0, source="test",
    )  # fmt: skip


class Generator:
    def __init__(self) -> None:
        self.loaded: list[tuple[Any, ...]] = []

    def load_waveforms(self, *arguments: Any) -> None:
        self.loaded.append(arguments)


@pytest.fixture
def generator() -> Generator:
    return Generator()


@pytest.fixture
def transmitter(generator: Generator) -> Transmitter:
    records = [record("intensity_v_pi", 0.8), record("polarization_v_pi", 0.7)]
    book = PartyBook(CalibrationBook(records), "alice", NOW)
    return Transmitter(generator, book)  # type: ignore[arg-type]


def upload(transmitter: Transmitter, settings: list[int]) -> None:
    transmitter.upload(
        np.array(settings, np.uint8), SHARES, samples_per_symbol=10,
        symbol_period_ps=10_000,
    )  # fmt: skip


def test_each_symbol_lasts_its_samples_at_the_symbol_rate(transmitter, generator):
    upload(transmitter, [0, 1, 2])
    volts, rate_hz, _ = generator.loaded[0]
    assert rate_hz == 1e9
    assert {channel: len(v) for channel, v in volts.items()} == {1: 30, 2: 30}


def test_the_states_are_quarter_turns_of_the_phase(transmitter, generator):
    upload(transmitter, [0, 2, 1, 3])
    phases = generator.loaded[0][0][2][::10] / 0.7
    assert phases == pytest.approx([0.0, 0.5, 1.0, 1.5])  # D, R, A, L


def test_the_intensities_follow_the_modulators_law(transmitter, generator):
    upload(transmitter, [0 << 2, 1 << 2, 2 << 2])
    volts = generator.loaded[0][0][1][::10]
    shares = (1 - np.cos(np.pi * volts / 0.8)) / 2
    assert shares == pytest.approx([1.0, 0.4, 0.004])


def test_all_patterns_share_one_setting_of_the_output_stage(transmitter, generator):
    for settings in ([0] * 8, [1 << 2] * 8, [2 << 2 | 3] * 8, list(range(12))):
        upload(transmitter, settings)
    spans = [arguments[2] for arguments in generator.loaded]
    assert spans == [{1: (0.0, 0.8), 2: (0.0, pytest.approx(1.05))}] * 4
    for volts, _, spans_v in generator.loaded:
        for channel, (low, high) in spans_v.items():
            assert low <= volts[channel].min() <= volts[channel].max() <= high + 1e-12
