"""Two small receivers behind a pair source, simulated by engine and reference."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from plain_sources import PlainPairs, linear_analyser, plain_diode, plain_wire, werner

from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
)
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.sources.pairs.arrivals import simulate_pairs
from qkdlab_sims.optics.sources.pairs.parameters import PairSource, PairState
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap

PERIOD_PS = 10_000
BIAS_UA = 22.0
ARRIVAL_PS = ((7_500, 7_810, 8_240, 7_650), (9_500, 9_310, 9_240, 9_650))
ANGLES = ((0.0, 90.0, 45.0, 135.0), (0.0, 90.0, 45.0, 135.0))
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=20_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=100.0,
    tail_fraction=0.1,
    tail_ps=100.0,
)
QUIET = replace(
    WIRE, dark_floor_hz=0.0, dark_i0_ua=60.0, tail_fraction=0.0, jitter_fwhm_ps=30.0
)
DIODE = Spad(
    efficiency=0.5,
    dark_rate_hz=20_000.0,
    dead_time_ps=100_000,
    traps=(Trap(0.15, 200_000.0),),
    jitter_fwhm_ps=150.0,
)
CONTINUOUS = PairSource(
    PairState(visibility=0.97),
    pair_rate_hz=2e7,
    heralding_alice=0.5,
    heralding_bob=0.4,
    correlation_fwhm_ps=150.0,
    bandwidth_fwhm_nm=0.5,
    dispersion_alice_ps_per_nm=-60.0,
    dispersion_bob_ps_per_nm=400.0,
)
PULSED = PairSource(
    PairState("psi", phase_rad=math.pi, visibility=0.95),
    pairs_per_pulse=0.15,
    schmidt_number=1.4,
    heralding_alice=0.5,
    heralding_bob=0.4,
    emission_fwhm_ps=200.0,
    correlation_fwhm_ps=50.0,
    bandwidth_fwhm_nm=0.5,
    dispersion_alice_ps_per_nm=300.0,
    dispersion_bob_ps_per_nm=400.0,
)


def amplitudes(side, angles=ANGLES):
    """Amplitude matrices to detectors of one side, half of the light to each two."""
    return [linear_analyser(math.radians(a), 0.5) for a in angles[side]]


def detectors(parameters, arrival_ps, component):
    """Return detectors that are on, wires or diodes, and their efficiencies."""
    kind = SpadBank if isinstance(parameters[0], Spad) else DetectorBank
    bank = kind(parameters, arrival_ps, PERIOD_PS, 5, component, hold_back_ps=9_000)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA] * len(parameters))
    return state, bank.efficiencies(state.bias_ua)


def receiver(side, wire=WIRE, angles=ANGLES):
    """Return the engine's detectors of one side and their analysers."""
    n = len(angles[side])
    component = ("alice", "bob")[side]
    state, eta = detectors((wire,) * n, ARRIVAL_PS[side][:n], component)
    vectors = [analyser_vector(a) for a in amplitudes(side, angles)]
    return state, eta[:, None] * np.array(vectors)


def engine(source, n_ticks, steps=(None,), wire=WIRE, angles=ANGLES, seed=3):
    """Return the tags of both sides, cut at the last slot, less the arrival times."""
    alice, bob = receiver(0, wire, angles), receiver(1, wire, angles)
    pieces = ([], [])
    tick, n_done = 0, 0
    while tick < n_ticks + 1:
        step = steps[n_done % len(steps)] or n_ticks + 1
        n_done += 1
        end = min(tick + step, n_ticks + 1)
        both = simulate_pairs(
            source,
            alice,
            bob,
            tick * PULSES_PER_TICK,
            end * PULSES_PER_TICK,
            seed=seed,
        )
        for side in range(2):
            pieces[side].append(both[side].times_ps)
        tick = end
    cut = n_ticks * PULSES_PER_TICK * PERIOD_PS
    return [
        [
            np.concatenate(rows)[np.concatenate(rows) < cut] - arrival
            for rows, arrival in zip(
                zip(*p, strict=True), ARRIVAL_PS[side], strict=False
            )
        ]
        for side, p in enumerate(pieces)
    ]


def plain_detector(path, arrival_ps, diodes=None):
    """Return the reference's wire, or diode if changes to it are named."""
    if diodes is None:
        return plain_wire(path, WIRE, BIAS_UA, arrival_ps)
    return plain_diode(path, DIODE, arrival_ps, **dict(diodes))


@functools.cache
def reference(which, n_ticks, seed=1, diodes=None, **mutant):
    """Return the tags of the reference for CONTINUOUS or PULSED, with changes.

    diodes: changes of diodes, where there are diodes instead of wires
    """
    source = CONTINUOUS if which == "continuous" else PULSED
    state = source.state
    rho = werner(
        mutant.pop("visibility", state.visibility),
        state.phase_rad,
        state.family == "psi",
    )
    sigma_nm = source.bandwidth_fwhm_nm / 2.354820045
    plain = PlainPairs(
        rho,
        (source.heralding_alice, source.heralding_bob),
        source.pair_rate_hz,
        source.pairs_per_pulse,
        source.schmidt_number,
        PERIOD_PS,
        source.lead_ps(),
        source.emission_fwhm_ps / 2.354820045,
        (
            sigma_nm * source.dispersion_alice_ps_per_nm,
            -sigma_nm * source.dispersion_bob_ps_per_nm,
        ),
        source.correlation_fwhm_ps / 2.354820045,
    )
    sides = [
        [
            plain_detector(path, arrival, diodes)
            for path, arrival in zip(amplitudes(side), ARRIVAL_PS[side], strict=True)
        ]
        for side in range(2)
    ]
    n_pulses = n_ticks * PULSES_PER_TICK
    out = replace(plain, **mutant).clicks(n_pulses, *sides, seed)
    cut = n_pulses * PERIOD_PS
    return [
        [t[t < cut] - arrival for t, arrival in zip(*both, strict=True)]
        for both in zip(out, ARRIVAL_PS, strict=True)
    ]


def delays(one, two, span_ps):
    """Return two's delays against one, all pairs within +-span."""
    first = np.searchsorted(two, one - span_ps)
    last = np.searchsorted(two, one + span_ps)
    n = last - first
    start = np.repeat(first - np.concatenate(([0], np.cumsum(n)[:-1])), n)
    return two[start + np.arange(n.sum())] - np.repeat(one, n)


def coincidence_table(tags, window_ps=1_000, offset_ps=0):
    """Return counts of coincidences by detectors, [n_a, n_b]."""
    alice, bob = tags
    return np.array(
        [[len(delays(a + offset_ps, b, window_ps)) for b in bob] for a in alice]
    )


def peak(tags, span_ps=1_500, step_ps=50):
    """Return the histogram of delays between any of Alice's and any of Bob's."""
    all_a, all_b = (np.sort(np.concatenate(side)) for side in tags)
    edges = np.arange(-span_ps, span_ps + 1, step_ps)
    return np.histogram(delays(all_a, all_b, span_ps), edges)[0]


def singles(tags):
    """Return the counts of all detectors."""
    return np.array([len(t) for side in tags for t in side])
