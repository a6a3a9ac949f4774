"""The event engine against the slow per-pulse reference.

Each comparison is a chi-square of two samples at p > 1e-4 with fixed seeds, and has a
mutant of the reference that it must refuse. 14 comparisons, 8 mutants.
"""

from __future__ import annotations

import functools

import pytest
from optics_bench import (
    coincidences,
    counts,
    engine,
    gaps,
    positions,
    reference,
    strays,
)
from two_samples import P_MIN, p_value

from qkdlab_sims.optics.detector import PULSES_PER_TICK
from qkdlab_sims.optics.eavesdropper import InterceptResend

pytestmark = [pytest.mark.xdist_group("optics_statistics")]


@pytest.fixture(scope="module")
def ours():
    return engine()


@pytest.fixture(scope="module")
def theirs():
    return reference()


def test_counts_by_class_and_detector_agree(ours, theirs):
    assert p_value(counts(ours), counts(theirs)) > P_MIN


@functools.cache
def mutant_run(**mutant):
    return reference(seed=3, **mutant)


@pytest.mark.parametrize("view", [gaps, positions, coincidences, strays])
def test_distributions_agree(ours, theirs, view):
    assert p_value(view(ours), view(theirs)) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (gaps, {"tau_ps": 12_800.0}),
        (positions, {"sigma_ps": 142.0}),
        (positions, {"tail_ps": 220.0}),
        (strays, {"dark_rate_hz": 75_000.0}),
        (counts, {"gain": 1.02}),
        (coincidences, {"gain": 1.02}),
    ],
)
def test_distributions_betray_mutants(ours, view, mutant):
    assert p_value(view(ours), view(mutant_run(**mutant))) < P_MIN


def test_bright_light_agrees():
    n = 3 * PULSES_PER_TICK
    ours = engine(n, brightness=6.0)
    theirs = reference(n, brightness=6.0)
    assert p_value(gaps(ours), gaps(theirs)) > P_MIN
    assert p_value(counts(ours), counts(theirs)) > P_MIN


def test_intensity_noise_agrees():
    n = 5 * PULSES_PER_TICK
    ours = coincidences(engine(n, rin=0.4))
    assert p_value(ours, coincidences(reference(n, rin=0.4, seed=4))) > P_MIN
    assert p_value(ours, coincidences(reference(n, seed=5))) < P_MIN


def test_partial_attack_agrees():
    n = 5 * PULSES_PER_TICK
    ours = engine(n, eve=InterceptResend(fraction=0.5))
    theirs = reference(n, attacked=0.5, seed=6)
    assert p_value(counts(ours), counts(theirs)) > P_MIN
    assert p_value(coincidences(ours), coincidences(theirs)) > P_MIN
    assert p_value(counts(ours), counts(reference(n, attacked=0.4, seed=7))) < P_MIN
