"""Between blocks: interlocks that trip are recovered from, drift is followed.

One bench, calibrated step by step with the real drivers, then disturbed again and
again; the bench's truth says how it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from bench_at_work import Work, at_work, quick_config
from steps_at_work import contexts, run_steps, run_together

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.session.blocks import BlockReport
from qkdlab_experiments.between_blocks import BetweenBlocksBob, between_blocks_alice
from qkdlab_experiments.calibration.light import bring_to_level, relative_transmissions
from qkdlab_experiments.calibration.pattern import start_pattern
from qkdlab_experiments.calibration.sequence import STEPS
from qkdlab_experiments.frame import verification_frame
from qkdlab_experiments.polarization import STATES
from qkdlab_sims.incident import Incident

pytestmark = [pytest.mark.xdist_group("runs")]

PIECE_PS = 20_000_000_000
QUICK = [
    "parameters.calibration.balance_clicks=50000",
    "parameters.calibration.verification_clicks=50000",
    "wiring.parts.fibre.drift_rad_per_sqrt_s=0.0",
    # anywhere in their mounts: what calibration found of them is needed to follow
    "simulation.spread.plate_zero_deg=50.0",
]
NO_FIGURES: dict[str, Any] = {}


class Bench:
    """A calibrated bench on which blocks could be taken."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.ctx = contexts(work)
        outcomes = run_steps(work, self.ctx, STEPS)
        problems = [o.problem for both in outcomes.values() for o in both.values()]
        assert not any(problems), problems
        self.monitors: list[tuple[str, float]] = []
        for ctx in self.ctx.values():
            ctx.recorder.monitor = self._monitor
        self.bob = BetweenBlocksBob(work.parameters)
        self.receiver = work.role("bob", "receiver")

    def _monitor(self, name: str, value: float, t_ps: int) -> None:
        self.monitors.append((name, value))

    def happens(self, kind: str, **given: Any) -> None:
        """Let an incident begin 30 ms from now."""
        at_s = self.work.clock.now_ps() * 1e-12 + 0.03
        incident = Incident(kind=kind, at_s=at_s, **given)  # type: ignore[arg-type]
        self.work.bench._assembly.world.incidents.planned.append(incident)

    def start_block(self) -> None:
        """Let Alice send, and Bob begin an acquisition."""
        p, alice = self.work.parameters, self.ctx["alice"]
        bring_to_level(alice)
        start_pattern(alice, verification_frame(p), relative_transmissions(p))
        self.work.role("alice", "attenuator").set_shutter_open(True)
        self.receiver.start(p.frame_ps, p.detection.predicted_rate_hz)

    def read(self, pieces: int) -> int:
        return sum(len(self.receiver.read(PIECE_PS)) for _ in range(pieces))

    def between(
        self,
        aborted: AbortCode | None,
        bob: BetweenBlocksBob | None = None,
        **figures: float,
    ) -> None:
        """Let both parties do what they do between blocks."""
        if aborted is not None:
            self.work.role("bob", "receiver").safe_state()
            self.work.role("bob", "detectors").safe_state()
        else:
            self.receiver.stop()
        report = BlockReport(0, aborted, dict(figures))
        run_together(
            self.work,
            {
                "alice": partial(between_blocks_alice, self.ctx["alice"], report),
                "bob": partial(bob or self.bob, self.ctx["bob"], report),
            },
        )

    def error_rates(self) -> tuple[float, float]:
        """Return the true error rates of X and Z by the light's way as it is now."""
        self.start_block()
        self.read(2)
        self.receiver.stop()
        self.work.role("alice", "attenuator").set_shutter_open(False)
        analysers = np.array(
            [d["analyser"] for d in self.work.bench.truth()["detectors"]]
        )
        states = np.column_stack([np.ones(4), STATES])
        power = 0.5 * states @ analysers.T
        rates = []
        for first in (0, 2):
            arm = power[first : first + 2, first : first + 2]
            rates.append(float((arm[0, 1] + arm[1, 0]) / arm.sum()))
        return rates[0], rates[1]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with at_work(quick_config(QUICK), 6) as work:
        yield Bench(work)


def trips(bench: Bench) -> SecurityAbort:
    """Read until the interlock trips; no more than half a second."""
    with pytest.raises(SecurityAbort) as caught:
        bench.read(25)
    assert caught.value.code is AbortCode.DETECTOR_ALARM
    # the station has made the detectors safe by itself
    assert bench.work.role("bob", "detectors").get_bias_ua() == [0.0] * 4
    return caught.value


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        ("latch", {"detectors": [2]}, "detector 2 has latched"),
        ("silence", {"duration_s": 0.3}, "no counts while light is on"),
        ("brighten", {"duration_s": 0.2, "gain_db": 6.0}, "above the limit"),
    ],
)
def test_an_interlock_trips_and_the_next_block_goes_on(bench, kind, given, reason):
    bench.start_block()
    assert bench.read(1) > 10_000
    bench.happens(kind, **given)
    assert reason in str(trips(bench))
    bench.monitors.clear()
    bench.between(AbortCode.DETECTOR_ALARM)
    names = [name for name, _ in bench.monitors]
    assert "recovery_attempts" in names
    detectors = bench.work.role("bob", "detectors")
    assert detectors.get_bias_ua() == pytest.approx([22.0] * 4)
    assert max(detectors.get_voltages_mv()) < 100.0
    bench.start_block()
    assert bench.read(5) > 50_000
    bench.between(None)


def test_detectors_that_stay_ill_end_the_run(bench):
    bench.happens("silence", detectors=[1], duration_s=6.0)
    bench.work.wait(0.1)
    with pytest.raises(SecurityAbort, match="do not recover") as caught:
        bench.between(AbortCode.DETECTOR_ALARM)
    assert caught.value.numbers["detector"] == 1
    assert bench.work.role("bob", "detectors").get_bias_ua() == [0.0] * 4
    bench.work.wait(6.0)
    bench.between(AbortCode.DETECTOR_ALARM)


def test_a_fibre_that_was_moved_is_followed(bench):
    before = bench.error_rates()
    good = {"qber_x": before[0], "qber_z": before[1]}
    many = {"sifted_bits": 100_000, "test_bits": 20_000}
    bench.between(None, **good, **many)
    bench.happens("turn", angle_rad=0.45)
    bench.work.wait(0.1)
    moved = bench.error_rates()
    assert max(moved) > 0.025
    bench.monitors.clear()
    bench.between(None, qber_x=moved[0], qber_z=moved[1], **many)
    assert sum(name == "tracked_qber" for name, _ in bench.monitors) == 1
    assert np.mean(bench.error_rates()) < np.mean(before) + 0.004


def test_a_wire_that_latches_while_plates_turn_recovers_before_the_next_block(bench):
    rates = bench.error_rates()
    plates = bench.work.role("bob", "compensator")
    angles_deg = plates.angles_deg()
    many = {"sifted_bits": 100_000, "test_bits": 20_000}
    bob = BetweenBlocksBob(bench.work.parameters)
    bench.between(None, bob, qber_x=rates[0], qber_z=rates[1], **many)
    bench.happens("latch", detectors=[1])
    bench.work.wait(0.1)
    bench.monitors.clear()
    bench.between(None, bob, qber_x=rates[0] + 0.1, qber_z=rates[1], **many)
    names = [name for name, _ in bench.monitors]
    assert names.count("interlock_trips") == 1
    assert "tracked_qber" not in names
    assert plates.angles_deg() == pytest.approx(angles_deg, abs=0.02)
    assert max(bench.work.role("bob", "detectors").get_voltages_mv()) < 100.0
    bench.start_block()
    assert bench.read(5) > 50_000
    bench.between(None)


def test_plates_stay_where_no_error_rate_has_risen(bench):
    rates = bench.error_rates()
    bench.monitors.clear()
    bench.between(
        None, qber_x=rates[0], qber_z=rates[1], sifted_bits=100_000, test_bits=20_000
    )
    assert not any(name.startswith("plate") for name, _ in bench.monitors)


def test_the_bias_follows_the_null(bench):
    alice = bench.ctx["alice"]
    book = alice.calibration
    away_v = book.value("modulator_null_v") + 0.4
    book.add(
        book.record("modulator_null_v").model_copy(
            update={"value": away_v, "time": book.now()}
        )
    )
    bring_to_level(alice)
    bench.between(None)
    true_v = bench.work.bench.truth()["modulator_null_v"]["mzm"]
    assert book.value("modulator_null_v") == pytest.approx(true_v, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("is_tracked", [True, False])
def test_a_fibre_that_keeps_moving_is_kept_with_tracking_and_lost_without(
    bench, is_tracked
):
    p = bench.work.parameters
    tracking = p.tracking.model_copy(update={"plates": is_tracked})
    bob = BetweenBlocksBob(p.model_copy(update={"tracking": tracking}))
    many = {"sifted_bits": 100_000, "test_bits": 20_000}
    for _ in range(5):
        rates = bench.error_rates()
        bench.between(None, bob, qber_x=rates[0], qber_z=rates[1], **many)
        bench.happens("turn", angle_rad=0.35)
        bench.work.wait(0.1)
    if is_tracked:
        assert max(bench.error_rates()) < p.limits.qber_x_max
    else:
        assert max(bench.error_rates()) > p.limits.qber_x_max
