"""Steps that read the tap meter after a change wait as long as a slow meter needs."""

from __future__ import annotations

import pytest
from bench_at_work import at_work, context, quick_config

from qkdlab.randomness import SeededRandomness
from qkdlab_drivers.thorlabs.pm100d import ThorlabsPm100d
from qkdlab_experiments.bias_lock import lock_bias
from qkdlab_experiments.calibration import laser, modulator
from qkdlab_experiments.calibration.light import relative_transmissions
from qkdlab_experiments.calibration.pulse_timing import start_pattern
from qkdlab_experiments.frame import key_frame

pytestmark = [pytest.mark.xdist_group("runs")]

SLOW = [
    "parties.alice.instruments.tap_meter.options.low_pass=true",
]

FOUND = ("modulator_null_v", "modulator_dc_v_pi_v", "intensity_v_pi")


def test_the_modulator_is_known_through_the_low_pass() -> None:
    with at_work(quick_config(SLOW), 3, ["alice"]) as work:
        ctx = context(work, "alice")
        for step in (laser, modulator):
            outcome = step.alice(ctx)
            assert outcome.accepted, outcome.problem
            for record in outcome.records:
                ctx.calibration.add(record)
        true = work.bench.truth()["records"]["alice"]
        for record in (ctx.calibration.record(name) for name in FOUND):
            assert abs(record.value - true[record.quantity]) < 4 * record.uncertainty


def edge_uncertainty_ps() -> float:
    """Return how well a scan of the clock's phase finds the symbols' edge."""
    with at_work(quick_config(SLOW), 3, ["alice"]) as work:
        frame = key_frame(work.parameters, SeededRandomness(3, "alice"))
        ctx = context(work, "alice")
        timing = start_pattern(ctx, frame, relative_transmissions(work.parameters))
        assert timing is not None
        return timing.edge.middle_ps.uncertainty


def test_each_phase_of_a_scan_is_read_behind_the_low_pass() -> None:
    assert edge_uncertainty_ps() < 10.0


def test_without_the_wait_each_would_hold_some_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ThorlabsPm100d, "settling_time_s", settles_at_once)
    assert edge_uncertainty_ps() > 50.0


def settles_at_once(meter: ThorlabsPm100d) -> float:
    """Stand for a driver that knows of no low-pass."""
    return 0.0


@pytest.mark.parametrize("low_pass", [True, False])
def test_the_bias_lock_waits_for_the_meter(low_pass: bool) -> None:
    config = quick_config(
        [f"parties.alice.instruments.tap_meter.options.low_pass={low_pass}".lower()]
    )
    with at_work(config, 3, ["alice"]) as work:
        ctx = context(work, "alice")
        ctx.roles["modulator_bias"].set_voltage_v(0.0)
        ctx.calibration.add(
            ctx.calibration.measured(
                "modulator_dc_v_pi_v", 5.0, "V", 0.01, valid_for_s=1e6, source="label"
            )
        )
        lock_bias(ctx)
        null = ctx.calibration.record("modulator_null_v")
        true_v = work.bench.truth()["modulator_null_v"]["mzm"]
        assert abs(null.value - true_v) < 0.01
