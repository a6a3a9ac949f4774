"""Light with fresh settings: the same tags however a run is cut, and far in time."""

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
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.snspd import DetectorParameters

PERIOD_PS = 1_000
ARRIVAL_PS = (300, 650, 3_000_000)
PARAMETERS = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=50_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=1_500.0,  # wide, so that tags of neighbouring ticks mix
    tail_fraction=0.3,
    tail_ps=4_000.0,
)
INTENSITY = [setting >> 2 for setting in range(12)]


def light(brightness, n_lags, noise):
    shares = Shares.of([0.4, 0.3, 0.1, 0.1, 0.05, 0.05])
    law = ContextLaw.of(CounterSettings(b"k" * 16, 5, shares), [INTENSITY] * n_lags)
    rng = np.random.default_rng(1)
    shape = (law.n_contexts, 2)
    fields = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    made = Light(fields, 1550.0, 9, law=law, intensity_noise_rms=noise)
    return made.attenuated(brightness)


LIGHTS = [light(1e-5, 0, 0.0), light(2e-3, 2, 0.03), light(0.02, 6, 0.0)]


def state_of():
    bank = DetectorBank((PARAMETERS,) * 3, ARRIVAL_PS, PERIOD_PS, 7)
    state = DetectorState(bank)
    state.set_bias([22.0] * 3)
    return state


def run(which, edges, threads=1, state=None):
    state = state or state_of()
    eta = state.bank.efficiencies([22.0] * 3)
    angles = (0.0, math.pi / 2, math.pi / 4)
    paths = np.array([analyser_vector(polarizer_jones(a, 20)) for a in angles])
    pieces = [
        simulate_pulses(
            state,
            LIGHTS[which],
            eta[:, None] * paths,
            begin * PULSES_PER_TICK,
            end * PULSES_PER_TICK,
            threads=threads,
        ).times_ps
        for begin, end in pairwise(edges)
    ]
    return [np.concatenate([p[d] for p in pieces]) for d in range(3)]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, len(LIGHTS) - 1),
    st.integers(0, 2**31),
    st.integers(1, 12),
    st.sets(st.integers(1, 11)),
    st.integers(1, 3),
    st.sampled_from([1, 100, 5_000, 1 << 16]),
    st.sampled_from([1, 1 << 17]),
)
def test_cuts_threads_and_batches_change_no_tag(
    which, begin, n_ticks, cuts, threads, events, row_tags
):
    end = begin + n_ticks
    whole = run(which, [begin, end])
    inner = sorted(begin + c for c in cuts if c < n_ticks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qkdlab_sims.optics.engine._CHUNK_EVENTS", events)
        patch.setattr("qkdlab_sims.optics.collection._ROW_TAGS", row_tags)
        cut = run(which, [begin, *inner, end], threads)
    for one, two in zip(whole, cut, strict=True):
        assert np.array_equal(one, two)
        assert np.all(np.diff(one) >= 0)


def test_tags_are_whole_picoseconds_after_a_day():
    """Pulse 1e14 of a 1 GHz source: 1e17 ps, where a float64 has steps of 16 ps."""
    begin = 10**14 // PULSES_PER_TICK
    tags = run(1, [begin, begin + 60])
    for d, times in enumerate(tags):
        within = times - begin * PULSES_PER_TICK * PERIOD_PS - ARRIVAL_PS[d]
        assert within.min() > -10_000
        assert within.max() < 60 * PULSES_PER_TICK * PERIOD_PS + 100_000
        assert np.bincount(times & 15, minlength=16).min() > len(times) / 32


def test_settings_are_those_of_the_pulse_after_a_day():
    """Clicks of light that only one setting gives come from pulses of that setting."""
    generator = LIGHTS[0].law.settings
    means = np.where(np.arange(12) == 9, 0.5, 0.0)
    fields = np.sqrt(means)[:, None] * np.array([[1.0 + 0j, 0.0]])
    only = Light(fields, 1550.0, 9, law=ContextLaw.of(generator))
    quiet = DetectorParameters(0.8, 14.0, 3.0, 30.0, 0.0, 60.0, 1.6, 1_000.0, 20.0)
    bank = DetectorBank((quiet,), (500,), PERIOD_PS, 7)
    state = DetectorState(bank)
    state.set_bias([22.0])
    first = 10**14 // PULSES_PER_TICK * PULSES_PER_TICK
    vector = analyser_vector(np.eye(2, dtype=complex))[None, :]
    out = simulate_pulses(state, only, vector, first, first + 4 * PULSES_PER_TICK)
    pulses = out.times_ps[0] // PERIOD_PS
    assert len(pulses) > 500
    assert set(generator.settings(pulses - 9).tolist()) == {9}


def test_times_beyond_62_bits_are_refused():
    last = (1 << 62) // PERIOD_PS // PULSES_PER_TICK
    with pytest.raises(OverflowError, match="62"):
        run(0, [last, last + 1])


def test_more_photons_than_the_bound_are_no_silent_loss(monkeypatch):
    monkeypatch.setattr("qkdlab_sims.optics.pulsed.poisson_bound", lambda mean: 5)
    with pytest.raises(OverflowError, match="more photons"):
        run(2, [0, 3])


@pytest.mark.parametrize("threads", [1, 2])
def test_more_clicks_than_the_bound_are_no_silent_loss(monkeypatch, threads):
    monkeypatch.setattr(DetectorBank, "clicks_bound", lambda *_: 3)
    monkeypatch.setattr("qkdlab_sims.optics.collection._ROW_TAGS", 3)
    with pytest.raises(OverflowError, match="more clicks"):
        run(2, [0, 3], threads)


def test_memory_does_not_grow_with_the_run():
    """Rooms for arrivals and tags are those of a stretch; only the tags are kept."""
    state = state_of()
    run(2, [0, 200], state=state)
    (room,) = state.rooms(1)
    known = room.t_ps.shape, state.scratch(0).shape
    run(2, [200, 1200], state=state)
    assert (room.t_ps.shape, state.scratch(0).shape) == known
    assert state.rooms(1)[0] is room
