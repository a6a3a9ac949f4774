"""What an experimenter reads from the tags of a pair source, and closed forms."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_bench import (
    CONTINUOUS,
    PERIOD_PS,
    PULSED,
    QUIET,
    coincidence_table,
    delays,
    engine,
    receiver,
)
from plain_sources import werner

from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, DetectorState
from qkdlab_sims.optics.sources.pairs.arrivals import PairArrivals, simulate_pairs
from qkdlab_sims.optics.sources.pairs.outcomes import (
    joint_probabilities,
    outcome_tables,
)
from qkdlab_sims.optics.sources.pairs.parameters import PairSource, PairState

BELL = ((0.0, 90.0, 45.0, 135.0), (22.5, 112.5, 67.5, 157.5))
TWO = ((0.0, 90.0), (0.0, 90.0))
IDEAL = PairSource(PairState(), pair_rate_hz=5e6)
TICK_S = PULSES_PER_TICK * PERIOD_PS * 1e-12


def within(measured, expected, sigma):
    return abs(measured - expected) < 4.0 * sigma


@functools.cache
def tags_of(source, n_ticks, angles):
    return engine(source, n_ticks, wire=QUIET, angles=angles)


def chsh(table):
    """S and its standard error from counts [a, b] of detectors at BELL."""
    s, variance = 0.0, 0.0
    for i, j, sign in ((0, 0, 1), (0, 1, -1), (1, 0, 1), (1, 1, 1)):
        n = table[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        e = (n[0, 0] + n[1, 1] - n[0, 1] - n[1, 0]) / n.sum()
        s += sign * e
        variance += (1 - e**2) / n.sum()
    return s, math.sqrt(variance)


@pytest.mark.parametrize("visibility", [1.0, 0.9])
def test_chsh_is_the_visibility_times_two_root_two(visibility):
    source = replace(IDEAL, state=PairState(visibility=visibility))
    tags = tags_of(source, 40, BELL)
    true = coincidence_table(tags, 300) - coincidence_table(tags, 300, 20_000)
    s, sigma = chsh(true)
    assert within(s, 2 * math.sqrt(2) * visibility, sigma)
    assert not within(s, 2 * math.sqrt(2) * (visibility - 0.04), sigma)


def test_coincidences_over_accidentals_are_one_and_the_rate_in_the_window():
    # CAR = 1 + 1/(R w): theory of two Poissonian streams with common pairs
    tags = tags_of(IDEAL, 40, TWO)
    window = 400
    found = coincidence_table(tags, window).sum()
    accidental = np.mean(
        [coincidence_table(tags, window, 30_000 + 2_000 * i).sum() for i in range(20)]
    )
    car = found / accidental
    expected = 1 + 1 / (IDEAL.pair_rate_hz * (2 * window + 1) * 1e-12)
    sigma = expected / math.sqrt(20 * accidental)
    assert within(car, expected, sigma)
    assert not within(car, 1.1 * expected, sigma)


def test_heralding_efficiency_is_coincidences_over_partner_singles():
    source = replace(IDEAL, heralding_alice=0.6, heralding_bob=0.35, pair_rate_hz=2e5)
    tags = tags_of(source, 200, TWO)
    both = coincidence_table(tags, 500).sum()
    of_bob = both / sum(map(len, tags[0]))
    half = 0.5 * QUIET.efficiency(22.0)  # a pair of polarizers gets half of the light
    assert within(of_bob, 0.35 * half, math.sqrt(of_bob / sum(map(len, tags[0]))))
    of_alice = both / sum(map(len, tags[1]))
    assert within(of_alice, 0.6 * half, math.sqrt(of_alice / sum(map(len, tags[1]))))


@pytest.mark.parametrize("sign", [1, -1])
def test_peak_widens_by_the_sum_of_both_dispersions(sign):
    source = replace(
        IDEAL,
        correlation_fwhm_ps=20.0,
        bandwidth_fwhm_nm=1.0,
        dispersion_alice_ps_per_nm=200.0,
        dispersion_bob_ps_per_nm=sign * 200.0,
    )
    tags = tags_of(source, 20, TWO)
    fwhm = math.hypot(20.0, 30.0, 30.0, 400.0 if sign > 0 else 0.0)
    n, square = moments(tags, 3 * fwhm, 0)
    by_chance = moments(tags, 3 * fwhm, 30_000)
    width = math.sqrt((square - by_chance[1]) / (n - by_chance[0]))
    assert abs(width / (fwhm / 2.354820045) - 1) < 0.01 + 4 / math.sqrt(2 * n)


def moments(tags, span_ps, offset_ps):
    """Number and sum of squares of the delays between the sides."""
    found = [delays(a + offset_ps, b, span_ps) for a in tags[0] for b in tags[1]]
    found = np.concatenate(found).astype(float)
    return len(found), np.sum(found**2)


def pulsed_clicks(source, n_ticks):
    """Pulse numbers of the clicks of each detector, both sides, at rest each time."""
    rested = replace(QUIET, recovery_tau_ps=100.0)
    tags = engine(source, n_ticks, wire=rested, angles=TWO)
    lead = source.lead_ps()
    return [[(t - lead + PERIOD_PS // 2) // PERIOD_PS for t in side] for side in tags]


def test_g2_of_one_arm_gives_the_schmidt_number():
    source = PairSource(PairState(), pairs_per_pulse=0.05, schmidt_number=2.5)
    (one, two), _ = pulsed_clicks(source, 120)
    same = len(np.intersect1d(one, two))
    others = [len(np.intersect1d(one, two + n)) for n in range(40, 60)]
    g2 = same / np.mean(others)
    sigma = g2 / math.sqrt(same)
    assert within(g2, 1 + 1 / 2.5, sigma + 0.02)  # threshold detectors: 2 % lower
    assert not within(g2, 1 + 1 / 1.5, sigma + 0.02)


@pytest.mark.parametrize("modes", [1.0, math.inf])
def test_g2_of_heralded_photons_follows_the_closed_form(modes):
    # Bob's two detectors behind one basis: the partner of H goes to one of D, A
    source = PairSource(PairState(), pairs_per_pulse=0.1, schmidt_number=modes)
    angles = ((0.0,), (45.0, 135.0))
    tags = tags_of(source, 100, angles)
    lead = source.lead_ps()
    (a,), (b, c) = [
        [(t - lead + PERIOD_PS // 2) // PERIOD_PS for t in side] for side in tags
    ]
    ab, ac = np.intersect1d(a, b), np.intersect1d(a, c)
    abc = np.intersect1d(ab, ac)
    g2 = len(abc) * len(np.unique(a)) / (len(ab) * len(ac))

    def dark(share):
        """Chance that no pair of a pulse falls in a share of the outcomes."""
        if math.isinf(modes):
            return math.exp(-0.1 * share)
        return (1 + 0.1 * share / modes) ** -modes

    eta = 0.5 * QUIET.efficiency(22.0)
    x = y = 0.5 * eta  # of a photon, at any detector
    xy = 0.5 * x * eta  # at Alice's and at one of Bob's
    p_a = 1 - dark(x)
    p_ab = 1 - dark(x) - dark(y) + dark(x + y - xy)
    none = dark(x) + 2 * dark(y) - 2 * dark(x + y - xy) - dark(2 * y)
    p_abc = 1 - none - dark(x + 2 * y - 2 * xy)
    expected = p_abc * p_a / p_ab**2
    sigma = expected / math.sqrt(len(abc))
    assert within(g2, expected, sigma)
    assert not within(g2, 1.5 * expected, sigma)


def test_gain_of_coincidences_is_that_of_ma_fung_and_lo():
    # PRA 76, 012307 (2007) equation 9 without dark counts; two modes, mu = 2 lambda
    source = PairSource(PairState(), pairs_per_pulse=0.3, schmidt_number=2.0)
    n_ticks = 20
    one, two = pulsed_clicks(source, n_ticks)
    n = n_ticks * PULSES_PER_TICK
    found = len(np.intersect1d(np.concatenate(one), np.concatenate(two))) / n
    eta, mean = 0.5 * QUIET.efficiency(22.0), 0.15
    d = 1 + 2 * eta * mean - eta**2 * mean
    expected = 1 - 2 / (1 + eta * mean) ** 2 + 1 / d**2
    sigma = math.sqrt(expected / n)
    assert within(found, expected, sigma)
    assert not within(found, 1.05 * expected, sigma)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.sampled_from([CONTINUOUS, PULSED]),
)
def test_clicks_do_not_depend_on_how_the_run_is_cut(steps, source):
    slow = replace(source, pair_rate_hz=source.pair_rate_hz / 20)
    slow = replace(slow, pairs_per_pulse=source.pairs_per_pulse / 20)
    whole, cut = engine(slow, 6), engine(slow, 6, steps)
    for side in range(2):
        for one, two in zip(whole[side], cut[side], strict=True):
            assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("source", "expected"),
    [(CONTINUOUS, "264881aaf849f516"), (PULSED, "efa8bd0f0459d966")],
    ids=["continuous", "pulsed"],
)
def test_clicks_of_pairs_are_those_of_the_seed(source, expected):
    found = hashlib.sha256()
    for times in itertools.chain(*engine(source, 2)):
        found.update(f"{len(times)}|".encode())
        found.update(times.astype("<i8").tobytes())
    assert found.hexdigest()[:16] == expected


def test_photons_that_a_delay_carries_over_the_edge_of_a_tick_are_not_lost():
    source = replace(
        PULSED,
        pairs_per_pulse=2.0,
        emission_fwhm_ps=300_000.0,
        heralding_alice=1.0,
        dispersion_alice_ps_per_nm=0.0,
        dispersion_bob_ps_per_nm=0.0,
    )
    tags = np.sort(np.concatenate(tags_of(source, 6, TWO)[0]))
    edges = np.arange(1, 6) * PULSES_PER_TICK * PERIOD_PS + source.lead_ps()
    near = [np.count_nonzero(np.abs(tags - e) < 500_000) for e in edges]
    usual = [np.count_nonzero(np.abs(tags - e - 10**8) < 500_000) for e in edges]
    assert within(sum(near), sum(usual), math.sqrt(sum(near) + sum(usual)))


def test_tensor_of_a_state_is_that_of_its_density_matrix():
    state = PairState("psi", phase_rad=math.pi, visibility=0.9)
    pauli = [np.eye(2), np.diag([1, -1]), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]]]
    rho = werner(0.9, math.pi, psi=True)
    wanted = [[np.trace(rho @ np.kron(s, t)).real for t in pauli] for s in pauli]
    assert np.allclose(state.correlation(), wanted)


def test_rotation_of_bob_is_one_of_his_analysers():
    turned = PairState("phi", phase_rad=0.3, rotation_rad=math.radians(22.5))
    rates = [
        joint_probabilities(
            PairSource(state, pair_rate_hz=1.0),
            receiver(0, angles=BELL)[1],
            receiver(1, angles=angles)[1],
        )
        for state, angles in (
            (turned, BELL),
            (replace(turned, rotation_rad=0.0), (BELL[0], BELL[0])),
        )
    ]
    assert np.allclose(*rates)


def test_unbalanced_pairs_polarize_each_arm():
    weak = PairState(balance_rad=0.3)
    source = PairSource(weak, pair_rate_hz=1.0)
    seen = joint_probabilities(source, receiver(0)[1], receiver(1)[1])[:-1].sum(axis=1)
    ratio = math.tan(0.3) ** 2
    assert seen[1] / seen[0] == pytest.approx(ratio)


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_table_draws_its_chances(chances):
    wanted = np.array(chances).reshape(2, 3) + 1e-3
    a, b = outcome_tables(wanted)
    found = np.zeros((2, 3))
    for i, keep in enumerate(a.keep):
        found[a.at[i], b.at[i]] += (1 - keep) / 6
        found[a.at[i + 6], b.at[i + 6]] += keep / 6
    assert np.allclose(found, wanted / wanted.sum())


@pytest.mark.parametrize("modes", [1.0, 3.3, math.inf])
def test_seen_pairs_are_counted_by_the_negative_binomial_law(modes):
    from scipy.stats import nbinom, poisson

    source = PairSource(PairState(), pairs_per_pulse=0.7, schmidt_number=modes)
    mean = 0.7 * 0.4
    law = poisson(mean) if math.isinf(modes) else nbinom(modes, modes / (modes + mean))
    n = np.arange(1, 8)
    wanted = (law.cdf(n) - law.pmf(0)) / law.sf(0)
    assert np.allclose(source.seen_counts(0.4)[:7], wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heralding_bob": 1.2}, "heralding_bob is 1.2, but must be between 0 and 1"),
        ({"pair_rate_hz": -1.0}, "pair_rate_hz is -1 Hz"),
        ({"schmidt_number": 0.5}, "schmidt_number is 0.5, but must be between 1"),
        ({"pairs_per_pulse": 0.1}, "pair_rate_hz or pairs_per_pulse"),
        ({"correlation_fwhm_ps": -2.0}, "correlation_fwhm_ps is -2 ps"),
    ],
)
def test_values_outside_physics_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(IDEAL, **change)


def test_visibility_above_one_is_refused():
    with pytest.raises(ValueError, match=r"visibility is 1\.1"):
        PairState(visibility=1.1)


def test_detectors_that_see_more_than_there_is_are_refused():
    _, bob = receiver(1)
    with pytest.raises(ValueError, match="alice see more photons"):
        joint_probabilities(IDEAL, 2.6 * receiver(0)[1], bob)


def test_delays_of_half_a_tick_are_refused():
    slow = replace(IDEAL, correlation_fwhm_ps=1e6)
    with pytest.raises(ValueError, match="half a tick"):
        PairArrivals(slow, "bob", receiver(0)[1], receiver(1)[1], 100, seed=1)


def test_sides_that_share_their_random_numbers_are_refused():
    alice, bob = receiver(0), receiver(1)
    bank = alice[0].bank
    twin = DetectorState(
        DetectorBank(bank.parameters, (0,) * 4, PERIOD_PS, bank.seed, bank.component)
    )
    with pytest.raises(ValueError, match="streams of their own"):
        simulate_pairs(IDEAL, alice, (twin, bob[1]), 0, PULSES_PER_TICK, seed=1)


def test_source_that_emits_nothing_gives_dark_counts_only():
    dark = PairSource(PairState())
    tags = engine(dark, 30, wire=QUIET)
    assert sum(len(t) for side in tags for t in side) == 0
