"""V_pi is found behind any fibre, amplifier compression or not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qkdlab.calibration.phase_sweep import fit_phase_sweep

VOLTS = np.linspace(0.0, 1.6, 32)
GUESS_V = 0.8
N_SEEDS = 100
LEAST_P = 1e-4


def expected(
    seed: int, v_pi_v: float = 0.81, compression: float = 0.0
) -> NDArray[np.float64]:
    """Return mean counts of four detectors behind a random fibre."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    u = VOLTS / v_pi_v
    phase = np.pi * u * (1 + compression * (1 - u**2))
    circle = np.stack([np.zeros_like(phase), np.cos(phase), np.sin(phase)])
    first, second = q[0] @ circle, q[1] @ circle
    means = [0.8 * (1 + first), 0.8 * (1 - first), 0.2 * (1 + second)]
    return 1000 * np.array([*means, 0.2 * (1 - second)])


def test_exact_counts_give_the_exact_voltage():
    fit = fit_phase_sweep(VOLTS, expected(1, 0.87), GUESS_V)
    assert fit.v_pi_v.value == pytest.approx(0.87, rel=1e-6)
    assert fit.compression.value == pytest.approx(0.0, abs=1e-5)


def test_compression_is_told_from_the_voltage():
    fit = fit_phase_sweep(VOLTS, 100 * expected(2, 0.79, 0.004), GUESS_V)
    assert fit.v_pi_v.value == pytest.approx(0.79, rel=1e-3)
    assert fit.compression.value == pytest.approx(0.004, rel=0.1)


def test_contrasts_are_those_of_the_counts():
    counts = np.array([100 * (1 + 0.5 * np.cos(np.pi * VOLTS / 0.8))])
    fit = fit_phase_sweep(VOLTS, counts, GUESS_V)
    assert fit.contrast[0].value == pytest.approx(0.5, rel=1e-3)
    assert fit.counts(VOLTS) == pytest.approx(counts, rel=1e-3)


def test_some_detector_has_contrast_behind_every_fibre():
    # the axes of the two arms are at right angles, so the circle cannot miss both
    for seed in range(50):
        fit = fit_phase_sweep(VOLTS, expected(seed), GUESS_V)
        assert max(c.value for c in fit.contrast) > 0.7


def scores() -> NDArray[np.float64]:
    """Return errors in units of the stated uncertainty."""
    out = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        compression = 0.005 * rng.standard_normal()
        counts = rng.poisson(expected(seed, 0.81, compression)).astype(float)
        found = fit_phase_sweep(VOLTS, counts, GUESS_V).v_pi_v
        out.append((found.value - 0.81) / found.uncertainty)
    return np.asarray(out)


def chance_of(z: NDArray[np.float64]) -> float:
    from scipy.stats import chi2

    tails = chi2.cdf(np.sum(z**2), z.size), chi2.sf(np.sum(z**2), z.size)
    return 2 * float(min(tails))


def test_the_stated_uncertainty_is_that_of_the_errors():
    z = scores()
    assert chance_of(z) > LEAST_P
    # a mutant that forgets the second detector of each arm
    assert chance_of(z * 2**0.5) < LEAST_P


def test_too_few_voltages_are_refused():
    with pytest.raises(ValueError, match="eight"):
        fit_phase_sweep(VOLTS[:5], np.ones((2, 5)), GUESS_V)
