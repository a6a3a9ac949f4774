"""How long after a click the detectors of a receiver that chooses still tell of it.

Bob holds one setting while Alice's public pattern runs and looks at all slots, masked
or not. What is left of a click where the mask ends goes into the spread of efficiencies
that a claim record commits to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qkdlab.calibration.measured import Measured, coverage_factor
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.roles import BasisModulator, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align
from qkdlab_experiments.active_parameters import ActiveBb84Parameters, active
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.pattern import listen, slots_of_pattern
from qkdlab_experiments.calibration.polarization import alice, plates_on
from qkdlab_experiments.click_memory import ClickMemory, click_memory
from qkdlab_experiments.frame import POLARIMETRY_CODES
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob", "judge"]

_PIECES = 3
"""Of the masked time: so finely it is told when a click is forgotten."""
_FAR, _LONGEST = 4, 12
"""Masked times after a click, between which nothing is left of it."""
_POINTS = 24
_VALID_S = 86_400.0


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count by the time since the last click."""
    bias_on(ctx)
    plates_on(ctx)
    return listen(ctx, lambda: _measured(ctx))


def _measured(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = active(ctx.parameters)
    receiver: Receiver = ctx.roles["receiver"]
    modulator: BasisModulator = ctx.roles["basis_modulator"]
    fit, blocks = slots_of_pattern(ctx)
    seconds = seconds_for(blocks, p.calibration.memory_clicks, p)
    modulator.hold(0, p.symbol_period_ps)
    unmasked = replace(align(fit, p), blank_ps=0)
    clicks = acquire_clicks(receiver, p, unmasked, seconds)
    modulator.stop()
    piece = max(1, -(-p.detection.blank_ps // (_PIECES * p.symbol_period_ps)))
    memory = click_memory(
        clicks,
        frame_slots=p.pattern.symbols,
        header_slots=p.pattern.header_symbols,
        kinds=POLARIMETRY_CODES.size,
        far=_FAR * _PIECES * piece,
        lags=_LONGEST * _PIECES * piece,
    )
    try:
        return judge(ctx, memory, piece), {}
    except ValueError as error:
        problem = f"{error}; look at the light at Bob's input"
        return StepOutcome(problem=problem), {}


def judge(
    ctx: PartyContext[Bb84Parameters], memory: ClickMemory, piece: int
) -> StepOutcome:
    """Say when a click is forgotten, and what is left of it where the mask ends.

    piece: slots of a third of the masked time

    Raises ValueError where too few clicks tell.
    """
    p = active(ctx.parameters)
    width = coverage_factor(p.calibration.interval_coverage)
    left = [_worst(memory, k * piece, piece, width) for k in range(1, 2 * _PIECES)]
    at_end = left[_PIECES - 1]
    limit = p.security.memory_max
    greatest = [abs(one.value) + width * one.uncertainty for one in left]
    lasting = max((k for k, most in enumerate(greatest, 2) if most > limit), default=1)
    recovery_ps = lasting * piece * p.symbol_period_ps
    problem = None
    if lasting > _PIECES:
        problem = (
            f"{recovery_ps / 1000:g} ns after a click the detectors may still differ "
            f"by {greatest[lasting - 2]:.1%} for it, limit {limit:.1%}: raise "
            "parameters.detection.blank_ps, or count for longer "
            "(parameters.calibration.memory_clicks)"
        )
    records = (
        ctx.calibration.measured(
            "recovery_ps",
            float(recovery_ps),
            "ps",
            0.0,
            valid_for_s=_VALID_S,
            source="clicks by the time since the last",
        ),
        ctx.calibration.measured(
            "memory_mismatch",
            at_end.value,
            "1",
            at_end.uncertainty,
            valid_for_s=_VALID_S,
            source="clicks by the time since the last",
        ),
    )
    figures = {
        "recovery_ps": recovery_ps,
        "memory_mismatch": at_end.value,
        "memory_mismatch_uncertainty": at_end.uncertainty,
        "limit": limit,
    }
    curves = tuple(_curve(p, memory, piece, *pair) for pair in _PAIRS)
    return StepOutcome(records, figures, curves, problem)


_PAIRS = ((0, 0), (0, 1), (1, 1), (1, 0))


def _worst(memory: ClickMemory, first: int, slots: int, width: float) -> Measured:
    """Return what a click of either detector leaves at most, in these slots."""
    either = [memory.difference(last, first, first + slots) for last in (0, 1)]
    return max(either, key=lambda one: abs(one.value) + width * one.uncertainty)


def _curve(
    p: ActiveBb84Parameters, memory: ClickMemory, piece: int, last: int, detector: int
) -> Curve:
    """Return a detector's efficiency after a click, to twice the masked time."""
    end = 2 * _PIECES * piece
    step = max(1, end // _POINTS)
    firsts = range(1, end, step)
    found = [memory.efficiency(last, detector, f, f + step) for f in firsts]
    slot_ns = p.symbol_period_ps / 1000
    return Curve(
        f"Efficiency of detector {detector} after a click of detector {last}",
        "time since the click (ns)",
        "efficiency over that long after",
        tuple((first + (step - 1) / 2) * slot_ns for first in firsts),
        tuple(one.value for one in found),
        tuple(one.uncertainty for one in found),
        marks={"masked until": p.detection.blank_ps / 1000},
    )
