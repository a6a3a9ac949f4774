"""Wires of the bench that latch by their rate or by bright light, in tags and volts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq, curve_fit
from scipy.special import ndtr
from world_stubs import StubBench

PHOTON_J = 6.62607015e-34 * 299_792_458.0 / 1550.12e-9
EFFICIENCY = 0.4 * (1.0 + math.erf(8.0 / 3.0))
"""Of the reference bench's wires at 22 uA."""


def bench(db: float, **wire: object) -> StubBench:
    made = StubBench(d_x0=wire)
    made.generator.play([0.8] * 640, [0.0] * 640)
    made.attenuator.db = db
    return made


def run_on(made: StubBench, duration_s: float) -> NDArray[np.int64]:
    """Run on; return the tags of the first wire in that time."""
    begin_ps = made.tagger.complete_ps
    made.run(begin_ps + round(duration_s * 1e12))
    times = made.tagger.times(1)
    return times[times >= begin_ps]


def is_latched(made: StubBench) -> bool:
    return bool(made.world.voltages_mv(made.tagger.complete_ps)[0] > 1000.0)


def reset(made: StubBench) -> None:
    """Take the bias away in darkness, and give it again."""
    made.attenuator.is_open = False
    made.bias.currents_ua = [0.0, 22.0, 22.0, 22.0]
    run_on(made, 0.01)
    made.bias.currents_ua = [22.0] * 4
    run_on(made, 0.01)
    made.attenuator.is_open = True


def watts(made: StubBench, dim_db: float = 45.0) -> float:
    """Return the power at the first wire without attenuation, from its counts."""
    db, made.attenuator.db = made.attenuator.db, dim_db
    lit_hz = len(run_on(made, 0.5)) / 0.5
    made.attenuator.is_open = False
    dark_hz = len(run_on(made, 0.5)) / 0.5
    made.attenuator.is_open, made.attenuator.db = True, db
    photons_hz = (lit_hz - dark_hz) / EFFICIENCY
    return float(photons_hz * PHOTON_J * 10 ** (dim_db / 10.0))


def test_rate_and_time_that_latch_are_recovered_from_the_tags_before_silence() -> None:
    """A heat that fades with one time constant is the same at each last tag."""
    made = bench(20.0, readout={"latching_rate_hz": 5e5, "heating_ps": 2e9})
    bursts = []
    for db in (26.0, 30.0, 33.0):
        reset(made)
        made.attenuator.db = db
        bursts.append(run_on(made, 0.01))
        assert is_latched(made)

    def heat(tags: NDArray[np.int64], heating_ps: float) -> float:
        return float(np.exp((tags - tags[-1]) / heating_ps).sum())

    def differ(heating_ps: float) -> float:
        return heat(bursts[0], heating_ps) - heat(bursts[2], heating_ps)

    heating_ps = float(brentq(differ, 3e8, 2e10))
    heats = [heat(tags, heating_ps) for tags in bursts]
    # a heat is known to one click of a thousand
    assert heating_ps == pytest.approx(2e9, rel=0.02)
    assert heats[1] == pytest.approx(heats[0], rel=0.005)
    assert heats[1] / (heating_ps * 1e-12) == pytest.approx(5e5, rel=0.02)


def test_a_rate_below_the_threshold_does_not_latch() -> None:
    made = bench(40.0, readout={"latching_rate_hz": 5e5, "heating_ps": 2e9})
    assert 1e5 < len(run_on(made, 0.02)) / 0.02 < 4.5e5
    assert not is_latched(made)


def test_a_latched_wire_counts_again_after_its_bias_was_taken_away() -> None:
    made = bench(20.0, readout={"latching_rate_hz": 1e6, "heating_ps": 1e8})
    run_on(made, 0.02)
    assert len(run_on(made, 0.02)) == 0
    assert is_latched(made)
    made.attenuator.db = 60.0
    reset(made)
    assert len(run_on(made, 0.1)) > 10


@pytest.mark.parametrize(
    ("cooling_ps", "latches"), [(11_900.0, False), (12_100.0, True)]
)
def test_a_wire_that_recovers_before_its_hot_spot_cools_latches_at_once(
    cooling_ps: float, latches: bool
) -> None:
    """Recovery takes 12 ns: from 12 ns of cooling on one click, then silence."""
    made = bench(40.0, readout={"cooling_ps": cooling_ps})
    n_clicks = len(run_on(made, 0.01))
    assert (n_clicks == 1) == latches
    assert is_latched(made) == latches


def test_the_power_that_latches_is_recovered_from_volts() -> None:
    made = bench(20.0, bright={"latching_w": 3e-11})
    undamped_w = watts(made)
    low_db, high_db = 0.0, 45.0
    while high_db - low_db > 0.02:
        made.attenuator.db = 0.5 * (low_db + high_db)
        run_on(made, 0.001)
        if is_latched(made):
            low_db = made.attenuator.db
        else:
            high_db = made.attenuator.db
        reset(made)
    latching_w = undamped_w * 10 ** (-high_db / 10.0)
    assert latching_w == pytest.approx(3e-11, rel=0.015)


def test_trigger_energy_of_a_latched_wire_is_recovered_from_tags() -> None:
    """Shares of pulses that click, by their energy: a threshold with Gaussian noise."""
    made = bench(
        0.0, bright={"latching_w": 1e-12, "trigger_j": 2e-18, "trigger_rms": 0.1}
    )
    made.bias.currents_ua[0] = 22.0
    made.attenuator.db = 45.0
    undamped_j = watts(made) / 1e8
    db = 10.0 * np.log10(undamped_j / 2e-18) + np.linspace(-1.5, 1.5, 13)
    shares = []
    for each in db:
        made.attenuator.db = float(each)
        run_on(made, 0.001)
        assert is_latched(made)
        shares.append(len(run_on(made, 0.001)) / 1e5)
    energies_j = undamped_j * 10 ** (-db / 10.0)

    def law(x: Any, trigger: float, rms: float) -> Any:
        return ndtr((x / trigger - 1.0) / rms)

    (trigger_j, rms), _ = curve_fit(law, energies_j / 2e-18, shares, (1.1, 0.2))
    assert trigger_j == pytest.approx(1.0, rel=0.015)
    assert rms == pytest.approx(0.1, rel=0.03)
