"""Readout of nanowires on the bench: what amplifier and threshold do to tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.special import erf
from world_stubs import TICK_PS, StubBench

from qkdlab_experiments.characterisation.double_pulse import second_click_ratio
from qkdlab_experiments.characterisation.jitter import fit_jitter
from qkdlab_experiments.characterisation.walk import ArrivalByGap, arrivals_by_gap

PERIOD_PS = 10_000
TAU_PS = 30_000.0
PULSE_RMS_PS = 60.0 / 2.354820045
"""Of the reference bench's laser."""
N_BURSTS = 12
SLOW = {"recovery_tau_ps": TAU_PS, "i_half_ua": 8.0, "jitter_fwhm_ps": 200.0}


class WireBench:
    """The reference bench; its first wire has a readout of its own."""

    def __init__(self, **wire: Any) -> None:
        self.stubs = StubBench(3, d_x0=wire)
        self.stubs.generator.play([0.8] * 64, [0.0] * 64)

    def tags(self, db: float, duration_s: float) -> NDArray[np.int64]:
        """Return tags of a time from now, at an attenuation."""
        self.stubs.attenuator.db = db
        begin_ps = self.stubs.tagger.complete_ps
        self.stubs.run(begin_ps + round(duration_s * 1e12))
        times = self.stubs.tagger.times(1)
        return times[times >= begin_ps]

    def by_gap(self) -> list[ArrivalByGap]:
        """Return lateness and jitter by the periods since the click before."""
        resting = fit_jitter(self.tags(40.0, 1.0), PERIOD_PS, 20).centre_ps.value
        bins = (np.arange(0, 13) + 0.5) * PERIOD_PS
        return arrivals_by_gap(self.tags(22.0, 0.03), PERIOD_PS, round(resting), bins)


def height(gap_ps: float) -> float:
    return -math.expm1(-gap_ps / TAU_PS)


def test_jitter_and_tail_of_a_wire_come_from_the_arrival_histogram() -> None:
    made = WireBench(
        jitter_fwhm_ps=150.0, jitter_tail_fraction=0.15, jitter_tail_tau_ps=250.0
    )
    fit = fit_jitter(made.tags(40.0, 1.0), PERIOD_PS, 20)
    for measured, truth in (
        (fit.fwhm_ps, math.hypot(150.0, 60.0)),
        (fit.tail_fraction, 0.15),
        (fit.tail_ps, 250.0),
    ):
        assert abs(measured.value - truth) < 4.0 * measured.uncertainty
        assert measured.uncertainty < 0.1 * truth


def test_walk_follows_the_height_of_a_pulse() -> None:
    entries = WireBench(**SLOW, readout={"walk_ps": 300.0}).by_gap()
    assert len(entries) > 8
    for entry in entries[1:]:
        truth = 300.0 * (1.0 / height(entry.gap_ps) - 1.0)
        assert abs(entry.late_ps.value - truth) < 4.5 * entry.late_ps.uncertainty + 5.0


@pytest.mark.parametrize("grows", [False, True])
def test_jitter_grows_as_a_pulse_falls(grows: bool) -> None:
    entries = WireBench(**SLOW, readout={"grows_jitter": grows}).by_gap()
    for entry in entries[1:]:
        own_ps = 200.0 / 2.354820045 / (height(entry.gap_ps) if grows else 1.0)
        truth = math.hypot(own_ps, PULSE_RMS_PS)
        assert abs(entry.rms_ps.value - truth) < 4.5 * entry.rms_ps.uncertainty + 1.0


@pytest.mark.parametrize("threshold", [0.4, 0.7, 0.9])
def test_threshold_comes_from_the_shortest_gap(threshold: float) -> None:
    """Pulses every 10 ns: the threshold lies between the heights of two gaps."""
    made = WireBench(**SLOW, readout={"threshold": threshold})
    gaps = np.diff(made.tags(22.0, 0.02))
    shortest_ps = int(np.round(gaps.min() / PERIOD_PS)) * PERIOD_PS
    assert height(shortest_ps - PERIOD_PS) < threshold <= height(shortest_ps)


@pytest.mark.parametrize("steps", [1, 2])
def test_double_pulses_show_the_recovery(steps: int) -> None:
    """Efficiency after a click: erf law of the current that has come back."""
    made = WireBench(recovery_tau_ps=12_000.0)
    levels_v = np.zeros(64)
    levels_v[[0, steps]] = 0.8
    made.stubs.generator.play(levels_v.tolist(), [0.0] * 64)
    tags = made.tags(20.0, 0.1)
    frame_ps = 64 * PERIOD_PS
    seen = np.bincount((tags % frame_ps) // 100, minlength=frame_ps // 100)
    place_ps = int(np.argmax(seen + np.roll(seen, -100 * steps))) * 100
    frames = np.arange(tags[0] // frame_ps + 1, tags[-1] // frame_ps)
    first = frames * frame_ps + place_ps
    ratio = second_click_ratio(tags, first, steps * PERIOD_PS, 2_000)
    clicked = np.count_nonzero((tags - place_ps + 1_000) % frame_ps < 2_000)
    mean = -math.log1p(-clicked / (len(frames) + 1))
    current_ua = 22.0 * -math.expm1(-steps * PERIOD_PS / 12_000.0)
    share = (1.0 + math.erf((current_ua - 14.0) / 3.0)) / (1.0 + math.erf(8.0 / 3.0))
    truth = math.expm1(-mean * share) / math.expm1(-mean)
    assert abs(ratio.value - truth) < 4.0 * ratio.uncertainty
    assert ratio.uncertainty < 0.03


def test_ac_coupling_comes_from_the_rate_after_bursts() -> None:
    """What the pulses of a burst have charged flows back with the high-pass's time."""
    made = WireBench(recovery_tau_ps=6e4, readout={"ac_coupling_ps": 2e9})
    made.stubs.bias.currents_ua = [16.0] * 4
    edges = np.arange(0.5, 16.1, 0.5) * TICK_PS
    counts = np.zeros(len(edges) - 1)
    for _ in range(N_BURSTS):
        made.tags(19.0, 8 * TICK_PS * 1e-12)
        begin_ps = made.stubs.tagger.complete_ps
        later = made.tags(27.0, 16 * TICK_PS * 1e-12)
        counts += np.histogram(later - begin_ps, edges)[0]
    each_ns = 1e-3 * (edges[1] - edges[0])
    per_ns = counts / (N_BURSTS * each_ns)

    def law(_: Any, full: float, droop: float, ac_ns: float) -> Any:
        """Each click, too, takes its recovery over `ac_ns` of the bias away."""
        kept, droops = math.exp(-each_ns / ac_ns), [droop]
        for rate in per_ns[:-1]:
            droops.append(droops[-1] * kept + 60.0 * rate * (1.0 - kept))
        current_ua = 16.0 * (1.0 - np.array(droops))
        return full * (1.0 + erf((current_ua - 14.0) / 3.0))

    start = (counts[-5:].mean() / 2.0, 0.1, 1e6)
    found, _ = curve_fit(law, edges[1:], counts, start, np.sqrt(counts + 1.0))
    assert found[1] > 0.05
    assert found[2] == pytest.approx(2e6, rel=0.18)
