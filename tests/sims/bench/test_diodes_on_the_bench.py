"""Diodes of the bench: each field of a part found again in tags alone.

Estimates lie within four of their own standard uncertainties of what was put in, and
are sharper than a stated share of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from world_stubs import StubBench

from qkdlab.calibration.measured import Measured
from qkdlab_experiments.characterisation.gate_profile import gate_profile
from qkdlab_experiments.characterisation.hazard import Hazard, inter_click_hazard
from qkdlab_experiments.characterisation.inter_click import (
    Afterpulses,
    Recovery,
    afterpulse_sum,
    fit_afterpulses,
    fit_recovery,
)
from qkdlab_experiments.characterisation.jitter import fit_jitter
from qkdlab_experiments.characterisation.walk import arrivals_by_gap

PERIOD_PS = 10_000
PULSE_FWHM_PS = 60.0
"""Of the reference bench's laser."""
QUIET: dict[str, Any] = {
    "kind": "spad",
    "owner": "bob",
    "efficiency": 0.25,
    "dark_rate_hz": 0.0,
    "dead_time_ps": 1_000_000,
    "jitter_fwhm_ps": 200.0,
}


class DiodeBench:
    """The reference bench with diodes; the first one is looked at."""

    def __init__(self, db: float = 40.0, *, steady: bool = False, **diode: Any) -> None:
        others = dict.fromkeys(("d_x1", "d_z0", "d_z1"), QUIET)
        self.stubs = StubBench(d_x0=QUIET | diode, **others)
        self.stubs.generator.play([0.8] * 64, [0.0] * 64)
        self.stubs.attenuator.db = db
        if steady:
            self.stubs.clock.set(is_on=False)
            self.stubs.laser.set(ma=40.0)

    def tags(self, duration_s: float, db: float | None = None) -> NDArray[np.int64]:
        """Return tags of a time from now, at an attenuation."""
        if db is not None:
            self.stubs.attenuator.db = db
        settled_ps = self.stubs.tagger.complete_ps + 10**9
        self.stubs.run(settled_ps + round(duration_s * 1e12))
        times = self.stubs.tagger.times(1)
        return times[times >= settled_ps]

    def darks(self, duration_s: float) -> NDArray[np.int64]:
        """Return tags behind the closed shutter."""
        self.stubs.attenuator.is_open = False
        found = self.tags(duration_s)
        self.stubs.attenuator.is_open = True
        return found

    @property
    def slot_ps(self) -> int:
        """Where the slot of a pulse opens, by the cables' labels."""
        return self.stubs.world.ways.detectors[0].arrival_ps


def found(measured: Measured, truth: float, sharp: float) -> bool:
    """Return whether an estimate is near the truth by its own measure, and sharp."""
    near = abs(measured.value - truth) < 4.0 * measured.uncertainty
    return near and measured.uncertainty < sharp * truth


@pytest.fixture(scope="module")
def silence() -> Hazard:
    """Hazard after dark clicks that come out of 40 us of silence."""
    made = DiodeBench(
        dark_rate_hz=20_000.0,
        recovery_tau_ps=150_000.0,
        afterpulse_probability=0.2,
        afterpulse_tau_ps=[8e5, 9e6],
        afterpulse_shares=[0.4, 0.6],
    )
    edges = np.concatenate(([2_000_000.0], np.geomspace(2.2e6, 1.5e8, 90)))
    return inter_click_hazard(made.darks(10.0), edges, rested_ps=4e7)


@pytest.fixture(scope="module")
def afterpulses(silence: Hazard) -> Afterpulses:
    return fit_afterpulses(silence, 1_000_000.0, (1e6, 1e7))


def test_afterpulse_probability_comes_from_the_gaps(afterpulses: Afterpulses) -> None:
    assert found(afterpulses.probability, -math.log(0.8), 0.1)


def test_trap_times_come_from_the_gaps(afterpulses: Afterpulses) -> None:
    fast, slow = afterpulses.tau_ps
    assert found(fast, 8e5, 0.3)
    assert found(slow, 9e6, 0.1)


def test_sum_of_the_excess_is_the_afterpulse_probability(silence: Hazard) -> None:
    left = 0.4 * math.exp(-1e6 / 8e5) + 0.6 * math.exp(-1e6 / 9e6)
    assert found(afterpulse_sum(silence, 6e7), -math.log(0.8) * left, 0.1)


def test_edges_of_a_continuum_of_traps_come_from_the_gaps() -> None:
    """Even in ln(tau): the hazard is (exp(-t/longest) - exp(-t/shortest)) / t."""
    made = DiodeBench(
        dark_rate_hz=4_000.0,
        afterpulse_probability=0.3,
        afterpulse_spectrum={"shortest_ps": 2e6, "longest_ps": 5e7},
    )
    edges = np.geomspace(1.05e6, 4e8, 60)
    hazard = inter_click_hazard(made.darks(15.0), edges, rested_ps=1.5e8)
    t_us = hazard.centres_ps * 1e-6

    def law(
        x: Any, dark_hz: float, size: float, short_us: float, long_us: float
    ) -> Any:
        return dark_hz + size * (np.exp(-x / long_us) - np.exp(-x / short_us)) / x

    start = (4_000.0, 1e5, 1.0, 30.0)
    values, covariance = curve_fit(
        law, t_us, hazard.rate_hz, start, hazard.error_hz, absolute_sigma=True
    )
    errors = np.sqrt(np.diag(covariance))
    assert found(Measured(values[2], errors[2]), 2.0, 0.2)
    assert found(Measured(values[3], errors[3]), 50.0, 0.15)


@pytest.fixture(scope="module")
def recovery() -> Recovery:
    """From gaps under continuous light; the jitter blurs the edge."""
    made = DiodeBench(48.0, steady=True, recovery_tau_ps=1.5e5, jitter_fwhm_ps=2e4)
    tags = made.tags(0.8)
    assert 3e5 < len(tags) / 0.8 < 6e5
    hazard = inter_click_hazard(tags, np.arange(9e5, 2.5e6, 1e4))
    return fit_recovery(hazard, 1_000_000.0)


def test_hold_off_comes_from_the_gaps(recovery: Recovery) -> None:
    assert found(recovery.dead_ps, 1_000_000.0, 0.005)


def test_recovery_time_comes_from_the_gaps(recovery: Recovery) -> None:
    assert found(recovery.recovery_ps, 150_000.0, 0.05)


@pytest.mark.parametrize("paralysable", [False, True])
def test_saturation_comes_from_rates_by_power(paralysable: bool) -> None:
    """r/(1 + r tau), or r exp(-r tau), which falls again."""
    made = DiodeBench(steady=True, paralysable=paralysable)
    db = np.arange(57.0, 38.0, -2.0)
    rates_mhz = np.array([len(made.tags(0.02, each)) for each in db]) / 0.02e6
    power = 10 ** ((57.0 - db) / 10.0)

    def law(x: Any, unit_mhz: float, tau_us: float) -> Any:
        load = x * unit_mhz * tau_us
        thinned = np.exp(-load) if paralysable else 1.0 / (1.0 + load)
        return x * unit_mhz * thinned

    (_, tau_us), _ = curve_fit(law, power, rates_mhz, (rates_mhz[0], 0.8))
    assert tau_us == pytest.approx(1.0, rel=0.02)
    assert (rates_mhz[-1] < 0.9 * rates_mhz.max()) == paralysable


def test_jitter_and_tail_come_from_the_arrival_histogram() -> None:
    made = DiodeBench(
        36.0, jitter_fwhm_ps=400.0, jitter_tail_fraction=0.2, jitter_tail_tau_ps=600.0
    )
    fit = fit_jitter(made.tags(1.0), PERIOD_PS, 50)
    assert found(fit.fwhm_ps, math.hypot(400.0, PULSE_FWHM_PS), 0.03)
    assert found(fit.tail_fraction, 0.2, 0.1)
    assert found(fit.tail_ps, 600.0, 0.1)


def test_walk_fades_with_the_time_since_the_hold_off() -> None:
    made = DiodeBench(20.0, dead_time_ps=40_000, walk_ps=600.0, walk_tau_ps=50_000.0)
    rested_ps = float(np.median((made.tags(0.05, 45.0) - made.slot_ps) % PERIOD_PS))
    bins = (np.arange(0, 21) + 0.5) * PERIOD_PS
    at_ps = made.slot_ps + round(rested_ps)
    entries = arrivals_by_gap(made.tags(0.03, 20.0), PERIOD_PS, at_ps, bins)
    assert len(entries) > 10
    for entry in entries:
        truth = 600.0 * math.exp(-(entry.gap_ps - 40_000) / 50_000.0)
        assert abs(entry.late_ps.value - truth) < 4.5 * entry.late_ps.uncertainty + 8.0


@pytest.mark.parametrize(("shape", "width"), [("flat", 3_200.0), ("sine", 8_000 / 3)])
def test_gate_comes_from_dark_counts(shape: str, width: float) -> None:
    """Half of its height: between the middles of the edges, or two thirds of a sine."""
    gate = {"period_ps": 10_000, "width_ps": 4_000, "lead_ps": 1_000, "shape": shape}
    gate |= {"edge_ps": 800} if shape == "flat" else {}
    made = DiodeBench(
        dark_rate_hz=2e6, dead_time_ps=20_000, jitter_fwhm_ps=50.0, gate=gate
    )
    profile = gate_profile(made.darks(0.16), PERIOD_PS, 100)
    opening_ps = (made.slot_ps - 1_000 + (4_000 - width) / 2.0) % PERIOD_PS
    assert abs(profile.opening_ps.value - opening_ps) < 60.0
    assert abs(profile.width_ps.value - width) < 90.0


def test_persistent_charge_comes_from_pulses_before_the_gate() -> None:
    """Clicks for a pulse in the gate, and for one 3 and 6 ns before it."""
    shared = {"width_ps": 2_000, "period_ps": PERIOD_PS, "persistence": 0.02}
    shared["persistence_tau_ps"] = 4_000.0
    counts = []
    for early_ps in (-1_000, 3_000, 6_000):
        # the laser's pulse comes 7.5 ns after its slot opens
        gate = shared | {"lead_ps": (-early_ps - 7_500) % PERIOD_PS}
        made = DiodeBench(
            22.0, gate=gate, efficiency=0.1, dead_time_ps=10_000, jitter_fwhm_ps=0.0
        )
        counts.append(len(made.tags(0.15)))
    inside, near, far = counts
    tau_ps = 3_000.0 / math.log(near / far)
    assert tau_ps == pytest.approx(4_000.0, rel=0.12)
    share = near / inside * math.exp(3_000.0 / tau_ps)
    assert share == pytest.approx(0.02, rel=0.12)


def test_dependence_on_polarization_comes_from_counts() -> None:
    # behind the splitter all light is vertical or horizontal
    quick = {"dead_time_ps": 20_000, "polarization_ratio": 0.6}
    along, across = (
        len(DiodeBench(30.0, polarization_axis_deg=a, **quick).tags(0.3))
        for a in (0.0, 90.0)
    )
    assert min(along, across) / max(along, across) == pytest.approx(0.6, rel=0.04)


def test_bias_and_temperature_come_from_dark_and_lit_counts() -> None:
    """0.7/V and 0.25 eV of the darks, V_0 of 3 V; the breakdown rises by 0.1 V/K."""

    def rates(**point: float) -> tuple[float, float]:
        made = DiodeBench(30.0, dark_rate_hz=2e4, dead_time_ps=20_000, **point)
        dark_hz = len(made.darks(1.0))
        return dark_hz, len(made.tags(0.1)) / 0.1 - dark_hz

    rated_dark, rated_lit = rates()
    over_dark, over_lit = rates(bias_v=68.5)
    warm_dark, warm_lit = rates(bias_v=69.5, temperature_k=253.0)
    assert math.log(over_dark / rated_dark) == pytest.approx(0.7, abs=0.04)
    gain = math.expm1(-3.5 / 3.0) / math.expm1(-2.5 / 3.0)
    assert over_lit / rated_lit == pytest.approx(gain, rel=0.02)
    colder = (1.0 / 233.0 - 1.0 / 253.0) / 8.617333e-5
    assert math.log(warm_dark / rated_dark) / colder == pytest.approx(0.25, abs=0.01)
    assert warm_lit / rated_lit == pytest.approx(1.0, rel=0.02)
