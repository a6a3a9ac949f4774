"""Fresh settings get the volts that the same symbols have in a pattern."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.protocols.symbols import class_counts
from qkdlab.station.composites.fresh_transmitter import FreshTransmitter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEVELS = {0: 1.0, 1: 0.4, 2: 0.004}
SHARES = class_counts(0.85, [0.4, 0.4, 0.2])


class Board:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def transmitter(board: Board) -> FreshTransmitter:
    records = [
        CalibrationRecord(
            party="alice", quantity=quantity, value=value, unit="V",
            uncertainty=0.001, time=NOW, valid_for_s=1.0, source="test",
        )
        for quantity, value in (("intensity_v_pi", 0.8), ("polarization_v_pi", 0.7))
    ]  # fmt: skip
    book = PartyBook(CalibrationBook(records), "alice", NOW)
    return FreshTransmitter(board, book)  # type: ignore[arg-type]


def start(transmitter: FreshTransmitter) -> None:
    transmitter.start_fresh(
        bytes(16), bytes(8), SHARES, LEVELS, symbol_period_ps=1000, marker_pulses=65536
    )


def test_tables_come_before_the_key_and_the_key_before_the_start(transmitter, board):
    start(transmitter)
    assert [told[0] for told in board.told] == [
        "load_tables",
        "load_key",
        "start_counter",
    ]
    assert board.told[2][1:] == (1e9, 65536)


def test_a_setting_has_the_volts_of_its_symbol(transmitter, board):
    start(transmitter)
    _, shares, intensity_v, polarization_v = board.told[0]
    assert shares == SHARES
    settings = np.arange(12, dtype=np.uint8)
    transmitter.upload(settings, LEVELS, samples_per_symbol=1, symbol_period_ps=1000)
    volts = board.told[-1][1]
    np.testing.assert_allclose(intensity_v, volts[1])
    np.testing.assert_allclose(polarization_v, volts[2])
