"""Where pulses meet the modulator's transitions."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2

from qkdlab.calibration.symbol_edge import fit_edge, transition_counts, transition_mean

PERIOD_PS = 10_000.0
TIMES_PS = np.arange(0.0, PERIOD_PS, PERIOD_PS / 16)
RISE_PS = 1130.0


def power(volts):
    return np.sin(0.5 * np.pi * volts) ** 2


def scan(symbols, levels_v, middle_ps, rise_ps=RISE_PS, times_ps=TIMES_PS):
    """Play the pattern symbol by symbol, pulse by pulse."""
    volts = np.asarray(levels_v)[symbols]
    after = np.roll(volts, -1)
    means = []
    for t in times_ps:
        away = (t - middle_ps + PERIOD_PS / 2) % PERIOD_PS - PERIOD_PS / 2
        share = ndtr(away / rise_ps)
        means.append(power(volts + share * (after - volts)).mean())
    return np.array(means)


ALTERNATING = np.arange(64) % 2
HALF_SWING = [0.0, 0.5]
KEY = np.random.default_rng(5).choice(3, 4000, p=[0.4, 0.4, 0.2])
KEY_LEVELS = [1.0, 0.436, 0.04]


def shape_of(symbols, levels_v):
    counts = transition_counts(symbols, len(levels_v))
    return transition_mean(counts, np.asarray(levels_v), power)


def fitted(symbols, levels_v, means, error=1e-4, **options):
    return fit_edge(
        TIMES_PS,
        means,
        np.full(TIMES_PS.size, error),
        shape_of(symbols, levels_v),
        period_ps=PERIOD_PS,
        rise_guess_ps=1000.0,
        **options,
    )


def test_transitions_are_counted_round_the_end():
    counts = transition_counts(np.array([0, 1, 1, 2]), 3)
    assert counts.tolist() == [[0, 1, 0], [0, 1, 1], [1, 0, 0]]


def test_the_mean_is_that_of_all_pulses():
    shape = shape_of(KEY, KEY_LEVELS)
    volts = np.asarray(KEY_LEVELS)[KEY]
    half = volts + 0.3 * (np.roll(volts, -1) - volts)
    assert shape(np.array([0.3]))[0] == pytest.approx(power(half).mean())


@pytest.mark.parametrize("middle_ps", [0.0, 1234.0, 5000.0, 9990.0])
@pytest.mark.parametrize(
    ("symbols", "levels_v"), [(ALTERNATING, HALF_SWING), (KEY, KEY_LEVELS)]
)
def test_the_middle_of_the_transition_is_found(symbols, levels_v, middle_ps):
    fit = fitted(symbols, levels_v, 1e-6 * scan(symbols, levels_v, middle_ps), 1e-10)
    off = (fit.middle_ps.value - middle_ps + 5000) % PERIOD_PS - 5000
    assert abs(off) < 5
    assert fit.rise_ps.value == pytest.approx(RISE_PS, rel=0.02)


def test_a_wrong_voltage_scale_does_not_move_it():
    means = scan(ALTERNATING, [0.0, 0.6], 4321.0)
    fit = fitted(ALTERNATING, HALF_SWING, means)
    assert fit.middle_ps.value == pytest.approx(4321.0, abs=5)


def test_the_contrast_of_the_key_pattern_is_some_percent():
    fit = fitted(KEY, KEY_LEVELS, scan(KEY, KEY_LEVELS, 3000.0))
    assert 0.03 < fit.contrast.value < 0.08


def test_the_uncertainty_is_that_of_the_scatter():
    z = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        middle_ps = rng.uniform(0, PERIOD_PS)
        error = 1e-3
        means = scan(KEY, KEY_LEVELS, middle_ps) + rng.normal(0, error, TIMES_PS.size)
        fit = fitted(KEY, KEY_LEVELS, means, error)
        off = (fit.middle_ps.value - middle_ps + 5000) % PERIOD_PS - 5000
        z.append(off / fit.middle_ps.uncertainty)
    chance = chi2.sf(np.sum(np.square(z)), len(z))
    assert 1e-4 < chance < 1 - 1e-4
    assert chi2.sf(np.sum(np.square(2 * np.array(z))), len(z)) < 1e-4


def test_a_known_rise_is_kept():
    means = scan(KEY, KEY_LEVELS, 3000.0)
    fit = fit_edge(
        TIMES_PS,
        means,
        np.full(TIMES_PS.size, 1e-4),
        shape_of(KEY, KEY_LEVELS),
        period_ps=PERIOD_PS,
        rise_guess_ps=RISE_PS,
        rise_is_known=True,
    )
    assert fit.rise_ps == (RISE_PS, 0.0)
    assert fit.middle_ps.value == pytest.approx(3000.0, abs=1)


def test_means_without_a_transition_are_refused():
    noise = np.random.default_rng(4).normal(0, 1e-4, TIMES_PS.size)
    with pytest.raises(ValueError, match="no transition"):
        fitted(KEY, KEY_LEVELS, 0.5 + noise)


def test_a_pattern_of_one_level_is_refused():
    with pytest.raises(ValueError, match="no transition"):
        fitted(np.zeros(64, int), [1.0], np.ones(TIMES_PS.size))
