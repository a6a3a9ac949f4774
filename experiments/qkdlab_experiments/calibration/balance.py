"""Step 9: how far Bob's detectors differ in efficiency.

Each basis is judged by itself: its two detectors see the same states once with the
plates aligned and once with the arm's outputs exchanged (see
`qkdlab.calibration.efficiency_balance`). Of a stack quarter, half, quarter wave the
outputs of both arms are exchanged at once by turning the half-wave plate by 45 and
the last quarter-wave plate by 90 degrees: together they turn the sphere by 180 degrees
about its circular axis, wherever the plates stood. A receiver that chooses by a
modulator swaps the detectors with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.efficiency_balance import efficiency_ratio, greatest_mismatch
from qkdlab.calibration.measured import Measured, coverage_factor
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.protocols.symbols import Basis
from qkdlab.roles import PolarizationCompensator
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import align
from qkdlab_experiments.arms import FOUR_ARMS
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.pattern import listen, slots_of_pattern
from qkdlab_experiments.calibration.polarization import (
    alice,
    calibrated_angles_deg,
    plates_on,
)
from qkdlab_experiments.calibration.views import see_arms
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import count_states, wrong_share

__all__ = ["EXCHANGE_DEG", "alice", "bob"]

EXCHANGE_DEG = (0.0, 45.0, 90.0)
"""Turns of the plates that exchange the outputs of both arms."""
_MOST_SWAP_ERROR = 0.10
_VALID_S = 86_400.0


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count with the plates aligned and with the outputs exchanged."""
    bias_on(ctx)
    plates_on(ctx)
    return listen(ctx, lambda: _measured(ctx))


def _measured(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = ctx.parameters
    compensator: PolarizationCompensator = ctx.roles["compensator"]
    fit, blocks = slots_of_pattern(ctx)
    seconds = seconds_for(blocks, p.calibration.balance_clicks, p)
    states = polarimetry_frame(p) & np.uint8(3)
    aligned_deg = calibrated_angles_deg(ctx)
    if p.receiver_chooses:
        both = [see_arms(ctx, align(fit, p), seconds, swap=s) for s in (0, 1)]
        straight, swapped = (count_states(c, states, FOUR_ARMS) for c in both)
        # of the swapped, by detector again
        return _judged(ctx, straight, swapped[:, :, ::-1]), {}
    seen = []
    for turn in ((0.0, 0.0, 0.0), EXCHANGE_DEG):
        compensator.set_angles_deg(
            [a + t for a, t in zip(aligned_deg, turn, strict=True)]
        )
        clicks = see_arms(ctx, align(fit, p), seconds)
        seen.append(count_states(clicks, states, FOUR_ARMS))
    compensator.set_angles_deg(aligned_deg)
    return _judged(ctx, *seen), {}


def _judged(
    ctx: PartyContext[Bb84Parameters],
    aligned: NDArray[np.float64],
    swapped: NDArray[np.float64],
) -> StepOutcome:
    """Return the ratios of both bases; counts are [state, arm, bit]."""
    p = ctx.parameters
    ratios: list[Measured] = []
    for basis in Basis:
        own = slice(2 * basis, 2 * basis + 2)
        wrong = (
            wrong_share(aligned[own, basis]),
            1 - wrong_share(swapped[own, basis]),
        )
        if max(wrong) > _MOST_SWAP_ERROR:
            return StepOutcome(
                figures={"wrong_aligned": wrong[0], "wrong_exchanged": wrong[1]},
                problem=f"the plates do not bring {basis.name}'s states to its "
                f"detectors ({max(wrong):.1%} wrong); run the step 'polarization'",
            )
        ratios.append(efficiency_ratio(aligned[own, basis], swapped[own, basis]))
    width = coverage_factor(p.calibration.interval_coverage)
    mismatch = greatest_mismatch(ratios, width)
    greatest = abs(mismatch.value) + width * mismatch.uncertainty
    limit = p.limits.efficiency_mismatch_max
    problem = None
    if greatest > limit:
        problem = (
            f"the efficiencies of one basis' detectors may differ by {greatest:.1%}, "
            f"limit {limit:.1%}; look at the detector's bias, its fibre and its paddle"
        )
    figures = {
        "efficiency_ratio": {b.name: ratios[b].value for b in Basis},
        "efficiency_ratio_uncertainty": {b.name: ratios[b].uncertainty for b in Basis},
        "greatest_mismatch": greatest,
        "limit": limit,
    }
    record = ctx.calibration.measured(
        "efficiency_mismatch",
        mismatch.value,
        "1",
        mismatch.uncertainty,
        valid_for_s=_VALID_S,
        source="matched states, outputs exchanged by the plates",
    )
    curve = Curve(
        "Efficiency of detector 0 over detector 1",
        "basis (0 X, 1 Z)",
        "ratio",
        (0.0, 1.0),
        tuple(r.value for r in ratios),
        tuple(r.uncertainty for r in ratios),
    )
    return StepOutcome((record,), figures, (curve,), problem)
