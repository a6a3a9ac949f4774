"""Eve with a photon-number meter against the slow reference.

Chi-squares of two samples at p > 1e-4 with fixed seeds: 6 attacks x 4 views; each
attack has a mutant that at least one view must refuse. Then her own records.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from optics_bench import (
    BIAS_UA,
    PARAMETERS,
    PERIOD_PS,
    coincidences,
    counts,
    engine,
    gaps,
    pattern,
    positions,
    reference,
)
from two_samples import P_MIN, p_value

from qkdlab_sims.optics.attacks.photons import (
    BRIGHTEST_MEAN,
    PhotonAttack,
    what_was_true,
)
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light

N = 6 * PULSES_PER_TICK
VIEWS = (counts, gaps, positions, coincidences)
ATTACKS = {
    "copy": ({"line": 0.7, "attacked": 0.0}, {"line": 0.74}),
    "intercept": ({"action": "measure", "attacked": 0.5}, {"attacked": 0.42}),
    "one basis": (
        {"action": "measure", "attacked": 0.4, "x_share": 1.0, "photons": 3},
        {"x_share": 0.9},
    ),
    "split": (
        {"action": "split", "attacked": 0.6, "line": 0.3, "block_singles": 0.7},
        {"block_singles": 0.6},
    ),
    "shift": ({"action": "shift", "attacked": 0.5, "shift_ps": 900}, {"shift_ps": 930}),
    "seed": (
        {"action": "seed", "attacked": 0.05, "photons": 12, "shift_ps": 4000},
        {"shift_ps": 3000},
    ),
}  # fmt: skip


def attack(**words: object) -> PhotonAttack:
    words["fraction"] = words.pop("attacked", 1.0)
    return PhotonAttack(**words)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ATTACKS)
def test_engine_and_reference_agree(name: str) -> None:
    words, mutant = ATTACKS[name]
    ours = engine(N, eve=attack(**words))
    theirs = reference(N, eve=words, seed=21)
    assert [p_value(view(ours), view(theirs)) > P_MIN for view in VIEWS] == [True] * 4
    wrong = reference(N, eve=words | mutant, seed=22)
    assert min(p_value(view(ours), view(wrong)) for view in VIEWS) < P_MIN


def test_an_eve_who_does_nothing_leaves_the_light_as_it_was() -> None:
    ours, untouched = engine(N, eve=attack(line=1.0)), engine(N)
    assert [p_value(view(ours), view(untouched)) > P_MIN for view in VIEWS] == [
        True
    ] * 4


def bank() -> DetectorBank:
    return DetectorBank((PARAMETERS,) * 4, (7_500,) * 4, PERIOD_PS, seed=5)


def test_her_records_are_those_of_the_pulses_she_opened() -> None:
    """With perfect detectors and one arm the clicks betray the photons one by one."""
    made = bank()
    fields, _ = pattern()
    light = Light(fields, 1550.0)
    pulses = np.arange(PULSES_PER_TICK)
    truth = what_was_true(attack(attacked=0.3), light, pulses, made.keys)
    mean = light.mean_photons()[pulses % light.n_contexts]
    assert truth.photons.mean() == pytest.approx(mean.mean(), rel=0.02)
    assert truth.attacked.mean() == pytest.approx(0.3, abs=0.01)
    state = DetectorState(made)
    state.set_bias([BIAS_UA] * 4)
    everything = np.array([[2.0, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4])
    slow = attack(attacked=0.3)
    clicks = simulate_pulses(state, light, everything, 0, PULSES_PER_TICK, eve=slow)
    tags = clicks.times_ps[0]
    seen = np.unique(np.rint((tags - 7_500) / PERIOD_PS).astype(int))
    # dark counts apart, no click without a photon
    assert np.mean(truth.photons[seen] > 0) > 0.99


def test_bright_pulses_are_counted_whole_or_refused() -> None:
    made, pulses = bank(), np.arange(20_000)
    for mean in (30.0, 0.99 * BRIGHTEST_MEAN):
        light = Light(np.full((1, 2), (mean / 2.0) ** 0.5, np.complex128), 1550.0)
        truth = what_was_true(attack(), light, pulses, made.keys)
        photons = truth.photons.astype(float)
        assert abs(photons.mean() - mean) < 4.5 * (mean / len(pulses)) ** 0.5
        assert photons.var() == pytest.approx(mean, rel=0.05)
    light = Light(np.full((1, 2), 8.0, np.complex128), 1550.0)
    with pytest.raises(OverflowError, match="128"):
        what_was_true(attack(), light, pulses, made.keys)


def test_the_truth_of_a_pulse_does_not_depend_on_who_asks_with_it() -> None:
    made, light = bank(), Light(pattern()[0], 1550.0)
    pulses = np.arange(1000, dtype=np.int64) * 7919
    eve = attack(action="measure", attacked=0.5)
    together = what_was_true(eve, light, pulses, made.keys)
    alone = what_was_true(eve, light, pulses[500:501], made.keys)
    assert together.photons[500] == alone.photons[0]
    assert together.choice[500] == alone.choice[0]


def test_tags_do_not_depend_on_how_the_stretch_is_cut() -> None:
    light = Light(pattern()[0], 1550.0)
    analysers = np.tile([0.4, 0.0, 0.0, 0.0], (4, 1))
    eve = attack(action="seed", attacked=0.1, photons=5, shift_ps=4000)

    def tags(cuts: list[int]) -> list[list[int]]:
        state = DetectorState(bank())
        state.set_bias([BIAS_UA] * 4)
        found: list[list[int]] = [[] for _ in range(4)]
        for k0, k1 in itertools.pairwise(cuts):
            out = simulate_pulses(
                state, light, analysers, k0 * PULSES_PER_TICK, k1 * PULSES_PER_TICK,
                eve=eve,
            )  # fmt: skip
            for d, times in enumerate(out.times_ps):
                found[d].extend(times.tolist())
        return found

    assert tags([0, 3]) == tags([0, 1, 2, 3])


def test_an_unknown_attack_is_refused() -> None:
    with pytest.raises(ValueError, match="teleport"):
        PhotonAttack("teleport")
