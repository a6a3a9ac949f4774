"""Step 8: Bob turns his plates until Alice's states meet his splitters.

BENCHES, calibration step 8; the work is in `qkdlab_experiments.polarization`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.roles import PolarizationCompensator
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.slots import SlotClicks
from qkdlab_experiments.acquisition import align
from qkdlab_experiments.arms import FOUR_ARMS
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.light import (
    bring_to_level,
    relative_transmissions,
)
from qkdlab_experiments.calibration.pattern import listen, play, slots_of_pattern
from qkdlab_experiments.calibration.views import arm_axes, see_arms
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import align_polarization

__all__ = ["alice", "bob", "calibrated_angles_deg", "plates_on"]

_VALID_S = 3600.0
"""A fibre in a laboratory drifts; a run tracks it from here."""
_ONE_OF_MANY = "polarimetry; with the fibre's rotation found beside them"
"""Other zeros, beside another rotation, describe the same counts."""


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Send all four states, bright."""
    bring_to_level(ctx)
    play(ctx, polarimetry_frame(ctx.parameters), relative_transmissions(ctx.parameters))
    return StepOutcome()


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Find the plates' zeros, align, verify; the plates stay."""
    bias_on(ctx)
    return listen(ctx, lambda: _aligned(ctx))


def plates_on(ctx: PartyContext[Bb84Parameters]) -> None:
    """Turn the plates to their calibrated angles, after a search for their zeros."""
    compensator: PolarizationCompensator = ctx.roles["compensator"]
    if compensator.angles_deg() is None:
        compensator.home()
    compensator.set_angles_deg(calibrated_angles_deg(ctx))


def calibrated_angles_deg(ctx: PartyContext[Bb84Parameters]) -> list[float]:
    """Return the recorded angle of every plate."""
    n = len(ctx.roles["compensator"].retardances_waves)
    return [ctx.calibration.value(f"plate_angle_deg_{i}") for i in range(n)]


def _aligned(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = ctx.parameters
    compensator: PolarizationCompensator = ctx.roles["compensator"]
    fit, blocks = slots_of_pattern(ctx)
    alignment = align(fit, p)

    def acquire(seconds: float) -> SlotClicks:
        return see_arms(ctx, alignment, seconds)

    found = align_polarization(
        compensator,
        acquire,
        polarimetry_frame(p) & np.uint8(3),
        FOUR_ARMS,
        arm_axes=arm_axes(p),
        seconds_per_setting=seconds_for(
            blocks, p.calibration.polarimetry_clicks, p, most=10.0
        ),
        qber_max=p.calibration.polarization_qber_max,
        progress=ctx.progress,
    )
    accuracy_deg = compensator.accuracy_deg()
    records = tuple(
        ctx.calibration.measured(
            f"{quantity}_{i}",
            value_deg,
            "deg",
            accuracy_deg,
            valid_for_s=_VALID_S,
            source=source,
        )
        for quantity, values_deg, source in (
            ("plate_angle_deg", found.angles_deg, "polarimetry on a public pattern"),
            ("plate_zero_deg", found.zero_errors_deg, _ONE_OF_MANY),
        )
        for i, value_deg in enumerate(values_deg)
    )
    figures = {
        "angles_deg": list(found.angles_deg),
        "zero_errors_deg": list(found.zero_errors_deg),
        "qber_x": found.qber_x,
        "qber_z": found.qber_z,
        "fit_residual": found.fit_residual,
        "search_measurements": found.searched,
    }
    ctx.recorder.result("polarization", figures)
    return StepOutcome(records, figures), {}
