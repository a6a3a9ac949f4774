"""Pairs seen by event against all pairs drawn one by one: chi-square, with mutants."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from optics_bench import gaps
from pair_bench import (
    CONTINUOUS,
    PULSED,
    coincidence_table,
    engine,
    peak,
    reference,
    singles,
)
from two_samples import P_MIN, p_value

pytestmark = [pytest.mark.xdist_group("pair_statistics")]

TICKS = {"continuous": 60, "pulsed": 40}


@functools.cache
def ours(which):
    return engine(CONTINUOUS if which == "continuous" else PULSED, TICKS[which])


def table(tags):
    return coincidence_table(tags).ravel()


def apart(tags):
    """Gaps between clicks of a detector, both sides."""
    return np.concatenate([gaps(side) for side in tags])


def same_side(tags):
    """Pairs of clicks of two detectors of one side within half a nanosecond."""
    return np.concatenate(
        [coincidence_table([side, side])[np.triu_indices(4, 1)] for side in tags]
    )


def brightness(tags):
    """Clicks of all detectors together."""
    return singles(tags).sum(keepdims=True)


VIEWS = [table, singles, brightness, apart, same_side, peak]


@pytest.mark.parametrize("which", ["continuous", "pulsed"])
@pytest.mark.parametrize("view", VIEWS)
def test_distributions_agree(which, view):
    theirs = reference(which, TICKS[which])
    assert p_value(view(ours(which)), view(theirs)) > P_MIN


@pytest.mark.parametrize(
    ("which", "view", "mutant"),
    [
        ("continuous", table, {"visibility": 0.95}),
        ("continuous", singles, {"heralding": (0.5, 0.408)}),
        ("continuous", brightness, {"pair_rate_hz": 2.04e7}),
        ("pulsed", brightness, {"pairs_per_pulse": 0.153}),
        ("continuous", peak, {"own_sigma_ps": 80.0}),
        ("continuous", peak, {"dispersion_sigmas_ps": (0.0, -85.0)}),
        ("pulsed", same_side, {"modes": 2.0}),
        ("pulsed", table, {"visibility": 0.9}),
        ("pulsed", peak, {"own_sigma_ps": 0.0, "dispersion_sigmas_ps": (0.0, -85.0)}),
    ],
)
def test_mutants_are_refused(which, view, mutant):
    theirs = reference(which, TICKS[which], seed=3, **mutant)
    assert p_value(view(ours(which)), view(theirs)) < P_MIN
