"""Bob's own settings: what clicks stand for, and which of them meets which pulse."""

from __future__ import annotations

import numpy as np
import pytest
from active_parameters_at_hand import FIELDS, P
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import chi2

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.bb84 import Click, judge_fired
from qkdlab.protocols.symbols import CounterPattern, CyclicPattern
from qkdlab.randomness import SeededRandomness
from qkdlab.timetags.slots import Alignment, SlotClicks
from qkdlab_experiments.active_parameters import ActiveBb84Parameters, active
from qkdlab_experiments.arms import ActiveArms, PassiveArms
from qkdlab_experiments.basis_settings import (
    BasisKey,
    basis_frame,
    basis_shares,
    first_setting_slot,
    mark_places,
)
from qkdlab_experiments.calibration.basis_timing import offset_scores
from qkdlab_experiments.calibration.sequence import ACTIVE_STEPS, STEPS, steps_of
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.fresh_parameters import FreshBb84Parameters

BOB = SeededRandomness(1, "bob")
SYMBOLS = P.pattern.symbols


def arms(*settings):
    return ActiveArms(CyclicPattern(np.array(settings, np.uint8)))


@pytest.mark.parametrize("basis", [0, 1])
@pytest.mark.parametrize("swap", [0, 1])
@pytest.mark.parametrize("detector", [0, 1])
def test_a_click_is_a_bit_of_bobs_basis_swapped_as_he_chose(basis, swap, detector):
    fired = arms(2 * basis + swap).fired(np.array([0]), np.array([1 << detector]))
    assert fired.tolist() == [1 << (2 * basis + (detector ^ swap))]


def test_settings_are_overwritten_once_the_clicks_have_their_meaning():
    handed_out = np.array([1, 3, 2], np.uint8)

    class Settings(CyclicPattern):
        def settings(self, pulse_index):
            return handed_out

    fired = ActiveArms(Settings(handed_out.copy())).fired(np.arange(3), np.ones(3, int))
    assert fired.tolist() == [2, 8, 4]
    assert not handed_out.any()


@pytest.mark.parametrize("setting", range(4))
def test_two_clicks_of_a_slot_are_a_double_and_never_cross(setting):
    fired = arms(setting).fired(np.array([0]), np.array([3]))
    spare = BOB.secret("doubles", 1)
    outcome = judge_fired(np.array([0]), fired, spare)
    assert outcome.click.tolist() == [Click.DOUBLE]
    assert outcome.basis.tolist() == [setting // 2]


def test_settings_are_those_of_the_pulse():
    fired = arms(0, 1, 2, 3).fired(np.array([2, 7]), np.array([1, 1]))
    assert fired.tolist() == [4, 8]


def test_detectors_of_a_splitter_stand_for_themselves():
    channels = ((1, 1), (0, 0), (1, 0), (0, 1))
    passive = PassiveArms(channels)
    assert passive.fired(np.array([0]), np.array([0b0011])).tolist() == [0b1001]


def test_a_silent_detector_is_looked_for_behind_the_swap():
    mask = np.array([1, 2, 3], np.uint8)
    assert arms(3).detectors(mask, mask).tolist() == [1, 2, 3]


def test_bobs_shares_are_his_basis_probability():
    counts = basis_shares(P)
    assert sum(counts) == 1 << 15
    assert counts[0] == round(P.receiver.basis_x_probability * 2**15)


def test_bobs_settings_are_as_often_as_his_shares_say_and_swap_half():
    key = BasisKey.draw(P, BOB, 0)
    n = 1 << 18
    drawn = key.settings(0).settings(np.arange(n)) & 3
    counts = np.bincount(drawn, minlength=4)
    shares = np.repeat(basis_shares(P), 2) / 2**16
    statistic = ((counts - n * shares) ** 2 / (n * shares)).sum()
    assert chi2.sf(statistic, 3) > 1e-4


def test_a_block_begins_with_the_setting_that_its_first_pulse_met():
    secret = BasisKey.draw(P, BOB, 1).on_record().copy()
    counts = (*basis_shares(P), 0, 0, 0, 0)
    whole = CounterPattern(bytes(secret[:16]), bytes(secret[16:]), counts)
    begun = BasisKey(secret, P).settings(1000).settings(np.arange(50))
    assert np.array_equal(begun, whole.settings(np.arange(1000, 1050)))


def test_blocks_have_keys_of_their_own():
    keys = [BasisKey.draw(P, BOB, block).on_record().tobytes() for block in (0, 1)]
    assert keys[0] != keys[1]


def test_settings_that_begin_after_the_block_are_refused():
    with pytest.raises(SecurityAbort) as abort:
        BasisKey.draw(P, BOB, 0).settings(-1)
    assert abort.value.code is AbortCode.SYNC_LOST


def test_a_wiped_key_is_zero():
    key = BasisKey.draw(P, BOB, 0)
    secret = key.on_record()
    key.settings(0)
    key.wipe()
    assert not secret.any()


def test_nothing_secret_is_shown():
    assert repr(BasisKey.draw(P, BOB, 0)) == "BasisKey()"


# --- marks ---------------------------------------------------------------------------

STRETCH = 3e-6
OFFSETS_PS = (245_000_700, 245_001_000)
ALIGNMENT = Alignment(P.frame_ps, 1000, STRETCH, OFFSETS_PS, 600, 60_000)


def marks(first_ps, n):
    """Tag times of marks, by a tagger whose clock is slow inside each frame."""
    true_ps = first_ps + np.arange(n) * P.frame_ps
    since = true_ps % P.frame_ps
    return (true_ps - since + np.rint(since / (1 + STRETCH))).astype(np.int64)


@given(st.integers(4, 60_000), st.integers(-400, 1400), st.integers(1, 40))
def test_marks_tell_the_slot_of_the_first_setting(slot, lag_ps, n):
    first_ps = 10 * P.frame_ps + slot * 1000 + ALIGNMENT.offset_ps[0] - lag_ps
    found = first_setting_slot(marks(first_ps, n), ALIGNMENT, P.frame_ps, lag_ps)
    assert found == 10 * SYMBOLS + slot


def test_the_stretch_of_the_taggers_clock_is_taken_out():
    seen = marks(5 * P.frame_ps + 60_000_000, 3)
    places = mark_places(seen, ALIGNMENT) + ALIGNMENT.offset_ps[0]
    expected = (5 + np.arange(3)) * P.frame_ps + 60_000_000
    assert np.abs(places - expected).max() < 2.0


def test_a_missing_mark_ends_the_block():
    seen = np.delete(marks(10**9, 9), 4)
    with pytest.raises(SecurityAbort, match="missing") as abort:
        first_setting_slot(seen, ALIGNMENT, P.frame_ps, 0.0)
    assert abort.value.code is AbortCode.SYNC_LOST


def test_no_mark_ends_the_block():
    with pytest.raises(SecurityAbort, match="no mark"):
        first_setting_slot(np.zeros(0, np.int64), ALIGNMENT, P.frame_ps, 0.0)


def test_marks_between_two_slots_end_the_block():
    first_ps = 10**10 + ALIGNMENT.offset_ps[0] + 500
    with pytest.raises(SecurityAbort, match="between two slots"):
        first_setting_slot(marks(first_ps, 5), ALIGNMENT, P.frame_ps, 0.0)


# --- calibration of the offset -------------------------------------------------------


def seen_clicks(offset, n=40_000, wrong=0.02, seed=3):
    """Clicks of both public patterns, Bob's settings late by `offset` slots."""
    rng = np.random.default_rng(seed)
    sent, chosen = polarimetry_frame(P) & 3, basis_frame(P)
    slot = np.sort(rng.integers(0, 40 * SYMBOLS, n))
    alice = np.array([0, 2, 1, 3])[sent[slot % SYMBOLS]]
    bob = np.array([0, 2, 3, 1])[chosen[(slot - offset) % SYMBOLS]]
    p_1 = np.sin((alice + bob) * np.pi / 4) ** 2 * (1 - 2 * wrong) + wrong
    fired = rng.random(n) < p_1
    return SlotClicks(slot, np.where(fired, 2, 1).astype(np.uint8))


@pytest.mark.parametrize("offset", [0, 1, 777, SYMBOLS - 1])
def test_the_offset_of_bobs_settings_stands_out(offset):
    scores = offset_scores(seen_clicks(offset), polarimetry_frame(P), basis_frame(P))
    assert int(np.argmax(scores)) == offset
    assert scores[offset] > 3 * np.partition(scores, -2)[-2]


def test_settings_of_another_board_have_no_offset():
    other = np.roll(basis_frame(P), 1)[::-1].copy()
    scores = offset_scores(seen_clicks(5), polarimetry_frame(P), other)
    assert scores.max() < 8


# --- parameters and steps ------------------------------------------------------------


def test_two_detectors_serve_both_bases():
    wrong = {**FIELDS, "detection": {"bias_ua": [22.0] * 4}}
    with pytest.raises(ValidationError, match="bias_ua"):
        ActiveBb84Parameters.model_validate(wrong)


def test_plates_are_turned_in_calibration_only():
    with pytest.raises(ValidationError, match=r"tracking\.plates"):
        ActiveBb84Parameters.model_validate({**FIELDS, "tracking": {"plates": True}})


def test_parameters_of_another_receiver_are_no_active_ones():
    detection = {"bias_ua": [22.0] * 4, "gate_ps": 600}
    passive = FreshBb84Parameters.model_validate({**FIELDS, "detection": detection})
    with pytest.raises(TypeError):
        active(passive)


def test_the_steps_of_the_modulator_are_the_active_receivers_only():
    own = {step.name for step in ACTIVE_STEPS} - {step.name for step in STEPS}
    assert own == {"basis_levels", "basis_timing", "memory"}
    assert steps_of(P) is ACTIVE_STEPS


def test_what_a_step_needs_some_step_before_it_gives():
    given_so_far: set[str] = set()
    for step in ACTIVE_STEPS:
        needed = set(step.needs.get("bob", ()))
        assert needed <= given_so_far, step.name
        given_so_far |= set(step.gives.get("bob", ()))
