"""Bob turns his plates back when the error rates of finished blocks rise.

The trigger sees test bits and error counts of finished blocks, which are public and
charged already. The correction is made on public pulses that Alice sends between two
blocks, and acts on later blocks only (SECURITY rules 3 and 10). Plates move a degree
at a time at most, and every measurement waits until all are at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qkdlab.calibration.coordinate_search import coordinate_search
from qkdlab.calibration.drift_trigger import DriftState, DriftTrigger
from qkdlab.calibration.link_check import error_rate
from qkdlab.calibration.measured import Measured
from qkdlab.calibration.outcome import StepOutcome
from qkdlab.errors import AbortCode
from qkdlab.roles import PolarizationCompensator, Receiver
from qkdlab.session.blocks import BlockReport
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align, find_slots
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.pattern import listen
from qkdlab_experiments.frame import header_template, polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import count_states, wrong_share

__all__ = ["PlateTracker", "seen_error_rates"]

_LEAST_STEP_DEG = 0.2


def seen_error_rates(figures: Mapping[str, Any]) -> dict[str, Measured]:
    """Return the error rates that a finished block made public, by basis."""
    rates = {}
    for basis, name, total in (
        ("X", "qber_x", "sifted_bits"),
        ("Z", "qber_z", "test_bits"),
    ):
        rate, n = figures.get(name), figures.get(total)
        if rate is not None and n:
            rates[basis] = error_rate(rate * n, n)
    return rates


class PlateTracker:
    """Remembers error rates from block to block, and turns the plates."""

    def __init__(self, p: Bb84Parameters) -> None:
        self._tracking = p.tracking
        self._trigger = DriftTrigger(
            p.tracking.start_rise, p.tracking.stop_rise, p.tracking.sigmas
        )
        self._state = DriftState()

    def wants(self, finished: BlockReport) -> bool:
        """Take in a finished block; tell whether plates are to be turned."""
        if not self._tracking.plates:
            return False
        seen = seen_error_rates(finished.figures)
        self._state = self._trigger.after(self._state, seen)
        too_wrong = finished.aborted is AbortCode.QBER_ABOVE_LIMIT
        return self._state.active or too_wrong

    def track(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Turn the plates while Alice sends her public pattern."""
        outcome = listen(ctx, lambda: (self._turned(ctx), {}))
        if not outcome.accepted:
            # the next block shows whether it can go on; it aborts when it cannot
            ctx.recorder.log(f"plates not tracked: {outcome.problem}")

    def _turned(self, ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
        p = ctx.parameters
        receiver: Receiver = ctx.roles["receiver"]
        compensator: PolarizationCompensator = ctx.roles["compensator"]
        receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
        fit, blocks = find_slots(receiver, p, header_template(p))
        receiver.stop()
        alignment = align(fit, p)
        seconds = seconds_for(blocks, p.calibration.polarimetry_clicks, p, most=10.0)
        states = polarimetry_frame(p) & np.uint8(3)

        def cost(angles: tuple[float, ...]) -> float:
            compensator.set_angles_deg(angles)
            clicks = acquire_clicks(receiver, p, alignment, seconds)
            counts = count_states(clicks, states, receiver.channels)
            return (wrong_share(counts[0:2, 0]) + wrong_share(counts[2:4, 1])) / 2

        start = compensator.angles_deg()
        if start is None:
            return StepOutcome(problem="the plates were never homed")
        found = coordinate_search(
            cost,
            start,
            wanted=self._trigger.goal(self._state),
            first_step_deg=self._tracking.step_deg,
            last_step_deg=_LEAST_STEP_DEG,
            reach=1.0,
            most_measurements=self._tracking.most_measurements,
        )
        compensator.set_angles_deg(found.angles_deg)
        now_ps = ctx.clock.now_ps()
        for i, angle_deg in enumerate(found.angles_deg):
            ctx.recorder.monitor(f"plate_angle_deg/{i}", angle_deg, now_ps)
        ctx.recorder.monitor("tracked_qber", found.cost, now_ps)
        return StepOutcome(figures={"qber": found.cost})
