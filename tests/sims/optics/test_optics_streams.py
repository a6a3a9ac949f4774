"""What comes out does not depend on how a run is cut into calls."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones
from qkdlab_sims.optics.snspd import DetectorParameters

ARRIVAL_PS = (7_500, 9_810, 122_000_000)
PERIOD_PS = 10_000
TICK_PS = PERIOD_PS * PULSES_PER_TICK
PARAMETERS = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=5_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=1_500.0,  # wide, so that tags of neighbouring ticks mix
    tail_fraction=0.3,
    tail_ps=4_000.0,
)


def light(brightness):
    rng = np.random.default_rng(1)
    fields = rng.normal(size=(997, 2)) + 1j * rng.normal(size=(997, 2))
    return Light(fields, 1550.0, intensity_noise_rms=0.1).attenuated(brightness)


LIGHTS = [light(b) for b in (0.0, 1e-4, 0.02, 3.0)]
BIASES = [(22.0, 22.0, 22.0), (22.0, 0.0, 18.0), (31.0, 22.0, 22.0)]
EVES = [None, InterceptResend(fraction=0.5)]
KNOBS = st.tuples(
    st.sampled_from([0, 1, 2, 2, 2, 3]),
    st.integers(0, len(BIASES) - 1),
    st.integers(0, len(EVES) - 1),
)


def bank(seed=7, **changes):
    return DetectorBank((PARAMETERS,) * 3, ARRIVAL_PS, PERIOD_PS, seed, **changes)


def advance(state, knobs, begin, end):
    which_light, which_bias, which_eve = knobs
    state.set_bias(BIASES[which_bias])
    eta = state.bank.efficiencies(state.effective_bias_ua())
    angles = (0.0, math.pi / 2, math.pi / 4)
    paths = [analyser_vector(polarizer_jones(a, 20)) for a in angles]
    return simulate_pulses(
        state,
        LIGHTS[which_light],
        eta[:, None] * np.array(paths),
        begin * PULSES_PER_TICK,
        end * PULSES_PER_TICK,
        eve=EVES[which_eve],
    )


def run(schedule, cuts, seed=7):
    """Run a schedule of (knobs, ticks), cut at `cuts` too; return tags, watermarks."""
    state = DetectorState(bank(seed))
    pieces, marks = [], []
    tick = 0
    for knobs, length in schedule:
        edges = [tick, *(c for c in cuts if tick < c < tick + length), tick + length]
        for begin, end in pairwise(edges):
            out = advance(state, knobs, begin, end)
            pieces.append(out.times_ps)
            marks.append(out.complete_until_ps)
        tick += length
    tags = [np.concatenate([p[d] for p in pieces]) for d in range(3)]
    return tags, pieces, marks


@settings(max_examples=12)
@given(
    st.lists(st.tuples(KNOBS, st.integers(1, 4)), min_size=1, max_size=3),
    st.sets(st.integers(1, 11)),
)
def test_no_cut_changes_a_tag(schedule, cuts):
    whole, _, _ = run(schedule, [])
    cut, pieces, marks = run(schedule, sorted(cuts))
    for d in range(3):
        assert np.array_equal(whole[d], cut[d])
        assert np.all(np.diff(whole[d]) >= 0)
        for piece, mark in zip(pieces[1:], marks, strict=False):
            assert not len(piece[d]) or piece[d][0] >= mark[d]


STEADY = [((2, 0, 0), 6)]


def test_another_seed_gives_other_tags():
    one, two = run(STEADY, [])[0], run(STEADY, [], seed=8)[0]
    assert all(not np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_ticks_differ():
    tags = run(STEADY, [])[0][0] - ARRIVAL_PS[0]
    first = tags[tags < TICK_PS // 2]
    second = tags[(tags >= TICK_PS) & (tags < TICK_PS + TICK_PS // 2)] - TICK_PS
    assert len(np.intersect1d(first, second)) < 0.02 * len(first)


def test_small_output_rows_do_not_matter(monkeypatch):
    whole = run(STEADY, [])[0]
    monkeypatch.setattr("qkdlab_sims.optics.engine._CHUNK_EVENTS", 1)
    for one, two in zip(whole, run(STEADY, [])[0], strict=True):
        assert np.array_equal(one, two)


def test_unbiased_and_latched_detectors_give_nothing():
    tags = run([((2, 1, 0), 4)], [])[0]
    assert len(tags[0]) > 100
    assert len(tags[1]) == 0
    tags = run([((2, 2, 0), 4)], [])[0]
    assert len(tags[0]) == 0
    assert len(tags[1]) > 100


def test_a_latched_detector_stays_latched_until_its_bias_is_taken_away():
    state = DetectorState(bank())
    for bias, latched in ((22, False), (31, True), (22, True), (0, False), (22, False)):
        state.set_bias([bias] * 3)
        assert state.latched == [latched] * 3


def test_times_stay_exact_after_a_month():
    state = DetectorState(bank())
    begin = 4_000_000_000  # ticks
    out = advance(state, (3, 0, 0), begin, begin + 1)
    early = DetectorState(bank())
    position = (out.times_ps[0] - begin * TICK_PS - ARRIVAL_PS[0]) % PERIOD_PS
    same = advance(early, (3, 0, 0), 0, 1).times_ps[0] - ARRIVAL_PS[0]
    assert out.times_ps[0].min() > begin * TICK_PS
    spread = np.minimum(position, PERIOD_PS - position).mean()
    other = np.minimum(same % PERIOD_PS, -same % PERIOD_PS).mean()
    assert spread == pytest.approx(other, rel=0.03)


def test_pulses_must_come_in_sequence():
    state = DetectorState(bank())
    advance(state, (2, 0, 0), 0, 2)
    with pytest.raises(ValueError, match="sequence"):
        advance(state, (2, 0, 0), 3, 4)


def test_pulses_must_come_in_whole_ticks():
    state = DetectorState(bank())
    with pytest.raises(ValueError, match="whole ticks"):
        simulate_pulses(state, LIGHTS[1], np.zeros((3, 4)), 0, 1_000)


def test_analysers_must_fit_the_detectors():
    state = DetectorState(bank())
    with pytest.raises(ValueError, match="one analyser"):
        simulate_pulses(state, LIGHTS[1], np.zeros((2, 4)), 0, PULSES_PER_TICK)


def test_jitter_must_fit_the_hold_back():
    state = DetectorState(bank(hold_back_ps=4_000))
    with pytest.raises(ValueError, match="hold_back_ps"):
        advance(state, (2, 0, 0), 0, 1)


def test_each_detector_needs_an_arrival_time():
    with pytest.raises(ValueError, match="one arrival time"):
        DetectorBank((PARAMETERS,) * 2, ARRIVAL_PS, PERIOD_PS, 1)
