"""The truth in the terms of calibration records: what the light does agrees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from world_stubs import TICK_PS, StubBench

from qkdlab_experiments.calibration.sequence import STEPS
from qkdlab_sims.bench.truth_report import report

V_PI = 60.0 * math.atanh(4.0 / 60.0) / 5.0
"""At the generator: 4 V at the electrodes by an amplifier that saturates at 60 V."""


def bench(**changes: Any) -> StubBench:
    made = StubBench(1, **changes)
    made.generator.play(np.tile([V_PI, 0.0], 320), np.zeros(640))
    return made


def records(made: StubBench, party: str) -> dict[str, float]:
    made.run(made.tagger.complete_ps + 2 * TICK_PS)
    found: dict[str, float] = report(made.true, made.true.wiring, made.world)[
        "records"
    ][party]
    return found


def test_without_spread_alices_are_those_of_the_labels() -> None:
    found = records(bench(), "alice")
    phase_deg = found.pop("symbol_edge_phase_deg")
    assert 0.0 <= phase_deg < 360.0
    assert found == pytest.approx(
        {
            "laser_threshold_ma": 12.0,
            "modulator_null_v": 0.0,
            "modulator_dc_v_pi_v": 5.0,
            "modulator_extinction": 35.0,
            "intensity_v_pi": V_PI,
            "polarization_v_pi": V_PI,
            "meter_scale": 1.0,
            "attenuator_scale": 1.0,
            "tap_to_output_ratio": 9e-3,
            "polarization_skew_ps": 0.0,
        },
        rel=1e-9,
        abs=1e-9,
    )


def test_without_spread_bobs_are_those_of_the_labels() -> None:
    found = records(bench(d_x1={"efficiency_max": 0.76}), "bob")
    assert found["efficiency_mismatch"] == pytest.approx(0.80 / 0.76 - 1.0, rel=1e-6)
    assert [found[f"delay_ps_{d}"] for d in range(4)] == [0.0, 310.0, 740.0, 150.0]
    assert found["jitter_fwhm_ps_0"] == pytest.approx(math.hypot(50.0, 60.0, 23.548))
    assert found["dark_rate_hz_0"] == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize("turned_deg", [0.0, 200.0])
def test_at_the_phase_of_the_edge_light_is_half_way(turned_deg: float) -> None:
    made = bench()
    made.clock.set(degrees=turned_deg)
    made.clock.set(degrees=records(made, "alice")["symbol_edge_phase_deg"])
    made.run(made.tagger.complete_ps + 2 * TICK_PS)
    photons = made.world.moment.conditions.light.stokes()[:, 0]
    assert photons.min() / photons.max() == pytest.approx(1.0, abs=0.01)


def test_a_resting_generator_has_no_edge() -> None:
    made = bench()
    made.generator.rest()
    assert "symbol_edge_phase_deg" not in records(made, "alice")


def test_they_are_named_as_the_steps_name_them() -> None:
    made = bench()
    given = {
        party: {q for step in STEPS for q in step.gives.get(party, ())}
        for party in ("alice", "bob")
    }
    certificates = {"tap_to_output_ratio", "meter_scale", "attenuator_scale"}
    for party, known in given.items():
        own = records(made, party).keys() - certificates
        assert own - {"symbol_edge_phase_deg"} <= known
