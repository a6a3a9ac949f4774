"""A dot seen by event against one drawn pulse by pulse: chi-square, with mutants."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from dot_bench import DOT, engine, pulse_of, reference
from optics_bench import gaps
from pair_bench import PERIOD_PS
from two_samples import P_MIN, p_value

pytestmark = [pytest.mark.xdist_group("dot_statistics")]

TICKS = 24


@functools.cache
def ours():
    return engine(DOT, TICKS)


def contexts(tags):
    return np.concatenate([np.bincount(pulse_of(t) % 5, minlength=5) for t in tags])


def positions(tags):
    edges = np.linspace(0, PERIOD_PS, 101)
    return np.concatenate(
        [np.histogram((t + 1_000) % PERIOD_PS, edges)[0] for t in tags]
    )


def same_pulse(tags):
    """Pulses in which two given detectors clicked."""
    pulses = [pulse_of(t) for t in tags]
    return np.array(
        [len(np.intersect1d(pulses[i], pulses[j])) for i in range(4) for j in range(i)]
    )


def bunches(tags):
    """Numbers of clicks in stretches of 100 pulses: blinking."""
    pulses = np.concatenate([pulse_of(t) for t in tags])
    return np.bincount(np.bincount(pulses // 100), minlength=60)[:60]


@pytest.mark.parametrize("view", [contexts, positions, same_pulse, gaps, bunches])
def test_distributions_agree(view):
    assert p_value(view(ours()), view(reference(TICKS))) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (contexts, {"brightness": 0.41}),
        (positions, {"lifetime_ps": 640.0}),
        (same_pulse, {"g2": 0.13}),
        (same_pulse, {"noise": 0.03}),
        (bunches, {"off_ps": 3e6}),
        (bunches, {"on_ps": 4.5e6, "off_ps": 3e6}),
    ],
)
def test_mutants_are_refused(view, mutant):
    assert p_value(view(ours()), view(reference(TICKS, seed=3, **mutant))) < P_MIN
