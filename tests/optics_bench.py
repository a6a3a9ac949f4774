"""A small receiver, simulated by the engine and by the slow reference, and views of it.

Views turn tags into counts in cells, to be compared by `two_samples.p_value`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from plain_attacks import PlainEve
from plain_optics import PlainDetector, PlainReceiver

from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import (
    analyser_vector,
    polarizer_jones,
    waveplate_jones,
)
from qkdlab_sims.optics.snspd import DetectorParameters

PERIOD_PS = 10_000
N_PULSES = 16 * PULSES_PER_TICK
MUS = (0.8, 0.3, 0.004)
BIAS_UA = 22.0
ARRIVAL_PS = (7_500, 7_810, 8_240, 7_650)
SNSPD = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.1,
    dark_floor_hz=99.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=50.0,
)
"""The nanowire of the reference bench."""
PARAMETERS = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=60_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=300.0,
    tail_fraction=0.2,
    tail_ps=200.0,
)


def pattern(n=600):
    """Fields of D, A, R, L at three intensities, and (intensity, state) of each."""
    rng = np.random.default_rng(5)
    intensity = rng.integers(0, 3, n)
    state = rng.integers(0, 4, n)
    phase = np.exp(1j * np.array([0, math.pi, math.pi / 2, -math.pi / 2])[state])
    root = np.sqrt(np.array(MUS)[intensity] / 2)
    fields = root[:, None] * np.stack([np.ones(n), phase], axis=1)
    return fields, intensity * 4 + state


def paths():
    """Amplitude matrices to X0, X1, Z0, Z1, a 60:40 splitter, 20 dB extinction."""
    rotate = waveplate_jones(0.3, 0.04)  # some misalignment
    plus, minus = math.pi / 4, -math.pi / 4
    turn = waveplate_jones(0.0, 0.75)  # R to D
    x = math.sqrt(0.6)
    z = math.sqrt(0.4)
    return [
        x * polarizer_jones(plus, 20) @ rotate,
        x * polarizer_jones(minus, 20) @ rotate,
        z * polarizer_jones(plus, 20) @ turn @ rotate,
        z * polarizer_jones(minus, 20) @ turn @ rotate,
    ]


def engine(n_pulses=N_PULSES, parameters=PARAMETERS, brightness=1.0, eve=None, rin=0.0):
    fields, _ = pattern()
    bank = DetectorBank((parameters,) * 4, ARRIVAL_PS, PERIOD_PS, seed=11)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA] * 4)
    light = Light(
        fields, 1550.0, first_pulse=3, pulse_fwhm_ps=100.0, intensity_noise_rms=rin
    ).attenuated(brightness)
    eta = bank.efficiencies(state.bias_ua)
    analysers = np.array(
        [e * analyser_vector(p) for e, p in zip(eta, paths(), strict=True)]
    )
    whole = simulate_pulses(state, light, analysers, 0, n_pulses, eve=eve)
    rest = simulate_pulses(
        state, light.attenuated(0), analysers, n_pulses, n_pulses + PULSES_PER_TICK
    )
    cut = n_pulses * PERIOD_PS
    return [
        np.concatenate(pair)[np.concatenate(pair) < cut]
        for pair in zip(whole.times_ps, rest.times_ps, strict=True)
    ]


def reference(
    n_pulses=N_PULSES,
    parameters=PARAMETERS,
    brightness=1.0,
    attacked=0.0,
    rin=0.0,
    seed=1,
    eve=None,
    **mutant,
):
    fields, _ = pattern()
    fields = fields * math.sqrt(brightness * mutant.pop("gain", 1.0))
    eta = parameters.efficiency(BIAS_UA)
    detectors = [
        PlainDetector(
            path=math.sqrt(eta) * path,
            arrival_ps=arrival,
            dark_rate_hz=parameters.dark_rate_hz(BIAS_UA),
            bias_ua=BIAS_UA,
            half_ua=parameters.i_half_ua,
            width_ua=parameters.width_ua,
            tau_ps=parameters.recovery_tau_ps,
            sigma_ps=math.hypot(parameters.jitter_fwhm_ps, 100.0) / 2.354820045,
            tail_fraction=parameters.tail_fraction,
            tail_ps=parameters.tail_ps,
        )
        for path, arrival in zip(paths(), ARRIVAL_PS, strict=True)
    ]
    detectors = [replace(d, **mutant) for d in detectors]
    receiver = PlainReceiver(
        fields, detectors, PERIOD_PS, 3, attacked=attacked, noise_rms=rin
    )
    if eve is not None:
        receiver = PlainEve(fields, detectors, PERIOD_PS, 3, **eve)
    cut = n_pulses * PERIOD_PS
    return [t[t < cut] for t in receiver.clicks(n_pulses, seed)]


def counts(tags):
    """Clicks by class of pulse and detector, from the window about the pulse."""
    _, label = pattern()
    table = np.zeros((12, 4))
    for d, t in enumerate(tags):
        pulse, within = np.divmod(t - ARRIVAL_PS[d] + PERIOD_PS // 2, PERIOD_PS)
        near = np.abs(within - PERIOD_PS // 2) < 2_000
        table[:, d] = np.bincount(label[(pulse[near] - 3) % 600], minlength=12)
    return table.ravel()


def gaps(tags):
    """Times between clicks of one detector, in bins that resolve the recovery."""
    edges = np.concatenate((np.arange(0, 300_000, 2_500), [1e6, 3e6, 1e8]))
    return np.concatenate([np.histogram(np.diff(t), edges)[0] for t in tags])


def positions(tags):
    """Click times within the slot, by detector."""
    edges = np.linspace(0, PERIOD_PS, 201)
    return np.concatenate(
        [
            np.histogram((t - a + PERIOD_PS // 2) % PERIOD_PS, edges)[0]
            for t, a in zip(tags, ARRIVAL_PS, strict=True)
        ]
    )


def coincidences(tags):
    """Pulses by the set of detectors that clicked in them (16 sets less none)."""
    n = N_PULSES + 10
    word = np.zeros(n, int)
    for d, t in enumerate(tags):
        pulse = (t - ARRIVAL_PS[d] + PERIOD_PS // 2) // PERIOD_PS
        word[np.unique(pulse)] |= 1 << d
    return np.bincount(word, minlength=16)[1:]


def strays(tags):
    """Clicks more than 3 ns from a pulse, by detector: dark counts."""
    return np.array(
        [
            np.count_nonzero((t - a + 3_000) % PERIOD_PS > 6_000)
            for t, a in zip(tags, ARRIVAL_PS, strict=True)
        ]
    )
