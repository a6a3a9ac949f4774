"""The arrival of light in its slot, told from dark counts and coarse bins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from qkdlab.calibration.arrival import fit_arrival, without_common_offsets

PERIOD_PS = 10_000.0
CENTRE_PS, SIGMA_PS, BIN_PS = 137.0, 60.0, 100.0
FWHM_PS = 2.354820045 * SIGMA_PS
LEAST_P = 1e-4


def clicks(seed: int, n: int = 4000, n_dark: int = 80) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    light = CENTRE_PS + SIGMA_PS * rng.standard_normal(n)
    binned = light + BIN_PS * (rng.random(n) - 0.5)
    return np.concatenate([binned, PERIOD_PS * (rng.random(n_dark) - 0.5)])


def scores(**options: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centres, widths = [], []
    for seed in range(300):
        peak = fit_arrival(clicks(seed, **options), PERIOD_PS, BIN_PS**2 / 12)
        centres.append((peak.centre_ps.value - CENTRE_PS) / peak.centre_ps.uncertainty)
        widths.append((peak.fwhm_ps.value - FWHM_PS) / peak.fwhm_ps.uncertainty)
    return np.asarray(centres), np.asarray(widths)


def chance_of(z: NDArray[np.float64]) -> float:
    total = np.sum(z**2)
    return 2 * float(min(chi2.cdf(total, z.size), chi2.sf(total, z.size)))


def test_uncertainties_are_those_of_the_errors():
    for z in scores():
        assert chance_of(z) > LEAST_P
        # a mutant that counts every click twice
        assert chance_of(z * 2**0.5) < LEAST_P


def test_a_peak_across_the_edge_of_the_slot_is_found_whole():
    t = clicks(1) + PERIOD_PS / 2
    peak = fit_arrival(t, PERIOD_PS, BIN_PS**2 / 12)
    away = (peak.centre_ps.value - CENTRE_PS - PERIOD_PS / 2) % PERIOD_PS
    assert min(away, PERIOD_PS - away) < 10.0


def test_dark_counts_do_not_widen_the_peak():
    peak = fit_arrival(clicks(2, n_dark=2000), PERIOD_PS, BIN_PS**2 / 12)
    assert peak.fwhm_ps.value == pytest.approx(FWHM_PS, abs=10.0)
    assert peak.floor == pytest.approx(2000 / PERIOD_PS, rel=0.1)


def test_the_share_inside_a_gate_is_that_of_a_normal_peak():
    peak = fit_arrival(clicks(3), PERIOD_PS, BIN_PS**2 / 12)
    assert peak.share_within(SIGMA_PS) == pytest.approx(0.683, abs=0.02)


def test_dark_counts_alone_are_no_peak():
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="phase"):
        fit_arrival(PERIOD_PS * rng.random(3000), PERIOD_PS, 0.0)


def test_few_clicks_are_refused():
    with pytest.raises(ValueError, match="100"):
        fit_arrival(np.zeros(99), PERIOD_PS, 0.0)


def test_what_a_frame_has_in_common_is_no_width_of_a_detector():
    rng = np.random.default_rng(5)
    frame = np.repeat(np.arange(200), 40)
    common = 50.0 * rng.standard_normal(200)
    times = SIGMA_PS * rng.standard_normal(frame.size) + common[frame]
    left, rms = without_common_offsets(times, frame, PERIOD_PS / 8)
    assert np.std(left) == pytest.approx(SIGMA_PS, rel=0.03)
    assert rms == pytest.approx(50.0, rel=0.2)


def test_frames_with_few_clicks_are_left_alone():
    times = np.array([1.0, 2.0, 3.0])
    left, rms = without_common_offsets(times, np.zeros(3, np.int64), 100.0)
    assert left.tolist() == times.tolist()
    assert rms == 0.0
