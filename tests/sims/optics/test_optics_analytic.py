from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optics_bench import SNSPD

from qkdlab_sims.optics.analytic import (
    Reading,
    click_probabilities,
    gate_acceptance,
    live_probability,
    mean_photons_at,
    slot_outcomes,
)
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones

PERIOD_PS, BLANK_PS, GATE_PS = 10_000, 60_000, 2_000
READING = Reading(
    basis=np.array([0, 0, 1, 1]),
    bit=np.array([0, 1, 0, 1]),
    dark_rate_hz=np.full(4, 100.0),
    jitter_sigma_ps=np.full(4, 33.0),
    offset_ps=np.zeros(4),
    gate_ps=float(GATE_PS),
    period_ps=float(PERIOD_PS),
)
MUS = (0.5, 0.2, 0.002)
LOSS = 10**-1.05  # 5 dB fibre, 2 dB excess, 3.5 dB receiver
MISALIGNMENT = 0.012


@dataclass(frozen=True, eq=False)
class ClassTable:
    """Expectation per live pulse by class; nan where nothing clicks."""

    gain: np.ndarray  # by Alice's basis, intensity, Bob's basis
    qber: np.ndarray  # by basis and intensity, in equal bases
    cross: np.ndarray  # by Alice's basis and intensity


def class_table(outcomes, alice_basis, intensity, weights):
    """Averages over the contexts of each class; weights: how often each is sent."""
    n_intensities = int(intensity.max()) + 1
    gain = np.full((2, n_intensities, 2), np.nan)
    qber = np.full((2, n_intensities), np.nan)
    cross = np.full((2, n_intensities), np.nan)
    for a in range(2):
        for i in range(n_intensities):
            weight = weights * ((alice_basis == a) & (intensity == i))
            total = float(weight.sum())
            if total <= 0.0:
                continue
            gain[a, i] = weight @ outcomes.gain / total
            cross[a, i] = weight @ outcomes.cross / total
            if gain[a, i, a] > 0.0:
                error = float(weight @ outcomes.error[:, a]) / total
                qber[a, i] = error / gain[a, i, a]
    return ClassTable(gain, qber, cross)


def classes():
    """Basis, intensity, bit and probability of the 12 classes of BENCHES."""
    rows = list(itertools.product((0, 1), (0, 1, 2), (0, 1)))
    basis, intensity, bit = (np.array(column) for column in zip(*rows, strict=True))
    p = np.array([0.85, 0.15])[basis] * np.array([0.4, 0.4, 0.2])[intensity] / 2
    return basis, intensity, bit, p


def fields(basis, intensity, bit, misalignment=MISALIGNMENT):
    """Jones vectors turned by a fixed angle on the sphere about S1's direction."""
    phase = (basis + 2 * bit) * math.pi / 2
    tilt = math.acos(1 - 2 * misalignment)
    root = np.sqrt(np.array(MUS)[intensity])
    # towards H, which no analyser sees: contrast 1 - 2e in both bases
    h = math.cos(math.pi / 4 - tilt / 2)
    v = math.sin(math.pi / 4 - tilt / 2) * np.exp(1j * phase)
    return root[:, None] * np.stack([np.full(len(v), h), v], axis=1)


def analysers(efficiency=0.8):
    turn = np.diag([1.0, -1j])  # R to D
    plus, minus = polarizer_jones(math.pi / 4), polarizer_jones(-math.pi / 4)
    paths = [(0.8, plus), (0.8, minus), (0.2, plus @ turn), (0.2, minus @ turn)]
    return efficiency * np.array([w * analyser_vector(p) for w, p in paths])


def bench_means(**changes):
    basis, intensity, bit, _ = classes()
    light = Light(fields(basis, intensity, bit, **changes), 1550.0).attenuated(LOSS)
    return mean_photons_at(light.stokes(), analysers())


def bench_table():
    basis, intensity, bit, p = classes()
    clicks = click_probabilities(bench_means(), READING)
    return class_table(slot_outcomes(clicks, READING, bit), basis, intensity, p)


def test_gains_are_within_2_percent_of_the_bench_table():
    table = bench_table()
    assert table.gain[0, :, 0] == pytest.approx(
        [2.784e-2, 1.123e-2, 1.133e-4], rel=0.02
    )
    assert table.gain[1, :, 1] == pytest.approx([7.034e-3, 2.820e-3, 2.86e-5], rel=0.02)


def test_error_rates_are_those_of_the_bench_table():
    assert bench_table().qber[0] == pytest.approx([0.012, 0.012, 0.0137], abs=1e-4)


def test_live_fraction_is_that_of_the_bench_table():
    _, _, _, p = classes()
    order = np.repeat(np.arange(12), np.round(80_000 * p).astype(int))
    np.random.default_rng(1).shuffle(order)
    live = live_probability(bench_means()[order], READING, BLANK_PS, 1_000.0)
    assert live.mean() == pytest.approx(0.888, abs=1e-3)


def test_dead_slots_that_do_not_extend_leave_more_live():
    means = bench_means()
    live = live_probability(means, READING, BLANK_PS, 1_000.0, extending=False)
    assert live.mean() > live_probability(means, READING, BLANK_PS, 1_000.0).mean()


PROBABILITY = st.floats(0.0, 1.0)


@given(st.tuples(*[PROBABILITY] * 4), st.integers(0, 1))
def test_outcomes_equal_the_sum_over_all_click_patterns(clicks, alice_bit):
    gain, error = np.zeros(2), np.zeros(2)
    double, cross = np.zeros(2), 0.0
    for pattern in itertools.product((0, 1), repeat=4):
        chance = math.prod(
            c if hit else 1 - c for c, hit in zip(clicks, pattern, strict=True)
        )
        x, z = pattern[:2], pattern[2:]
        if any(x) and any(z):
            cross += chance
        elif any(pattern):
            basis = 0 if any(x) else 1
            hits = x if any(x) else z
            gain[basis] += chance
            double[basis] += chance * all(hits)
            error[basis] += chance * (0.5 if all(hits) else hits[1 - alice_bit])
    out = slot_outcomes(np.array([clicks]), READING, np.array([alice_bit]))
    assert out.gain[0] == pytest.approx(gain, abs=1e-12)
    assert out.error[0] == pytest.approx(error, abs=1e-12)
    assert out.double[0] == pytest.approx(double, abs=1e-12)
    assert out.cross[0] == pytest.approx(cross, abs=1e-12)


def test_gate_takes_its_part_of_the_jitter():
    reading = replace(
        READING,
        gate_ps=200.0,
        jitter_sigma_ps=np.array([100.0, 100.0, 0.0, 0.0]),
        offset_ps=np.array([0.0, 100.0, 99.0, 101.0]),
    )
    expected = [0.682689, 0.477250, 1.0, 0.0]
    assert gate_acceptance(reading) == pytest.approx(expected, abs=1e-6)


def test_weights_shift_the_average_of_a_class():
    basis, intensity, bit = np.array([0, 0]), np.array([0, 0]), np.array([0, 0])
    clicks = np.array([[0.1, 0, 0, 0], [0.3, 0, 0, 0]])
    outcomes = slot_outcomes(clicks, READING, bit)
    table = class_table(outcomes, basis, intensity, np.array([3.0, 1.0]))
    assert table.gain[0, 0, 0] == pytest.approx(0.15)


# --- against the event engine -------------------------------------------------------

N_TICKS = 120
SCALE = 3.0  # brighter than the bench, so that rare classes count


@pytest.fixture(scope="module")
def run():
    """Counts of live slots and of outcomes by context from simulated tags."""
    basis, intensity, bit, p = classes()
    order = np.random.default_rng(2).choice(12, 8_192, p=p)
    arrival = (7_500, 7_810, 8_240, 7_650)
    bank = DetectorBank((SNSPD,) * 4, arrival, PERIOD_PS, seed=3)
    state = DetectorState(bank)
    state.set_bias([22.0] * 4)
    light = Light(fields(basis, intensity, bit)[order], 1550.0)
    light = light.attenuated(SCALE * LOSS)
    m = analysers(bank.efficiencies(state.bias_ua)[0])
    n_pulses = N_TICKS * PULSES_PER_TICK
    out = simulate_pulses(state, light, m, 0, n_pulses)
    aligned = [t - a for t, a in zip(out.times_ps, arrival, strict=True)]
    every = np.sort(np.concatenate(aligned))
    # a slot opens half a gate before its pulse
    opening = np.arange(n_pulses) * PERIOD_PS - GATE_PS // 2
    before = np.searchsorted(every, opening) - 1
    live = (opening - every[np.maximum(before, 0)] > BLANK_PS) | (before < 0)
    word = np.zeros(n_pulses, np.uint8)
    for d, t in enumerate(aligned):
        slot = (t + GATE_PS // 2) // PERIOD_PS
        inside = (t + GATE_PS // 2) % PERIOD_PS < GATE_PS
        word[slot[inside & (slot >= 0) & (slot < n_pulses)]] |= 1 << d
    context = order[np.arange(n_pulses) % len(order)]
    table = np.zeros((12, 16), np.int64)
    np.add.at(table, (context[live], word[live]), 1)
    means = mean_photons_at(light.stokes(), m)
    return table, means, order, float(live.mean())


def words():
    """Boolean masks over the 16 click patterns: X or Z bit, wrong single, cross."""
    w = np.arange(16)
    x, z = w & 3, w >> 2
    return (x > 0) & (z == 0), (z > 0) & (x == 0), (x > 0) & (z > 0)


def expected_outcomes(run, scale=1.0):
    _, means, order, _ = run
    by_class = np.array([means[np.argmax(order == c)] for c in range(12)])
    bit = classes()[2]
    return slot_outcomes(click_probabilities(scale * by_class, READING), READING, bit)


def chi_square_p(observed, expected):
    from scipy.stats import chi2

    keep = expected > 20
    statistic = ((observed - expected)[keep] ** 2 / expected[keep]).sum()
    return chi2.sf(statistic, keep.sum())


def gain_counts(run, outcomes):
    table = run[0]
    slots = table.sum(axis=1)
    in_x, in_z, cross = words()
    observed = np.stack([table[:, m].sum(axis=1) for m in (in_x, in_z, cross)], axis=1)
    parts = np.column_stack([outcomes.gain, outcomes.cross])
    return observed, slots[:, None] * parts


def test_gains_and_cross_clicks_agree_with_the_engine(run):
    assert chi_square_p(*gain_counts(run, expected_outcomes(run))) > 1e-4


def test_gains_betray_two_percent(run):
    assert chi_square_p(*gain_counts(run, expected_outcomes(run, 1.02))) < 1e-4


def test_errors_agree_with_the_engine(run):
    table = run[0]
    _, _, bit, _ = classes()
    outcomes = expected_outcomes(run)
    rows = np.arange(12)
    for basis, shift in ((0, 0), (1, 2)):
        wrong = table[rows, 1 << (shift + 1 - bit)]
        double = table[:, 3 << shift]
        slots = table.sum(axis=1)
        single = slots * (outcomes.error - 0.5 * outcomes.double)[:, basis]
        assert chi_square_p(wrong, single) > 1e-4
        assert chi_square_p(double, slots * outcomes.double[:, basis]) > 1e-4


def test_live_fraction_agrees_with_the_engine(run):
    _, means, _, live = run
    after = PERIOD_PS * np.arange(1.0, 7.0)
    lost = np.repeat(SNSPD.unrecovered_fraction(22.0, after)[:, None], 4, axis=1)
    expected = live_probability(
        means, READING, BLANK_PS, GATE_PS / 2, unrecovered=lost
    ).mean()
    n = N_TICKS * PULSES_PER_TICK
    # a click blanks about six slots at once
    sigma = math.sqrt(6 * live * (1 - live) / n)
    assert abs(live - expected) < 4 * sigma
    assert abs(live - expected * 1.004) > 4 * sigma
