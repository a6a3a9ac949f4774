"""Each source before avalanche diodes, against photons and carriers one by one."""

from __future__ import annotations

import functools

import dot_bench
import laser_bench
import numpy as np
import pair_bench
import pytest
from pair_bench import DIODE, coincidence_table
from two_samples import P_MIN, p_value

pytestmark = [pytest.mark.xdist_group("source_diodes")]

SOURCES = ("continuous", "pulsed", "dot", "laser")


@functools.cache
def ours(source):
    if source == "dot":
        return [dot_bench.engine(dot_bench.DOT, 10, wire=DIODE)]
    if source == "laser":
        return [laser_bench.engine(8, wire=DIODE)]
    pairs = pair_bench.CONTINUOUS if source == "continuous" else pair_bench.PULSED
    return pair_bench.engine(pairs, 20, wire=DIODE)


@functools.cache
def theirs(source, **changes):
    diodes = tuple(changes.items())
    if source == "dot":
        return [dot_bench.reference(10, diodes=diodes)]
    if source == "laser":
        return [laser_bench.reference(8, diodes=diodes)]
    return pair_bench.reference(source, 20, diodes=diodes)


def counts(sides):
    return np.array([len(t) for side in sides for t in side])


def gaps(sides):
    """Times between clicks, in bins that resolve hold-off and afterpulses."""
    edges = np.concatenate((np.arange(0, 1_000_000, 20_000), [3e6, 1e7]))
    return np.concatenate(
        [np.histogram(np.diff(t), edges)[0] for side in sides for t in side]
    )


def echoes(sides):
    """Gaps of 0.1 to 0.8 us, which afterpulses fill, of all detectors together."""
    edges = np.array([100_000, 200_000, 400_000, 800_000])
    return sum(np.histogram(np.diff(t), edges)[0] for side in sides for t in side)


def coincidences(sides):
    """Clicks within 2 ns, of detectors of both sides, or of the one that there is."""
    table = coincidence_table([sides[0], sides[-1]], 2_000)
    return (table if len(sides) == 2 else table[np.triu_indices(len(table), 1)]).ravel()


@pytest.mark.parametrize("view", [counts, gaps, echoes, coincidences])
@pytest.mark.parametrize("source", SOURCES)
def test_distributions_agree(source, view):
    assert p_value(view(ours(source)), view(theirs(source))) > P_MIN


@pytest.mark.parametrize("source", SOURCES)
def test_another_hold_off_is_refused(source):
    mutant = theirs(source, dead_ps=110_000)
    assert p_value(gaps(ours(source)), gaps(mutant)) < P_MIN


@pytest.mark.parametrize("source", SOURCES)
def test_diodes_without_afterpulses_are_refused(source):
    mutant = theirs(source, traps=())
    assert p_value(gaps(ours(source)), gaps(mutant)) < P_MIN


@pytest.mark.parametrize("source", ["continuous", "pulsed", "dot"])
def test_another_share_of_afterpulses_is_refused(source):
    mutant = theirs(source, traps=((0.09, 200_000.0),))
    assert p_value(echoes(ours(source)), echoes(mutant)) < P_MIN
