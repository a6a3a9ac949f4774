"""Two lights at a relay agree with closed forms and with the measured gains."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import i0

from qkdlab_sims.published import rubenok_2013
from qkdlab_sims.published.rubenok_2013 import INPUTS, gain, projections

SETUPS = INPUTS.setups
ALIKE = replace(INPUTS, dip=0.5)


def ma_razavi(setup, basis, mean, inputs):
    """Half of their gains, which count both psi states (theory.md section 3)."""
    losses = setup.loss_alice_db, setup.loss_bob_db
    a, b = (inputs.efficiency * 10.0 ** (-0.1 * db) * mean for db in losses)
    p = inputs.dark_per_bin
    x, total = 0.5 * math.sqrt(a * b), a + b
    if basis == "X":
        y = (1.0 - p) * math.exp(-total / 4.0)
        return y * y * (1.0 + 2.0 * y * y - 4.0 * y * i0(x) + i0(2.0 * x))
    quiet = (1.0 - p) ** 2 * math.exp(-total / 2.0)
    right = 1.0 - (1.0 - p) * math.exp(-a / 2.0)
    right *= 1.0 - (1.0 - p) * math.exp(-b / 2.0)
    wrong = p * (i0(2.0 * x) - (1.0 - p) * math.exp(-total / 2.0))
    return quiet * (right + wrong)


@pytest.mark.parametrize("setup", SETUPS, ids=lambda s: s.name)
@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("mean", [0.05, 0.4])
def test_gains_of_like_pulses_are_those_of_ma_and_razavi(setup, basis, mean):
    ours = gain(setup, basis, mean, ALIKE)
    assert ours == pytest.approx(ma_razavi(setup, basis, mean, ALIKE), rel=1e-6)


def test_closed_forms_of_all_gains_are_near_the_measured():
    ratios = [
        published / gain(setup, basis, mean, INPUTS)
        for setup in SETUPS
        for published, basis, mean in zip(
            setup.gains,
            "ZXZX",
            [setup.signal_photons] * 2 + [INPUTS.decoy_photons] * 2,
            strict=True,
        )
    ]
    assert min(ratios) > 0.85
    assert max(ratios) < 1.17
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)


def test_a_reduced_run_agrees_with_closed_forms_and_measured_gains():
    found = rubenok_2013.simulate(0.02, 5, replace(INPUTS, setups=SETUPS[:1]))
    assert [one for one in found if not one.agrees or abs(one.pull) > 4.0] == []


NOISY = replace(INPUTS, dark_per_bin=1e-3)


def seen_and_expected(inputs):
    pulses = 1 << 26
    seen = projections(SETUPS[2], "Z", 0.05, pulses, 3, inputs)
    return seen, gain(SETUPS[2], "Z", 0.05, NOISY) * pulses


def test_dark_counts_of_each_detector_agree_with_the_closed_form():
    seen, expected = seen_and_expected(NOISY)
    assert abs(seen - expected) < 4.0 * math.sqrt(expected)


def test_dark_counts_of_the_pair_taken_for_those_of_each_detector_are_caught():
    seen, expected = seen_and_expected(replace(NOISY, dark_per_bin=2e-3))
    assert seen - expected > 6.0 * math.sqrt(expected)


def test_without_light_the_published_gain_is_that_of_the_dark_counts():
    assert gain(SETUPS[0], "Z", 0.0, INPUTS) == pytest.approx(7.1e-10, rel=0.06)
