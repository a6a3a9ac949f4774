"""Two lights that meet: closed forms for threshold detectors, and plain pulses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from interference_bench import (
    SAME,
    H,
    V,
    clicked,
    coherent,
    fresh_light,
    plain,
    splitter,
)
from scipy.special import i0
from two_samples import p_value

from qkdlab_sims.optics.interference import two_lights
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input
from qkdlab_sims.optics.light import Light

APART = PulsePair(fwhm_ps=60.0, other=0.0)


def coincidences(mean_a, mean_b, pair, seed=1, n_ticks=32):
    one, two = splitter()
    inputs = Input(coherent(mean_a), one), Input(coherent(mean_b), two)
    clicks = clicked(*inputs, pair, n_ticks=n_ticks, seed=seed)
    return clicks.all(axis=1).sum()


def visibility(mean_a, mean_b, pair=SAME, **more):
    """Return the depth of the dip and its standard error."""
    inside = coincidences(mean_a, mean_b, pair, **more)
    outside = coincidences(mean_a, mean_b, APART, **{**more, "seed": 2})
    ratio = inside / outside
    return 1 - ratio, ratio * math.sqrt(1 / inside + 1 / outside)


# theory.md section 3, HOM with threshold detectors [C]; 3 tests at 4 sigma
@pytest.mark.parametrize(
    ("mean", "expected"), [(0.1, 0.4998959), (0.5, 0.4974174), (1.0, 0.4899197)]
)
def test_the_dip_of_threshold_detectors_is_that_of_the_closed_form(mean, expected):
    found, sigma = visibility(mean, mean)
    assert abs(found - expected) < 4 * sigma


def test_the_dip_at_low_light_is_a_half():
    m = 0.01
    exact = (
        1 - (1 - 2 * math.exp(-m) * i0(m) + math.exp(-2 * m)) / (-math.expm1(-m)) ** 2
    )
    assert exact == pytest.approx(0.4999990, abs=1e-6)
    found, sigma = visibility(m, m, n_ticks=64)
    assert abs(found - exact) < 4 * sigma


def test_unequal_powers_lower_the_dip():
    found, sigma = visibility(0.02, 0.04)
    assert abs(found - 4 / 9) < 4 * sigma


@pytest.mark.parametrize(
    "pair",
    [
        PulsePair(fwhm_ps=60.0, delay_ps=40.0),
        PulsePair(fwhm_ps=60.0, jitter_ps=25.0),
        PulsePair(fwhm_ps=60.0, detuning_ghz=6.0),
        PulsePair(fwhm_ps=60.0, jitter_ps=10.0, chirp=-4.0, detuning_ghz=1.0),
        PulsePair(fwhm_ps=60.0, other=0.9),
    ],
)
def test_the_overlap_is_recovered_from_the_dip(pair):
    # at low light the dip is half the mean squared overlap; 4 sigma
    found, sigma = visibility(0.1, 0.1, pair)
    assert abs(found - 0.4998959 * pair.mean_square_overlap) < 4 * sigma
    assert pair.mean_square_overlap < 0.95


@pytest.mark.parametrize("delay_ps", [-30.0, 0.0, 55.0])
@pytest.mark.parametrize("detuning_ghz", [0.0, 8.0])
@pytest.mark.parametrize("chirp", [0.0, -3.0])
def test_the_overlap_is_that_of_the_fields(delay_ps, detuning_ghz, chirp):
    t = np.arange(-1500, 1500, 0.25)
    pair = PulsePair(60.0, delay_ps, 0.0, detuning_ghz, chirp)
    shape = (1 + 1j * chirp) / (2 * pair.t0_ps**2)
    one = np.exp(-shape * (t - delay_ps / 2) ** 2)
    two = np.exp(-shape * (t + delay_ps / 2) ** 2)
    two = two * np.exp(2j * math.pi * 1e-3 * detuning_ghz * t)
    expected = abs(np.vdot(one, two)) / np.vdot(one, one).real
    assert pair.overlap() == pytest.approx(expected, abs=1e-9)


def test_the_mean_square_overlap_is_the_mean_over_the_jitter():
    pair = PulsePair(60.0, 20.0, 25.0, 4.0, -2.0, 0.95)
    d = np.linspace(-200, 200, 40_001)
    weights = np.exp(-(d**2) / (2 * 25.0**2))
    squared = [pair.overlap(x) ** 2 for x in d]
    expected = np.average(squared, weights=weights)
    assert pair.mean_square_overlap == pytest.approx(expected, rel=1e-6)


def bell_counts(mu, efficiency, angle_a, angle_b, n_ticks=24, seed=3):
    """Return the shares of pulses with psi-minus and with psi-plus."""
    one, two = splitter((H, V), efficiency)
    lights = [
        coherent(mu, (math.cos(angle), math.sin(angle))) for angle in (angle_a, angle_b)
    ]
    clicks = clicked(
        Input(lights[0], one), Input(lights[1], two), n_ticks=n_ticks, seed=seed
    )
    pattern = clicks @ np.array([1, 2, 4, 8])  # 1H, 1V, 2H, 2V
    minus = np.isin(pattern, (0b1001, 0b0110)).sum()
    plus = np.isin(pattern, (0b0011, 0b1100)).sum()
    return minus, plus, len(clicks)


def test_gains_are_those_of_ma_and_razavi():
    # theory.md section 3, e_d = 0, no darkness: Q_C = 2 e^(-m'/2) (1 - e^(-m/2))^2 for
    # all bits together, all of it from opposite ones, Q_E = 0 in the rectilinear basis;
    # in the diagonal one Q = 2 y^2 [1 + 2 y^2 - 4 y I0(x) + I0(2x)], E Q = Q / 2 - y^2
    # [I0(2x) - 1]; m = eta mu, m' = 2 m, y = exp(-m'/4), x = m / 2. 5 comparisons at
    # 4.5 sigma
    mu, efficiency = 0.5, 0.6
    m = mu * efficiency
    correct = 2 * math.exp(-m) * math.expm1(-m / 2) ** 2
    y, x = math.exp(-m / 2), m / 2
    gain = 2 * y**2 * (1 + 2 * y**2 - 4 * y * i0(x) + i0(2 * x))
    wrong = gain / 2 - y**2 * (i0(2 * x) - 1)
    quarter, half = math.pi / 4, math.pi / 2

    def close(found, expected, n):
        return abs(found - expected * n) < 4.5 * math.sqrt(max(expected * n, 1))

    minus, plus, n = bell_counts(mu, efficiency, 0.0, half)
    assert close(minus + plus, 2 * correct, n)
    minus, plus, _ = bell_counts(mu, efficiency, 0.0, 0.0)
    assert minus + plus == 0
    # same diagonal states: psi-plus is right, psi-minus wrong; opposite ones: reversed
    minus, plus, n = bell_counts(mu, efficiency, quarter, quarter)
    assert close(minus + plus, gain, n)
    assert close(minus, wrong, n)
    minus, plus, n = bell_counts(mu, efficiency, quarter, -quarter)
    assert close(plus, wrong, n)
    assert not close(1.05 * (minus + plus), gain, n)


def random_states(n, seed):
    rng = np.random.default_rng(seed)
    jones = rng.normal(size=(n, 2)) + 1j * rng.normal(size=(n, 2))
    powers = rng.choice([0.8, 0.2, 0.01], n)
    return jones * np.sqrt(powers / (np.abs(jones) ** 2).sum(axis=1))[:, None]


@pytest.mark.parametrize("statistics", ["coherent", "thermal"])
def test_patterns_of_clicks_agree_with_plain_pulses(statistics):
    # all 16 patterns of 4 detectors by 20 contexts; p > 1e-4, 2 tests; 5 % of power
    # and 0.15 of contrast are caught
    one, two = splitter((H, V), 0.7)
    two = two @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    states = random_states(4, 1), random_states(5, 2)
    lights = [Light(jones, 1550.0, first_pulse=3) for jones in states]
    pair = PulsePair(60.0, other=0.8)
    clicks = clicked(
        Input(lights[0], one, statistics), Input(lights[1], two), pair, n_ticks=32
    )

    def table(clicks):
        k = np.arange(len(clicks)) - 3
        label = (k % 20) * 16 + clicks @ np.array([1, 2, 4, 8])
        return np.bincount(label, minlength=320)

    def reference(seed, power=1.0, contrast=0.8):
        k = np.arange(len(clicks)) - 3
        a = math.sqrt(power) * states[0][k % 4]
        thermal = statistics == "thermal"
        return plain(
            len(k), a, states[1][k % 5], one, two, contrast, seed, thermal=thermal
        )

    ours = table(clicks)
    assert p_value(ours, table(reference(7))) > 1e-4
    assert p_value(ours, table(reference(8, power=1.05))) < 1e-4
    assert p_value(ours, table(reference(9, contrast=0.65))) < 1e-4


def test_thermal_light_bunches_twice():
    one, two = splitter()
    clicks = clicked(
        Input(coherent(0.1), one, "thermal"), Input(coherent(0.0), two), n_ticks=48
    )
    # threshold detectors: P(both) = 1 - 2/(1 + m/2) + 1/(1 + m), P(one) = m/(2 + m)
    m, n = 0.1, len(clicks)
    both = 1 - 2 / (1 + m / 2) + 1 / (1 + m)
    assert abs(clicks.all(axis=1).sum() - n * both) < 4 * math.sqrt(n * both)
    g2 = both / (m / (2 + m)) ** 2
    assert g2 == pytest.approx(2, rel=0.06)


def test_noise_of_a_pulse_is_common_to_its_photons():
    # g2 = 1 + rms^2 of one noisy light on two detectors, at low light
    one, two = splitter()
    noisy = coherent(0.2, intensity_noise_rms=0.3)
    clicks = clicked(Input(noisy, one), Input(coherent(0.0), two), n_ticks=64)
    each = clicks.mean(axis=0)
    both = clicks.all(axis=1).sum()
    g2 = both / len(clicks) / each.prod()
    assert abs(g2 - 1.09) < 4 * g2 / math.sqrt(both) + 0.01
    assert abs(g2 - 1.0) > 4 * g2 / math.sqrt(both)


def test_clicks_do_not_depend_on_how_a_stretch_is_cut():
    one, two = splitter((H, V), 0.5)
    inputs = [
        Input(Light(random_states(7, s), 1550.0), p) for s, p in ((1, one), (2, two))
    ]
    pair = PulsePair(60.0, jitter_ps=20.0)
    whole = clicked(*inputs, pair, n_ticks=12)
    assert np.array_equal(clicked(*inputs, pair, n_ticks=12, parts=5), whole)


@pytest.mark.parametrize("mean", [0.4, 1e-5])
def test_clicks_of_fresh_settings_do_not_depend_on_cuts_or_threads(mean):
    # dim: most ticks are empty
    one, two = splitter((H, V), 0.5)
    inputs = [
        Input(fresh_light(mean, key), paths) for key, paths in ((1, one), (2, two))
    ]
    n_ticks = 12 if mean > 0.1 else 300
    whole = clicked(*inputs, n_ticks=n_ticks)
    assert whole.sum() > 50
    assert np.array_equal(clicked(*inputs, n_ticks=n_ticks, parts=7), whole)
    assert np.array_equal(clicked(*inputs, n_ticks=n_ticks, threads=2), whole)


@pytest.mark.parametrize("statistics", ["coherent", "thermal"])
def test_clicks_without_a_table_of_pairs_are_the_same(statistics, monkeypatch):
    one, two = splitter((H, V), 0.5)
    inputs = [
        Input(Light(random_states(7, s), 1550.0), p, statistics)
        for s, p in ((1, one), (2, two))
    ]
    whole = clicked(*inputs, PulsePair(60.0, jitter_ps=20.0), n_ticks=4)
    monkeypatch.setattr(two_lights, "_MAX_PAIRS", 0)
    assert np.array_equal(
        clicked(*inputs, PulsePair(60.0, jitter_ps=20.0), n_ticks=4), whole
    )


def test_phases_that_are_not_new_are_refused():
    one, two = splitter()
    held = coherent(0.1, phase_law="correlated")
    with pytest.raises(ValueError, match="new for each pulse"):
        clicked(Input(held, one), Input(coherent(0.1), two))
