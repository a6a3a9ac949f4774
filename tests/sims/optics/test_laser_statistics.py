"""A laser seen by event against one drawn pulse by pulse: chi-square, with mutants."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from laser_bench import engine, pulse_of, reference
from optics_bench import gaps
from pair_bench import PERIOD_PS, delays
from two_samples import P_MIN, p_value

pytestmark = [pytest.mark.xdist_group("laser_statistics")]

TICKS = 20
MUTANT_TICKS = 60
"""So many that mutants of neighbouring pulses differ by five deviations and more."""
PORTS = {"ports": True, "phase_step": 0.8, "contrast": 0.97, "bias_rad": 0.5}


@functools.cache
def ours(ports=False, ticks=TICKS):
    if ports:
        fields = np.array([[0.4**0.5, 0.0]], complex)
        return engine(ticks, fields=fields, ports=(0.97, 0.5), step_rad=0.8)
    return engine(ticks)


def contexts(tags):
    return np.concatenate([np.bincount(pulse_of(t) % 3, minlength=3) for t in tags])


def positions(tags):
    edges = np.linspace(0, PERIOD_PS, 201)
    return np.concatenate(
        [np.histogram((t + PERIOD_PS // 2) % PERIOD_PS, edges)[0] for t in tags]
    )


def together(tags):
    """Delays of one detector against the other within a pulse: jitter drops out."""
    return np.histogram(delays(*tags, 1_500), np.arange(-1_500, 1_501, 50))[0]


def neighbours(tags):
    """Clicks of both detectors in one pulse, and in pulses next to each other."""
    one, two = (np.unique(pulse_of(t)) for t in tags)
    return np.array([len(np.intersect1d(one, two + lag)) for lag in (-2, -1, 0, 1, 2)])


@pytest.mark.parametrize("view", [contexts, positions, together, neighbours, gaps])
@pytest.mark.parametrize("ports", [False, True])
def test_distributions_agree(view, ports):
    theirs = reference(TICKS, **PORTS) if ports else reference(TICKS)
    assert p_value(view(ours(ports)), view(theirs)) > P_MIN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (contexts, {"noise": 0.9}),
        (positions, {"jitter_ps": 70.0}),
        (together, {"jitter_ps": 0.0, "width_ps": 69.0}),
        (neighbours, {"memory": 0.8}),
        (neighbours, {"noise": 0.05}),
    ],
)
def test_mutants_are_refused(view, mutant):
    theirs = reference(MUTANT_TICKS, seed=3, **mutant)
    assert p_value(view(ours(ticks=MUTANT_TICKS)), view(theirs)) < P_MIN


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant", [{"phase_step": 0.85}, {"contrast": 0.92}, {"bias_rad": 0.6}]
)
def test_mutants_of_the_interferometer_are_refused(mutant):
    theirs = reference(TICKS, seed=3, **{**PORTS, **mutant})
    assert p_value(contexts(ours(ports=True)), contexts(theirs)) < P_MIN
