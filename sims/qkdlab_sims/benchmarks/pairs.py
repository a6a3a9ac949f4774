"""How fast photon pairs become tags, beside a model that makes every photon."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.benchmarks.link import NANOWIRE
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
)
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones
from qkdlab_sims.optics.sources.pairs.arrivals import PairArrivals
from qkdlab_sims.optics.sources.pairs.parameters import PairSource, PairState

__all__ = ["naive_pairs", "pair_speeds"]

_PERIOD_PS = 10_000
_REPEATS = 7
_ANGLES_DEG = (0, 90, 45, 135)
_WIRE = replace(NANOWIRE, tail_fraction=0.0)
_SOURCE = PairSource(
    PairState(visibility=0.97),
    pair_rate_hz=1e7,
    heralding_alice=0.25,
    heralding_bob=0.25,
    correlation_fwhm_ps=2.0,
    bandwidth_fwhm_nm=0.5,
    dispersion_bob_ps_per_nm=340.0,
)


def naive_pairs(
    span_ps: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return tags and detectors (Alice 0-3, Bob 4-7) of the benchmark's source.

    Every pair is drawn, array by array, with jitter and dark counts; detectors have
    no recovery.
    """
    rng = np.random.default_rng(seed)
    n = rng.poisson(_SOURCE.pair_rate_hz * span_ps * 1e-12)
    t = np.sort(rng.uniform(0, span_ps, n))
    basis_a, basis_b, bit_a = rng.integers(0, 2, (3, n))
    alike = rng.random(n) < 0.5 * (1 + _SOURCE.state.visibility)
    bit_b = np.where(
        basis_a == basis_b, np.where(alike, bit_a, 1 - bit_a), rng.integers(0, 2, n)
    )
    delay = rng.normal(0, _SOURCE.peak_sigma_ps(), n)
    times, detectors = [], []
    for side, basis, bit in ((0, basis_a, bit_a), (1, basis_b, bit_b)):
        seen = rng.random(n) < 0.2
        jitter = rng.normal(0, _WIRE.jitter_sigma_ps(), int(seen.sum()))
        times.append((t + side * delay)[seen] + jitter)
        detectors.append((4 * side + 2 * basis + bit)[seen])
    for d in range(8):
        darks = rng.poisson(_WIRE.dark_rate_hz(22.0) * span_ps * 1e-12)
        times.append(rng.uniform(0, span_ps, darks))
        detectors.append(np.full(darks, d))
    all_t, all_d = np.concatenate(times), np.concatenate(detectors)
    order = np.argsort(all_t)
    tags: NDArray[np.int64] = np.rint(all_t[order]).astype(np.int64)
    return tags, all_d[order].astype(np.uint8)


def _receiver(component: str) -> tuple[DetectorState, NDArray[np.float64]]:
    bank = DetectorBank((_WIRE,) * 4, (7_500,) * 4, _PERIOD_PS, 1, component)
    state = DetectorState(bank)
    state.set_bias([22.0] * 4)
    angles = [polarizer_jones(math.radians(a)) for a in _ANGLES_DEG]
    return state, 0.4 * np.array([analyser_vector(a) for a in angles])


def pair_speeds(seconds: float = 0.1) -> tuple[float, float]:
    """Return source time over CPU time: drawn by what is seen, and all pairs.

    1e7 pairs/s of visibility 0.97, 20 % seen on either side by four nanowires each
    with recovery, jitter and dark counts, and chromatic dispersion on Bob's side.
    seconds: of the source's time in each of the repetitions, of which the best counts
    """
    sides = [_receiver("alice"), _receiver("bob")]
    vectors = sides[0][1], sides[1][1]
    sources = [
        PairArrivals(_SOURCE, "alice", *vectors, _PERIOD_PS, 3),
        PairArrivals(_SOURCE, "bob", *vectors, _PERIOD_PS, 3),
    ]
    stretch = max(1, round(seconds * 1e12 / (PULSES_PER_TICK * _PERIOD_PS)))
    stretch *= PULSES_PER_TICK
    stretch_s = stretch * _PERIOD_PS * 1e-12
    ours_s = naive_s = math.inf
    for k in range(0, _REPEATS * stretch, stretch):
        began = time.process_time()
        for (state, _), source in zip(sides, sources, strict=True):
            detect(state, source, k, k + stretch)
        ours_s = min(ours_s, time.process_time() - began)
        began = time.process_time()
        naive_pairs(stretch_s * 1e12, seed=1)
        naive_s = min(naive_s, time.process_time() - began)
    return stretch_s / ours_s, stretch_s / naive_s
