"""Bob turns his plates back when the error rates of finished blocks rise.

The trigger sees test bits and error counts of finished blocks, which are public and
charged already. The correction is found on public pulses that Alice sends between two
blocks, and acts on later blocks only (SECURITY rules 3 and 10). Plates move a degree
at a time at most, and every measurement waits until all are at rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.drift_trigger import DriftState, DriftTrigger
from qkdlab.calibration.link_check import error_rate
from qkdlab.calibration.measured import Measured
from qkdlab.calibration.outcome import StepOutcome
from qkdlab.calibration.polarization import PolarizationFit, compensating_angles_deg
from qkdlab.calibration.rotation_drift import (
    follow_rotation,
    probes_deg,
    rotation_when_aligned,
)
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import PolarizationCompensator, Receiver
from qkdlab.session.blocks import BlockReport
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align, find_slots
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.pattern import listen
from qkdlab_experiments.frame import header_template, polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import (
    ARM_AXES,
    STATES,
    contrasts_of,
    count_states,
    wrong_share,
)

__all__ = ["PlateTracker", "seen_error_rates"]

Angles = tuple[float, ...]


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

    def track(self, ctx: PartyContext[Bb84Parameters]) -> bool:
        """Turn the plates while Alice sends her public pattern.

        Returns whether the detectors are well; else an interlock has switched them off.
        """
        is_well = True

        def measure() -> tuple[StepOutcome, dict[str, Any]]:
            nonlocal is_well
            try:
                return self._turned(ctx), {}
            except SecurityAbort as abort:
                if abort.code is not AbortCode.DETECTOR_ALARM:
                    raise
                is_well = False
                ctx.recorder.monitor("interlock_trips", 1.0, ctx.clock.now_ps())
                ctx.roles["receiver"].safe_state()
                return StepOutcome(problem=abort.reason), {}

        outcome = listen(ctx, measure)
        if not outcome.accepted:
            # the next block shows whether it can go on; it aborts when it cannot
            ctx.recorder.log(f"plates not tracked: {outcome.problem}")
        return is_well

    def _turned(self, ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
        """Turn the plates; where that fails they are left where they were."""
        compensator: PolarizationCompensator = ctx.roles["compensator"]
        start = compensator.angles_deg()
        if start is None:
            return StepOutcome(problem="the plates were never homed")
        try:
            return self._turned_from(start, ctx)
        except SecurityAbort:
            self._walk(compensator, start)
            raise

    def _turned_from(
        self, start: Angles, ctx: PartyContext[Bb84Parameters]
    ) -> StepOutcome:
        p = ctx.parameters
        receiver: Receiver = ctx.roles["receiver"]
        compensator: PolarizationCompensator = ctx.roles["compensator"]
        receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
        fit, blocks = find_slots(receiver, p, header_template(p))
        receiver.stop()
        alignment = align(fit, p)
        seconds = seconds_for(blocks, p.tracking.clicks, p, most=10.0)
        states = polarimetry_frame(p) & np.uint8(3)

        def counts_at(angles: Angles) -> NDArray[np.float64]:
            self._walk(compensator, angles)
            clicks = acquire_clicks(receiver, p, alignment, seconds)
            return count_states(clicks, states, receiver.channels)

        settings = probes_deg(start, self._tracking.step_deg)
        seen = [counts_at(setting) for setting in settings]
        zeros = _zeros_deg(ctx, len(start))
        wanted = _compensation(settings, seen, compensator.retardances_waves, zeros)
        before, after = _error_rate(seen[0]), _error_rate(counts_at(wanted))
        if after > before:
            self._walk(compensator, start)
        now_ps = ctx.clock.now_ps()
        for i, angle_deg in enumerate(compensator.angles_deg() or ()):
            ctx.recorder.monitor(f"plate_angle_deg/{i}", angle_deg, now_ps)
        ctx.recorder.monitor("tracked_qber", min(before, after), now_ps)
        return StepOutcome(figures={"qber_before": before, "qber_after": after})

    def _walk(self, compensator: PolarizationCompensator, goal: Angles) -> None:
        """Turn all plates to `goal`, none by more than a step at a time."""
        here = compensator.angles_deg() or goal
        # a plate's action repeats every 180 degrees: the shorter way round
        ways = [(g - h + 90.0) % 180.0 - 90.0 for g, h in zip(goal, here, strict=True)]
        n = max(1, math.ceil(max(abs(way) for way in ways) / self._tracking.step_deg))
        for k in range(1, n + 1):
            compensator.set_angles_deg(
                [h + way * k / n for h, way in zip(here, ways, strict=True)]
            )


def _zeros_deg(ctx: PartyContext[Bb84Parameters], n_plates: int) -> Angles:
    """Return where the plates' axes stand at angle zero, by calibration."""
    quantities = [f"plate_zero_deg_{i}" for i in range(n_plates)]
    if not all(map(ctx.calibration.knows, quantities)):
        return (0.0,) * n_plates
    return tuple(map(ctx.calibration.value, quantities))


def _compensation(
    settings: list[Angles],
    seen: list[NDArray[np.float64]],
    retardances: tuple[float, ...],
    zeros: Angles,
) -> Angles:
    """Return the angles that undo the fibre as it is now."""
    turned = [tuple(np.add(setting, zeros).tolist()) for setting in settings]
    pairs = [contrasts_of(counts) for counts in seen]
    bit_0 = STATES[[0, 2]]
    rotation = follow_rotation(
        turned,
        STATES,
        np.array([contrast for contrast, _ in pairs]),
        np.array([error for _, error in pairs]),
        retardances,
        ARM_AXES,
        rotation_when_aligned(turned[0], bit_0, ARM_AXES, retardances),
    )
    fit = PolarizationFit(rotation, zeros, (1.0, 1.0), 0.0)
    angles, _ = compensating_angles_deg(fit, bit_0, ARM_AXES, retardances, settings[0])
    return angles


def _error_rate(counts: NDArray[np.float64]) -> float:
    return (wrong_share(counts[0:2, 0]) + wrong_share(counts[2:4, 1])) / 2
