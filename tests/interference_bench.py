"""Two lights on a beam splitter: by the engine, and pulse by pulse in plain NumPy."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, DetectorState
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import TwoLights
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.snspd import DetectorParameters

PERIOD_PS = 1_000_000  # a microsecond: every detector is at rest at every pulse
PERFECT = DetectorParameters(
    efficiency_max=1.0,
    i_half_ua=5.0,
    width_ua=1.0,
    switching_current_ua=30.0,
    dark_floor_hz=0.0,
    dark_i0_ua=1000.0,
    dark_slope_per_ua=1.0,
    recovery_tau_ps=5_000.0,
    jitter_fwhm_ps=50.0,
)
SAME = PulsePair(fwhm_ps=60.0)
H, V = np.array([[1, 0]]), np.array([[0, 1]])


def splitter(bases=(H,), efficiency=1.0):
    """Return paths from both inputs through 50:50 to a detector per output and state.

    Detectors in the order: output 1 of every state, then output 2 of every state.
    """
    root = math.sqrt(efficiency / 2)
    one = np.vstack([root * basis for basis in bases])
    return np.vstack([one, one]), np.vstack([one, -one])


def clicked(a, b, pair=SAME, n_ticks=16, seed=1, parts=1, threads=1):
    """Return bool[n_pulses, n_det]."""
    n_det = len(a.paths)
    bank = DetectorBank((PERFECT,) * n_det, (500_000,) * n_det, PERIOD_PS, seed=seed)
    state = DetectorState(bank)
    state.set_bias([20.0] * n_det)
    source = TwoLights(a, b, pair, PERIOD_PS, seed)
    out = np.zeros(((n_ticks + 1) * PULSES_PER_TICK, n_det), bool)
    cuts = np.linspace(0, n_ticks, parts + 1).astype(int) * PULSES_PER_TICK
    for k0, k1 in pairwise(cuts):
        tags = detect(state, source, int(k0), int(k1), threads=threads).times_ps
        for d, t in enumerate(tags):
            out[t // PERIOD_PS, d] = True
    # those held back at the end are of the last pulse at most
    return out[: n_ticks * PULSES_PER_TICK - 1]


def coherent(mean_photons, state=(1, 0), **more):
    """Return pulses of one state and mean number."""
    jones = math.sqrt(mean_photons) * np.array([state], np.complex128)
    return Light(jones / np.linalg.norm(state), 1550.0, **more)


def fresh_light(mean_photons, key):
    """Return pulses of four states, two intensities; settings never repeat."""
    states = np.array([[1, 0], [0, 1], [1, 1], [1, -1]]) / np.sqrt([[1], [1], [2], [2]])
    jones = np.vstack([math.sqrt(mean_photons * part) * states for part in (1, 0.2)])
    shares = Shares.of([0.4, 0.3, 0.2, 0.1])
    law = ContextLaw.of(CounterSettings(bytes([key] * 16), 0, shares))
    return Light(jones.astype(np.complex128), 1550.0, law=law, intensity_noise_rms=0.1)


def plain(n, fields_a, fields_b, paths_a, paths_b, contrast, seed, thermal=False):
    """Return bool[n, n_det], every pulse drawn by itself; fields complex128[n, 2]."""
    rng = np.random.default_rng(seed)
    alpha = fields_a @ paths_a.T
    beta = fields_b @ paths_b.T * np.exp(2j * math.pi * rng.random((n, 1)))
    if thermal:
        alpha = alpha * np.sqrt(rng.exponential(size=(n, 1)))
    mean = np.abs(alpha) ** 2 + np.abs(beta) ** 2
    mean += 2 * contrast * (alpha.conj() * beta).real
    return rng.random(mean.shape) < -np.expm1(-mean)
