"""A tagger that also sees marks, and a board that turns the light by settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.config.composites import ActiveReceiverFields
from qkdlab.station.composites.active_receiver import ActiveReceiver
from qkdlab.station.composites.basis_modulator import BasisModulator
from qkdlab.timetags.block import TagBlock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
V_PI_V = 0.8


class Board:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))


class Tagger:
    def __init__(self, *blocks: TagBlock) -> None:
        self.blocks = list(blocks)
        self.told: list[str] = []

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        self.told.append("start")

    def read(self, duration_ps: int) -> TagBlock:
        return self.blocks.pop(0)

    def stop(self) -> None:
        self.told.append("stop")

    def safe_state(self) -> None:
        self.told.append("safe")


def tags(times: list[int], channels: list[int], begin: int = 0) -> TagBlock:
    return TagBlock(
        np.array(times, np.int64),
        np.array(channels, np.uint8),
        begin,
        begin + 1000,
        ((begin + 1, begin + 2),),
        seq=4,
    )


def receiver(
    *blocks: TagBlock, inputs: tuple[int, int] = (0, 1), marks: int = 2
) -> Any:
    return ActiveReceiver(Tagger(*blocks), inputs, marks)  # type: ignore[arg-type]


def test_marks_are_no_clicks():
    found = receiver(tags([1, 5, 9, 11], [0, 2, 1, 2])).read(1000)
    assert found.t.tolist() == [1, 9]
    assert found.ch.tolist() == [0, 1]


def test_what_was_watched_and_lost_stays():
    found = receiver(tags([5], [2])).read(1000)
    assert (found.t_begin, found.t_end, found.lost, found.seq) == (
        0,
        1000,
        ((1, 2),),
        4,
    )


def test_marks_of_all_stretches_are_kept():
    made = receiver(tags([5], [2]), tags([1005, 1006], [2, 0], 1000))
    made.read(1000)
    made.read(1000)
    assert made.marks_ps().tolist() == [5, 1005]


def test_a_new_acquisition_forgets_marks():
    made = receiver(tags([5], [2]))
    made.read(1000)
    made.start(1, 1.0)
    assert made.marks_ps().size == 0


def test_detectors_may_be_on_any_inputs():
    found = receiver(tags([1, 2, 3], [0, 1, 2]), inputs=(2, 0), marks=1).read(1000)
    assert found.t.tolist() == [1, 3]
    assert found.ch.tolist() == [1, 0]


def test_it_stops_and_rests_with_its_tagger():
    made = receiver()
    made.stop()
    made.safe_state()
    assert made.tagger.told == ["stop", "safe"]


def test_inputs_are_each_used_once():
    with pytest.raises(ValidationError, match="share the inputs"):
        ActiveReceiverFields.model_validate(
            {
                "composite": "active_receiver",
                "tagger": "t",
                "detectors": [0, 1],
                "marks": 1,
            }
        )


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def modulator(board: Board) -> BasisModulator:
    record = CalibrationRecord(
        party="bob", quantity="basis_v_pi", value=V_PI_V, unit="V",
        uncertainty=0.001, time=NOW, valid_for_s=1.0, source="test",
    )  # fmt: skip
    return BasisModulator(board, PartyBook(CalibrationBook([record]), "bob", NOW))


@pytest.mark.parametrize(("setting", "steps"), [(0, 0.0), (1, 1.0), (2, 1.5), (3, 0.5)])
def test_a_setting_is_held_at_its_level(modulator, board, setting, steps):
    modulator.hold(setting, 1000)
    (_, volts, rate_hz), (started,) = board.told
    assert set(volts) == {2}
    assert np.allclose(volts[2], steps * V_PI_V)
    assert (rate_hz, started) == (1e9, "start")


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("basis", [0, 1])
@pytest.mark.parametrize("swap", [0, 1])
def test_both_phases_bring_a_bit_to_its_detector(modulator, board, basis, bit, swap):
    """The sender's phases are 0, pi in X and pi/2, 3 pi/2 in Z."""
    modulator.hold(2 * basis + swap, 1000)
    own = board.told[0][1][2][0] / V_PI_V
    total = bit + 0.5 * basis + own
    assert total % 2 == pytest.approx(bit ^ swap, abs=1e-9)


def test_a_frame_has_one_sample_a_pulse(modulator, board):
    modulator.play(np.array([0, 3, 1], np.uint8), 1000)
    assert np.allclose(board.told[0][1][2], [0.0, 0.5 * V_PI_V, V_PI_V])


def test_the_generators_levels_are_those_of_the_patterns(modulator, board):
    modulator.start_fresh(
        bytes(16),
        bytes(8),
        (20_000, 12_768),
        symbol_period_ps=1000,
        marker_pulses=65536,
    )
    (_, shares, unused, levels), key, start = board.told
    assert shares == (20_000, 12_768)
    assert np.allclose(levels, V_PI_V * np.array([0.0, 1.0, 1.5, 0.5]))
    assert not unused.any()
    assert (key[0], start) == ("load_key", ("start_counter", 1e9, 65536))


def test_to_stop_is_to_have_the_key_erased(modulator, board):
    modulator.stop()
    modulator.safe_state()
    assert board.told == [("stop",), ("safe_state",)]
