"""A tagger against a plain one, and its parameters from its tags."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab_sims.optics.tagger.parameters import Channel, TaggerParameters, TimeBase
from qkdlab_sims.optics.tagger.tagger import Tagger
from qkdlab_sims.optics.tagger.time_base import OwnTime

SECOND_PS = 10**12


def poisson(rate_hz, seconds, seed):
    rng = np.random.default_rng(seed)
    n = rng.poisson(rate_hz * seconds)
    return np.sort(rng.integers(0, int(seconds * 1e12), n))


def tags_of(parameters, pulses, seed=1, cuts=()):
    tagger = Tagger(parameters, seed)
    end = 10 + max((int(p[-1]) for p in pulses if len(p)), default=0)
    edges = [0, *sorted(cuts), end, end + SECOND_PS]
    out = []
    for begin, until in pairwise(edges):
        cut = [p[(p >= begin) & (p < until)] for p in pulses]
        out.append(tagger.read(cut, until))
    return (
        np.concatenate([o.t_ps for o in out]),
        np.concatenate([o.ch for o in out]),
        np.concatenate([o.lost for o in out]),
        out[-1].missed,
    )


def plain(parameters, pulses):
    """Dead time, buffer and bins without jitter, drift and crosstalk."""
    edges = sorted(
        (int(t) + parameters.channels[c].skew_ps, c)
        for c, times in enumerate(pulses)
        for t in times
    )
    last = [-math.inf] * len(pulses)
    waiting = []
    tags, missed = [], [0] * len(pulses)
    leaves = -math.inf
    gap = 1e12 / parameters.readout_hz
    for t, c in edges:
        if t < last[c] + parameters.channels[c].dead_time_ps:
            continue
        last[c] = t
        waiting = [w for w in waiting if w > t]
        if len(waiting) >= parameters.buffer_tags:
            missed[c] += 1
            continue
        leaves = max(leaves, t) + gap
        waiting.append(leaves)
        tags.append((t // parameters.bin_ps * parameters.bin_ps, c))
    return tags, missed


def test_tags_are_those_of_the_plain_tagger():
    parameters = TaggerParameters(
        (Channel(dead_time_ps=6_000, skew_ps=350), Channel(dead_time_ps=90_000)),
        bin_ps=13,
    )
    pulses = [poisson(2e6, 0.01, 1), poisson(3e6, 0.01, 2)]
    t, ch, _, _ = tags_of(parameters, pulses)
    assert (
        list(zip(t.tolist(), ch.tolist(), strict=True)) == plain(parameters, pulses)[0]
    )


def test_a_full_buffer_misses_as_many_as_the_plain_one():
    """The plain buffer drains tag by tag, ours evenly: they differ by one tag."""
    parameters = TaggerParameters((Channel(), Channel()), 1, 100, 1e6)
    pulses = [poisson(1.2e6, 0.01, 1), poisson(0.4e6, 0.01, 2)]
    t, _, lost, missed = tags_of(parameters, pulses)
    theirs, theirs_missed = plain(parameters, pulses)
    assert len(t) == pytest.approx(len(theirs), rel=0.01)
    assert missed.sum() == pytest.approx(sum(theirs_missed), rel=0.05)
    assert len(t) + missed.sum() == sum(map(len, pulses))
    assert len(lost) > 10


def test_missed_edges_lie_in_the_stretches_that_are_told():
    parameters = TaggerParameters((Channel(),), 1, 50, 1e6)
    pulses = [poisson(1.5e6, 0.01, 3)]
    t, _, lost, missed = tags_of(parameters, pulses)
    gone = np.setdiff1d(pulses[0], t)
    within = np.searchsorted(lost[:, 0], gone, side="right") - 1
    ended = len(gone) - int((gone > lost[-1, 1]).sum())
    assert np.all(gone[:ended] < lost[within[:ended], 1])
    assert missed[0] == len(gone)


def test_throughput_is_that_of_the_readout():
    parameters = TaggerParameters((Channel(),), 1, 1_000, 1e6)
    t, _, _, _ = tags_of(parameters, [poisson(5e6, 0.05, 4)])
    assert len(t) == pytest.approx(0.05 * 1e6 + 1_000, rel=0.001)


@settings(max_examples=20)
@given(st.sets(st.integers(1, 9_999)))
def test_no_cut_changes_a_tag(cuts):
    channels = (Channel(40.0, 5_000, -300, 0.1), Channel(90.0, 2_000, 200, 0.02))
    base = TimeBase(3.0, 0.5)
    parameters = TaggerParameters(channels, 4, 20, 4e6, 500, base)
    pulses = [poisson(3e6, 0.01, 1), poisson(4e6, 0.01, 2)]
    whole = tags_of(parameters, pulses)
    cut = tags_of(parameters, pulses, cuts=[c * 1_000_000 for c in cuts])
    assert all(np.array_equal(a, b) for a, b in zip(whole, cut, strict=True))
    assert np.all(np.diff(whole[0]) >= 0)


def test_jitter_of_each_channel_comes_from_its_tags():
    parameters = TaggerParameters((Channel(30.0), Channel(80.0)))
    times = np.arange(1, 20_001) * 100_000
    t, ch, _, _ = tags_of(parameters, [times, times + 50_000])
    for c, rms in ((0, 30.0), (1, 80.0)):
        moved = t[ch == c] - times - 50_000 * c
        assert moved.std() == pytest.approx(rms, rel=4 / math.sqrt(2 * 20_000))


def test_skew_comes_from_the_difference_of_two_channels():
    parameters = TaggerParameters((Channel(10.0), Channel(10.0, skew_ps=1_234)))
    times = np.arange(1, 10_001) * 100_000
    t, ch, _, _ = tags_of(parameters, [times, times])
    skew = (t[ch == 1] - t[ch == 0]).mean()
    assert skew == pytest.approx(1_234, abs=4 * 14.2 / 100)


def test_crosstalk_comes_from_tags_on_a_channel_without_pulses():
    parameters = TaggerParameters((Channel(crosstalk=0.01), Channel()))
    times = np.arange(1, 100_001) * 100_000
    t, ch, _, _ = tags_of(parameters, [times, times[:0]])
    false = t[ch == 1]
    assert len(false) == pytest.approx(1_000, abs=4 * math.sqrt(1_000))
    assert np.all(false % 100_000 == 500)


def test_dead_time_comes_from_the_shortest_gap():
    parameters = TaggerParameters((Channel(dead_time_ps=77_000),))
    t, _, _, _ = tags_of(parameters, [poisson(5e6, 0.02, 5)])
    assert 77_000 <= np.diff(t).min() < 77_050


@pytest.mark.parametrize("offset_ppm", [-4.0, 2.5])
def test_offset_comes_from_a_ruler_of_pulses(offset_ppm):
    own = OwnTime(TimeBase(offset_ppm), 1, "tagger")
    ruler = np.arange(0, 10 * SECOND_PS, 10**9)
    slope = np.polyfit(ruler, own.read(ruler) - ruler, 1)[0]
    assert slope * 1e6 == pytest.approx(offset_ppm, rel=1e-6)


def test_drift_comes_from_second_differences():
    """Frequency steps of 1 s: variance walk^2 (Allan-like)."""
    own = OwnTime(TimeBase(0.0, 0.02), 1, "tagger")
    ruler = np.arange(0, 400 * SECOND_PS, SECOND_PS)
    phase_s = (own.read(ruler) - ruler) * 1e-12
    steps = np.diff(np.diff(phase_s)) * 1e6
    # the mean frequencies of neighbouring seconds differ by 2/3 of the walk's variance
    assert steps.std() == pytest.approx(0.02 * math.sqrt(2 / 3), rel=0.15)


def test_a_locked_oscillator_stays_with_its_reference():
    ruler = np.arange(0, 30 * SECOND_PS, 10**10)
    free = OwnTime(TimeBase(1.0, 0.01), 1, "tagger").read(ruler) - ruler
    locked = OwnTime(TimeBase(1.0, 0.01, 5.0), 1, "tagger").read(ruler) - ruler
    assert abs(free[-1]) > 20_000_000
    settled = locked[len(locked) // 3 :]
    assert np.abs(settled).max() < 50_000
    assert abs(settled.mean()) < 5_000


def test_times_that_go_back_are_refused():
    own = OwnTime(TimeBase(1.0), 1, "tagger")
    own.read(np.array([10 * SECOND_PS]))
    with pytest.raises(ValueError, match="sequence"):
        own.read(np.array([SECOND_PS]))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Channel(jitter_rms_ps=-1.0), "jitter_rms_ps is -1 ps, but must be"),
        (lambda: Channel(crosstalk=2.0), "crosstalk is 2, but must be"),
        (lambda: TimeBase(offset_ppm=1e5), "offset_ppm is .* ppm, but must be"),
        (lambda: TaggerParameters((Channel(),), 0), "bin_ps is 0 ps, but must be"),
    ],
)
def test_values_outside_physics_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()
