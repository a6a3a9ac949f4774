"""What an experimenter reads from the tags of a quantum dot."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dot_bench import DOT, QUIET, engine, fields, interfered, pulse_of, receiver
from hypothesis import given
from hypothesis import strategies as st
from pair_bench import BIAS_UA, PERIOD_PS
from scipy.optimize import curve_fit

from qkdlab_sims.optics.detector import PULSES_PER_TICK
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.sources.dot.arrivals import DotArrivals
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot

STEADY = replace(DOT, off_time_ps=0.0)
SLOW = replace(
    QUIET, recovery_tau_ps=100.0
)  # a wire that is back before the next pulse
DIAGONAL = np.array([[math.sqrt(0.5), math.sqrt(0.5)]], complex)
ETA = QUIET.efficiency(BIAS_UA)


def hanbury_brown_twiss(dot, n_ticks):
    """Pulses with clicks at H and at V for light at 45 degrees: a 50:50 splitter."""
    one, two, _, _ = engine(dot, n_ticks, wire=SLOW, states=DIAGONAL)
    return np.unique(pulse_of(one)), np.unique(pulse_of(two))


def correlation(one, two, lags):
    """Coincidences at each lag over those of independent clicks, with errors."""
    found = np.array([len(np.intersect1d(one, two + lag)) for lag in lags])
    n = max(one[-1], two[-1]) + 1
    chance = len(one) * len(two) / n
    return found / chance, np.sqrt(np.maximum(found, 1)) / chance


def test_g2_of_an_hbt_is_that_of_the_dot_and_its_noise():
    one, two = hanbury_brown_twiss(STEADY, 40)
    (zero,), (sigma,) = correlation(one, two, [0])
    expected = STEADY.g2_zero()
    assert expected == pytest.approx((0.4**2 * 0.1 + 0.8 * 0.02 + 0.02**2) / 0.42**2)
    # threshold detectors see a little less of noisy pulses: below 1 %
    assert abs(zero - expected) < 4 * sigma + 0.01 * expected
    assert abs(zero - 1.3 * expected) > 4 * sigma + 0.01 * expected


def test_neighbouring_pulses_of_a_steady_dot_are_independent():
    one, two = hanbury_brown_twiss(STEADY, 30)
    value, sigma = correlation(one, two, [1, -1, 7])
    assert np.all(np.abs(value - 1) < 4 * sigma)


def test_blinking_bunches_with_its_amplitude_and_time():
    dot = replace(DOT, noise_photons=0.0)
    tags = engine(dot, 100, wire=SLOW, states=DIAGONAL)[:2]
    n = 100 * PULSES_PER_TICK // 10
    one, two = (np.bincount(pulse_of(t) // 10, minlength=n).astype(float) for t in tags)
    lags = np.arange(1, 100, 2)
    found = np.array([one[: n - lag] @ two[lag:] for lag in lags])
    chance = one.sum() * two.sum() / n
    value, sigma = found / chance, np.sqrt(found) / chance
    # the mean over the run of a blinking dot varies, so let it float
    (scale, swing, tau), covariance = curve_fit(
        lambda x, scale, swing, tau: scale * (1 + swing * np.exp(-x / tau)),
        lags * 10.0 * PERIOD_PS,
        value,
        (1.0, 0.5, 1e6),
        sigma,
    )
    errors = np.sqrt(np.diag(covariance))
    assert abs(scale - 1) < 0.02
    assert abs(swing - 2 / 3) < 5 * errors[1] + 0.02  # off over on
    assert abs(tau - dot.blinking_time_ps()) < 5 * errors[2] + 0.03 * tau
    assert dot.blinking_time_ps() == pytest.approx(1.2e6)


def test_lifetime_is_that_of_the_histogram_behind_the_pulse():
    one, *_ = engine(replace(STEADY, noise_photons=0.0), 20, wire=SLOW)
    late = (one + 1_000) % PERIOD_PS - 1_000
    tail = late[(late > 300) & (late < 4_000)] - 300
    tau = np.mean(tail)  # of an exponential cut at 3.7 ns
    expected = 600 - 3_700 / math.expm1(3_700 / 600)
    assert abs(tau - expected) < 4 * 600 / math.sqrt(len(tail))


def test_brightness_is_clicks_per_pulse_over_the_path():
    dot = QuantumDot(brightness=0.3)
    tags = engine(dot, 20, wire=SLOW, states=DIAGONAL)
    n = 20 * PULSES_PER_TICK
    clicks = sum(len(np.unique(pulse_of(t))) for t in tags[:2])
    expected = 0.3 * 0.5 * ETA
    assert abs(clicks / n - expected) < 4 * math.sqrt(expected / n)


def test_noise_stays_when_the_dot_is_dark():
    dot = QuantumDot(brightness=0.0, noise_photons=0.1)
    tags = engine(dot, 20, wire=SLOW, states=DIAGONAL)
    n = 20 * PULSES_PER_TICK
    clicks = sum(map(len, tags))
    expected = 0.1 * ETA
    assert abs(clicks / n - expected) < 4 * math.sqrt(expected / n) + 0.02 * expected


@pytest.mark.parametrize("overlap", [0.0, 0.6, 0.95])
def test_coincidences_behind_a_beam_splitter_give_the_indistinguishability(overlap):
    # Hong, Ou, Mandel: one photon in either input leaves by both ports with
    # probability (1 - M)/2
    dot = QuantumDot(brightness=0.5, indistinguishability=overlap)
    n_ticks = 12
    one, two = interfered(dot, n_ticks, SLOW)
    n = n_ticks * PULSES_PER_TICK
    found = len(np.intersect1d(one, two)) / n
    expected = (0.5 * ETA) ** 2 * (1 - overlap) / 2
    assert abs(found - expected) < 4 * math.sqrt(expected / n)
    singles = (len(one) + len(two)) / n
    # two photons at one detector are one click
    clicks = 2 * 0.5 * ETA - (0.5 * ETA) ** 2 * (1 + overlap) / 2
    assert abs(singles - clicks) < 4 * math.sqrt(clicks / n)


def coincidences(dot, first_of=lambda chances: chances):
    """Return the chance that both ports click, and what an input shows.

    first_of: changes what one input shows: (photons seen, first among them): chance
    """
    _, alone, both = dot.number_chances()
    shows = {
        (1, True): (alone + both * (1 - ETA)) * ETA,
        (1, False): both * (1 - ETA) * ETA,
        (2, True): both * ETA**2,
    }
    shows[0, False] = 1 - sum(shows.values())
    shows = first_of(shows)
    quiet = 0.0
    for (a, one), p in shows.items():
        for (b, other), q in shows.items():
            # first photons stay together with (1 + M)/2, all others choose alone
            of_pair = (1 + dot.indistinguishability) / 4 if one and other else 1.0
            quiet += p * q * of_pair * 0.5 ** (a + b - 2 * (one and other))
    quiet *= math.exp(-dot.noise_photons * ETA)
    silent = shows[0, False] ** 2 * math.exp(-2 * dot.noise_photons * ETA)
    return 1 - 2 * quiet + silent


@pytest.mark.parametrize(
    "dot",
    [
        QuantumDot(brightness=0.4, g2_emitter=0.2, noise_photons=0.02),
        QuantumDot(brightness=0.9, g2_emitter=0.6, indistinguishability=0.9),
    ],
    ids=["dim", "up to four photons"],
)
def test_noise_and_second_photons_fill_the_dip(dot):
    n_ticks = 12
    one, two = interfered(dot, n_ticks, SLOW)
    n = n_ticks * PULSES_PER_TICK
    found = len(np.intersect1d(one, two)) / n
    expected = coincidences(dot)
    assert abs(found - expected) < 4 * math.sqrt(expected / n)


def test_a_second_photon_that_met_another_would_be_noticed():
    # mutant: of two photons either can be the one that meets
    dot = QuantumDot(brightness=0.9, g2_emitter=0.6, indistinguishability=0.9)
    n_ticks = 12
    one, two = interfered(dot, n_ticks, SLOW)
    n = n_ticks * PULSES_PER_TICK

    def any_meets(shows):
        return {
            (0, False): shows[0, False],
            (1, True): shows[1, True] + shows[1, False],
            (2, True): shows[2, True],
        }

    found = len(np.intersect1d(one, two)) / n
    expected = coincidences(dot, any_meets)
    assert abs(found - expected) > 4 * math.sqrt(expected / n)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_clicks_do_not_depend_on_how_the_run_is_cut(steps):
    dot = replace(DOT, brightness=0.02, noise_photons=0.002, lifetime_ps=9e5)
    whole, cut = engine(dot, 6), engine(dot, 6, steps)
    for one, two in zip(whole, cut, strict=True):
        assert np.array_equal(one, two)


def test_blinking_does_not_depend_on_where_a_run_begins():
    dot = replace(DOT, on_time_ps=5e9, off_time_ps=5e9)
    whole = engine(dot, 24)
    bursts = np.bincount(whole[0] // (PULSES_PER_TICK * PERIOD_PS), minlength=24)
    assert bursts.min() < 0.2 * bursts.max()
    assert np.array_equal(whole[0], engine(dot, 24, (5, 1))[0])


def test_a_perfect_dot_gives_a_photon_in_every_pulse():
    tags = engine(QuantumDot(brightness=1.0), 2, wire=SLOW, states=DIAGONAL)
    n = 2 * PULSES_PER_TICK
    one, two = (np.unique(pulse_of(t)) for t in tags[:2])
    assert len(np.intersect1d(one, two)) == 0
    assert abs(len(one) / n - 0.25 * ETA) < 4 * math.sqrt(0.25 / n)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"brightness": 1.2}, "brightness is 1.2, but must be between 0 and 1"),
        ({"g2_emitter": -0.1}, "g2_emitter is -0.1"),
        ({"lifetime_ps": -1.0}, "lifetime_ps is -1 ps"),
        ({"on_time_ps": 0.0}, "on_time_ps is 0 ps"),
        ({"indistinguishability": 1.1}, "indistinguishability is 1.1"),
    ],
)
def test_values_outside_physics_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(DOT, **change)


def test_detectors_that_see_more_than_there_is_are_refused():
    light = Light(1.2 * fields(), 900.0)
    with pytest.raises(ValueError, match="more photons than the dot emits"):
        DotArrivals(DOT, light, 2.5 * receiver()[1], PERIOD_PS, 1)


def test_lifetimes_of_a_tick_are_refused():
    slow = replace(DOT, lifetime_ps=1e6)
    with pytest.raises(ValueError, match="23rd of a tick"):
        DotArrivals(slow, Light(fields(), 900.0), receiver()[1], 100, 1)


def test_a_beam_splitter_wants_two_detectors():
    with pytest.raises(ValueError, match="two detectors"):
        DotArrivals(
            DOT, Light(fields(), 9.0), receiver()[1], PERIOD_PS, 1, interferes=True
        )
