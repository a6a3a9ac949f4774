"""The frame that Alice plays is the one that the plan counts; what is assumed of it."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.protocols.symbols import basis_of, intensity_of, is_header, value_of
from qkdlab.randomness import OperatingSystemRandomness, SeededRandomness
from qkdlab_experiments.frame import (
    assumptions,
    block_plan,
    key_frame,
    polarimetry_frame,
)
from qkdlab_experiments.parameters import Bb84Parameters

PARAMETERS = Bb84Parameters.model_validate(
    {
        "pattern": {"symbols": 5000, "header_symbols": 100},
        "intensities": {
            "signal": {"mean_photon_number": 0.5, "probability": 0.4},
            "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
            "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
        },
        "basis_x_probability": 0.85,
        "detection": {"bias_ua": [22.0] * 4},
        "limits": {"qber_x_max": 0.07, "qber_z_max": 0.06},
    }
)
ALICE = SeededRandomness(1, "alice")


def test_the_class_fractions_of_the_plan_are_those_of_the_frame():
    body = key_frame(PARAMETERS, ALICE)[100:]
    plan = block_plan(PARAMETERS, "lab")
    played = np.bincount(3 * basis_of(body) + intensity_of(body), minlength=6)
    assert tuple(played.tolist()) == plan.composition


def test_bits_are_as_often_0_as_1_in_each_class():
    body = key_frame(PARAMETERS, ALICE)[100:]
    kind = 3 * basis_of(body) + intensity_of(body)
    ones = np.bincount(kind, weights=value_of(body), minlength=6)
    assert np.all(np.abs(2 * ones - np.bincount(kind, minlength=6)) <= 1)


def test_header_symbols_are_the_head_of_the_frame_and_nothing_else():
    frame = key_frame(PARAMETERS, ALICE)
    assert np.flatnonzero(is_header(frame)).tolist() == list(range(100))


def test_two_frames_have_one_public_header_and_two_secret_bodies():
    one, other = (key_frame(PARAMETERS, SeededRandomness(s, "alice")) for s in (1, 2))
    assert np.array_equal(one[:100], other[:100])
    assert not np.array_equal(one[100:], other[100:])


def test_the_frame_of_polarimetry_is_all_public():
    assert np.all(is_header(polarimetry_frame(PARAMETERS)))


def test_the_plan_holds_limits_epsilons_and_class():
    plan = block_plan(PARAMETERS, "lab")
    assert (plan.qber_x_max, plan.qber_z_max) == (0.07, 0.06)
    assert (plan.epsilon_secrecy, plan.epsilon_correctness) == (1e-9, 1e-15)
    assert plan.key_class == "lab"
    assert plan.n_pulses == PARAMETERS.n_frames * 5000


def violated(randomness, mismatch=(0.0, 0.02)):
    found = assumptions(PARAMETERS, randomness, mismatch)
    return {a.name for a in found if a.status == "violated"}


ALWAYS = {
    "independent settings",
    "active basis choice",
    "thresholds committed before the run",
}


@pytest.mark.parametrize(
    ("randomness", "more"),
    [
        (OperatingSystemRandomness(), set()),
        (ALICE, {"randomness", "authentication"}),
    ],
)
def test_what_this_bench_breaks_is_said(randomness, more):
    assert violated(randomness) == ALWAYS | more


def test_detectors_known_to_differ_are_said_to():
    broken = violated(OperatingSystemRandomness(), (0.08, 0.01))
    assert broken == ALWAYS | {"basis-independent detection"}
