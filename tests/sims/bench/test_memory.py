"""Settings that never repeat through a drive that remembers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from fresh_bench import FreshRunStub, fresh_bench, pulses
from numpy.typing import NDArray

from qkdlab_sims.bench.memory import Words, former_pulses, history_labels, word_volts
from qkdlab_sims.optics.modulator import Amplifier, drive

WEIGHTS = np.repeat([0.34, 0.06, 0.34, 0.06, 0.17, 0.03], 2) / 2
LEVELS_V = np.repeat([0.8, 0.35, 0.03], 4) + np.tile([0.0, 0.01, 0.02, 0.03], 3)
RATE_HZ = 1e9


def played(
    settings: NDArray[np.int64], amplifier: Amplifier, bandwidth_hz: float
) -> NDArray[np.float64]:
    """Volts when each pulse of a long circle of settings passes."""
    times_ps = np.arange(settings.size) * 1e12 / RATE_HZ + 700.0
    volts = LEVELS_V[settings]
    return drive(volts, RATE_HZ, "DIRECT", amplifier, bandwidth_hz, times_ps)


def words_of(settings: NDArray[np.int64], words: Words) -> NDArray[np.int64]:
    """Context of each pulse of a circle of settings, as `ContextLaw.of` counts them."""
    index, stride = settings.copy(), 12
    for lag, of_setting in enumerate(words.of_lag, start=1):
        labels = np.array(of_setting)
        index += stride * np.roll(labels[settings], lag)
        stride *= labels.max() + 1
    return index


@pytest.mark.parametrize("order", [1, 2, 4])
def test_words_are_in_the_index_of_the_law(order: int) -> None:
    words = Words.of(order, WEIGHTS)
    settings = np.random.default_rng(1).integers(0, 12, 500)
    found = words.labels[words_of(settings, words)]
    assert np.array_equal(found[:, 0], settings)
    assert np.array_equal(found[:, 1], np.roll(settings, 1))
    if order > 1:
        assert np.array_equal(found[:, 2], np.roll(settings // 4, 2))


def test_a_short_memory_is_that_of_the_drive_itself() -> None:
    amplifier = Amplifier(5.0, 6.0)
    rng = np.random.default_rng(2)
    settings = rng.choice(12, 20_000, p=WEIGHTS)
    words = Words.of(1, WEIGHTS)
    volts, _ = word_volts(words, LEVELS_V, RATE_HZ, "DIRECT", amplifier, 1e9, 700.0)
    exact = played(settings, amplifier, 1e9)
    assert volts[words_of(settings, words)] == pytest.approx(exact, abs=0.02)
    alone, _ = word_volts(
        Words.of(0, WEIGHTS), LEVELS_V, RATE_HZ, "DIRECT", amplifier, 1e9, 700.0
    )
    assert np.abs(alone[settings] - exact).max() > 0.03


def test_a_longer_memory_is_followed_the_better_the_more_pulses_are_seen() -> None:
    amplifier = Amplifier(5.0, 6.0)
    settings = np.random.default_rng(3).choice(12, 20_000, p=WEIGHTS)
    exact = played(settings, amplifier, 1.5e8)
    errors = []
    for order in range(5):
        words = Words.of(order, WEIGHTS)
        volts, _ = word_volts(
            words, LEVELS_V, RATE_HZ, "DIRECT", amplifier, 1.5e8, 700.0
        )
        errors.append(np.std(volts[words_of(settings, words)] - exact))
    assert np.all(np.diff(errors) < 0.0)
    assert errors[4] < 0.06 * errors[0]


@pytest.mark.parametrize(
    ("levels_v", "seen"),
    [
        # a class of intensity has one level, a state of polarization another
        (np.repeat([0.8, 0.35, 0.03], 4), lambda order: order),
        (np.tile([0.0, 0.8, 0.4, 1.2], 3), lambda order: min(order, 1)),
    ],
    ids=["intensity", "phase"],
)
def test_a_drive_is_off_by_what_its_pole_keeps_of_pulses_not_seen(
    levels_v: NDArray[np.float64], seen: Callable[[int], int]
) -> None:
    amplifier, bandwidth_hz = Amplifier(5.0, 1e6), 1.5e8
    settings = np.random.default_rng(3).choice(12, 20_000, p=WEIGHTS)
    times_ps = np.arange(settings.size) * 1e12 / RATE_HZ + 700.0
    exact = drive(
        levels_v[settings], RATE_HZ, "DIRECT", amplifier, bandwidth_hz, times_ps
    )
    for order in range(7):
        words = Words.of(order, WEIGHTS)
        volts, _ = word_volts(
            words, levels_v, RATE_HZ, "DIRECT", amplifier, bandwidth_hz, 700.0
        )
        worst = np.abs(volts[words_of(settings, words)] - exact).max()
        back_s = (0.7 + seen(order)) * 1e-9
        bound = 5.0 * np.ptp(levels_v) * math.exp(-2 * math.pi * bandwidth_hz * back_s)
        assert 0.3 * bound < worst < bound


def test_of_a_coupling_capacitor_the_mean_given_the_word_is_left() -> None:
    amplifier = Amplifier(5.0, 6.0, ac_corner_hz=2e7)
    settings = np.random.default_rng(4).choice(12, 400_000, p=WEIGHTS)
    exact = played(settings, amplifier, 1e10)
    words = Words.of(1, WEIGHTS)
    volts, _ = word_volts(words, LEVELS_V, RATE_HZ, "DIRECT", amplifier, 1e10, 700.0)
    context = words_of(settings, words)
    n = np.bincount(context, minlength=144)
    mean = np.bincount(context, exact, 144) / np.maximum(n, 1)
    seen = n > 100
    assert np.abs(mean - volts)[seen] == pytest.approx(0.0, abs=0.06)
    # a word that is taken for its last pulse alone is off by far more
    alone = np.bincount(settings, exact, 12) / np.bincount(settings)
    off = (mean - alone[words.labels[:, 0]])[seen]
    assert np.std(off) > 4 * np.std((mean - volts)[seen])


def test_factors_weigh_each_pulse_before() -> None:
    before = np.array([[1.0, 0.5, 0.1], [0.2, 1.0, 0.0]])
    assert former_pulses(before, (0.1, -0.2)) == pytest.approx([1.03, 1.1])


def test_pulses_far_back_count_by_their_class() -> None:
    assert history_labels(8, 3) == [
        list(range(8)),
        [0] * 4 + [1] * 4,
        [0] * 4 + [1] * 4,
    ]
    assert history_labels(8, 0) == []


def test_fresh_pulses_follow_those_before_as_stated() -> None:
    shares = (0.25, -0.1)
    made = fresh_bench(mzm={"memory": shares})
    law = made.world.moment.conditions.light.law
    assert law is not None
    found = np.concatenate([pulses(made, d) for d in range(4)])
    settings = law.settings.settings
    signal = settings(found) >> 2 == 0
    for lag, share in enumerate(shares, start=1):
        former = settings(found[signal] - lag) >> 2
        counts = np.bincount(former, minlength=3)
        # how often signal, decoy, vacuum came before a signal that clicked
        odds = np.array([0.4, 0.4, 0.2]) * (1 + share * np.array([1.0, 0.4, 0.004]))
        expected = counts.sum() * odds / odds.sum()
        assert np.sum((counts - expected) ** 2 / expected) < 13.8 + 5.0
        flat = counts.sum() * np.array([0.4, 0.4, 0.2])
        assert np.sum((counts - flat) ** 2 / flat) > 25.0


def test_a_slow_modulator_leaves_its_mark_on_the_next_pulse() -> None:
    # 12 MHz: of a step between two pulses half is still to come 10 ns later
    slow = {"mzm": {"bandwidth_hz": 12e6}}
    kept, ideal = (
        fresh_bench(memory_pulses=n, run=FreshRunStub(), **slow) for n in (3, 0)
    )
    ratios = []
    for made in (kept, ideal):
        law = made.world.moment.conditions.light.law
        assert law is not None
        found = np.concatenate([pulses(made, d) for d in range(4)])
        settings = law.settings.settings
        vacuum = settings(found) >> 2 == 2
        former = np.bincount(settings(found[vacuum] - 1) >> 2, minlength=3)
        ratios.append(former[0] / max(former[1:].sum() * 0.4 / 0.6, 1))
    assert ratios[0] > 2.0
    assert ratios[1] == pytest.approx(1.0, abs=0.5)
