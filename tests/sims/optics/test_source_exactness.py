"""Every source before every detector: the same tags on any threads, days after pulse 0.

Dim enough for a few hundred tags a run: what counts is where ticks meet.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_bench import CONTINUOUS, DIODE, PULSED, WIRE, amplitudes, detectors

from qkdlab_sims.optics.detector import PULSES_PER_TICK, simulate_pulses
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input, TwoLights
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.sources.dot.arrivals import DotArrivals
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot
from qkdlab_sims.optics.sources.laser.arrivals import LaserArrivals
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics
from qkdlab_sims.optics.sources.pairs.arrivals import PairArrivals
from qkdlab_sims.optics.spad.gate import Gate

PERIOD_PS = 10_000
ARRIVAL_PS = (7_500, 7_810)
MEAN = 2e-3
LATE_TICK = 10**14 // PULSES_PER_TICK
"""Of pulse 1e14: 11 days at 100 MHz, 1e18 ps, where a float64 has steps of 128 ps."""
RIPPLED = replace(
    WIRE,
    jitter_fwhm_ps=3_000.0,  # tags of neighbouring ticks mix
    readout=Readout(
        threshold=0.5, grows_jitter=True, walk_ps=400.0, ac_coupling_ps=3e5
    ),
)
GATED = replace(
    DIODE,
    jitter_fwhm_ps=3_000.0,
    gate=Gate(period_ps=PERIOD_PS, width_ps=6_000, lead_ps=3_000),
)
DETECTORS = {
    "diode": replace(DIODE, jitter_fwhm_ps=3_000.0),
    "gated diode": GATED,
    "readout": RIPPLED,
}


def light():
    rng = np.random.default_rng(1)
    law = ContextLaw.of(CounterSettings(b"k" * 16, 5, Shares.of([0.5, 0.3, 0.2])))
    jones = math.sqrt(MEAN) * (rng.normal(size=(6, 2)) + 1j * rng.normal(size=(6, 2)))
    return Light(jones, 1550.0, 9, intensity_noise_rms=0.1, law=law)


def laser(analysers, seed, jitter_rms_ps=60.0, **more):
    pulses = PulseDynamics(jitter_rms_ps=jitter_rms_ps, noise_rms=0.2)
    one = Light(np.array([[math.sqrt(MEAN), 0j]]), 1550.0)
    return LaserArrivals(pulses, one, analysers, PERIOD_PS, seed, **more)


def pairs(which, analysers, seed):
    made = replace(
        which,
        pair_rate_hz=which.pair_rate_hz / 50,
        pairs_per_pulse=which.pairs_per_pulse / 50,
    )
    return PairArrivals(made, "bob", analysers, analysers, PERIOD_PS, seed)


def dot(analysers, seed):
    emitter = QuantumDot(0.01, 0.2, 1e-3, 9e5, on_time_ps=2e8, off_time_ps=2e8)
    return DotArrivals(emitter, Light(np.eye(2) + 0j, 1550.0), analysers, 10_000, seed)


def two_lights(_, seed):
    one = np.array([[0.5, 0.1], [0.1, 0.5]], complex)
    pair = PulsePair(60.0, jitter_ps=20.0, other=0.9)
    return TwoLights(Input(light(), one), Input(light(), -one), pair, PERIOD_PS, seed)


SOURCES = {
    "laser": laser,
    "late laser": lambda *which: laser(*which, jitter_rms_ps=9_000.0),
    "laser's phases": lambda *which: laser(
        *which, step_rad=0.5, interferometer=(0.9, 0.3)
    ),
    "pairs": lambda *which: pairs(CONTINUOUS, *which),
    "pairs of pulses": lambda *which: pairs(PULSED, *which),
    "dot": dot,
    "two lights": two_lights,
    "light": None,
}


def tags_of(source, detector, edges, threads=1):
    """Return the tags of stretches of whole ticks by the edges between them."""
    state, eta = detectors((DETECTORS[detector],) * 2, ARRIVAL_PS, "detectors")
    analysers = eta[:, None] * [analyser_vector(a) for a in amplitudes(0)[:2]]
    made = None if SOURCES[source] is None else SOURCES[source](analysers, 3)
    pieces = []
    for ticks in pairwise(edges):
        k0, k1 = (int(tick) * PULSES_PER_TICK for tick in ticks)
        if made is None:
            clicks = simulate_pulses(state, light(), analysers, k0, k1, threads=threads)
        else:
            clicks = detect(state, made, k0, k1, threads=threads)
        pieces.append(clicks.times_ps)
    return [np.concatenate(row) for row in zip(*pieces, strict=True)]


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=3)
@given(
    begin=st.sampled_from([0, 1, LATE_TICK]),
    cuts=st.sets(st.integers(1, 7)),
    threads=st.integers(1, 3),
    events=st.sampled_from([1, 100, 1 << 16]),
    row_tags=st.sampled_from([1, 1 << 17]),
)
def test_cuts_threads_and_batches_change_no_tag(
    source, detector, begin, cuts, threads, events, row_tags
):
    whole = tags_of(source, detector, [begin, begin + 8])
    inner = sorted(begin + c for c in cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qkdlab_sims.optics.engine._CHUNK_EVENTS", events)
        patch.setattr("qkdlab_sims.optics.collection._ROW_TAGS", row_tags)
        cut = tags_of(source, detector, [begin, *inner, begin + 8], threads)
    for one, two in zip(whole, cut, strict=True):
        assert len(one) > 20
        assert np.array_equal(one, two)
        assert np.all(np.diff(one) >= 0)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("source", ["two lights", "light", "laser", "dot", "pairs"])
def test_tags_are_whole_picoseconds_after_days(source, detector):
    tags = np.concatenate(tags_of(source, detector, [LATE_TICK, LATE_TICK + 40]))
    within = tags - LATE_TICK * PULSES_PER_TICK * PERIOD_PS
    assert within.min() > -20_000
    assert within.max() < 41 * PULSES_PER_TICK * PERIOD_PS
    assert np.bincount(tags & 15, minlength=16).min() > len(tags) / 32
