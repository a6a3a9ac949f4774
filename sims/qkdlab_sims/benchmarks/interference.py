"""How fast two interfering lights are simulated, beside a model of every pulse."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.benchmarks.link import NANOWIRE
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
)
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input, TwoLights
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares

__all__ = ["mdi_speeds", "naive_two_lights"]

_PERIOD_PS = 1000
_REPEATS = 5
_TICKS = 800
_NAIVE_PULSES = 1_000_000
_MEAN_PHOTONS = (0.5, 0.1, 0.001)
_SHARES = (0.6, 0.2, 0.2)
_LOSS_DB = 20.0
_NOISE = 0.02
_PAIR = PulsePair(fwhm_ps=60.0, jitter_ps=8.0, detuning_ghz=0.5, other=0.995)
_STATES = (
    np.array([[1, 0], [0, 1], [1, 1], [1, -1]]) / np.array([[1, 1, 2, 2]]).T ** 0.5
)


def _light(key: int) -> Light:
    """Return a sender's light: three intensities, two bases, fresh settings."""
    # setting 2 (2 intensity + basis) + bit
    jones = [
        math.sqrt(mean) * _STATES[2 * basis + bit]
        for mean in _MEAN_PHOTONS
        for basis in (0, 1)
        for bit in (0, 1)
    ]
    shares = Shares.of([0.5 * share for share in _SHARES for _ in (0, 1)])
    settings = CounterSettings(bytes([key] * 16), 0, shares)
    return Light(
        np.array(jones, np.complex128),
        1550.0,
        law=ContextLaw.of(settings),
        pulse_fwhm_ps=60.0,
        intensity_noise_rms=_NOISE,
    )


def _paths(sign: float) -> NDArray[np.complex128]:
    """Return the ways through 50:50 and two polarizing splitters to four detectors."""
    root = math.sqrt(0.5 * NANOWIRE.efficiency_max * 10.0 ** (-0.1 * _LOSS_DB))
    one = root * np.eye(2, dtype=np.complex128)
    return np.vstack([one, sign * one])


def naive_two_lights(n_pulses: int, seed: int) -> int:
    """Simulate every pulse by itself, with arrays; return the number of clicks.

    No recovery, jitter, dark counts or noise.
    """
    rng = np.random.default_rng(seed)
    fields = []
    for sign in (1.0, -1.0):
        mean = rng.choice(_MEAN_PHOTONS, n_pulses, p=_SHARES)
        states = _STATES[rng.integers(0, 4, n_pulses)]
        phase = np.exp(2j * math.pi * rng.random(n_pulses))
        amplitudes = (np.sqrt(mean) * phase)[:, None] * states
        # no product of matrices: its threads would burn time on after it
        fields.append((amplitudes[:, None, :] * _paths(sign)).sum(axis=2))
    a, b = fields
    contrast = math.sqrt(_PAIR.mean_square_overlap)
    seen = np.abs(a) ** 2 + np.abs(b) ** 2 + 2.0 * contrast * (a.conj() * b).real
    return int((rng.random(seen.shape) < -np.expm1(-seen)).sum())


def mdi_speeds(seconds: float = 0.05) -> tuple[float, float]:
    """Return simulated seconds per second of CPU time: ours, and every pulse.

    Two senders at 1 GHz with three intensities, 20 dB each to a relay with four
    nanowires of efficiency 0.8 with recovery, jitter with a tail, dark counts;
    intensity noise of 2 %, jitter and detuning between the lasers.
    seconds: of link time in each of some repetitions, of which the best counts
    """
    bank = DetectorBank((NANOWIRE,) * 4, (500,) * 4, _PERIOD_PS, 1, "relay")
    state = DetectorState(bank)
    state.set_bias([22.0] * 4)
    inputs = Input(_light(1), _paths(1.0)), Input(_light(2), _paths(-1.0))
    source = TwoLights(*inputs, _PAIR, _PERIOD_PS, 3)
    stretch = _TICKS * PULSES_PER_TICK
    stretch_s = stretch * _PERIOD_PS * 1e-12
    n = max(1, round(seconds / stretch_s))
    ours = naive = math.inf
    detect(state, source, 0, stretch)
    k = stretch
    for _ in range(_REPEATS):
        started = time.process_time()
        for _stretch in range(n):
            detect(state, source, k, k + stretch)
            k += stretch
        ours = min(ours, (time.process_time() - started) / (n * stretch_s))
        started = time.process_time()
        naive_two_lights(_NAIVE_PULSES, seed=1)
        took = time.process_time() - started
        naive = min(naive, took / (_NAIVE_PULSES * _PERIOD_PS * 1e-12))
    return 1.0 / ours, 1.0 / naive
