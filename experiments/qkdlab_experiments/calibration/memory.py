"""How long after a click the detectors of a receiver that chooses still tell of it.

Bob holds one setting while Alice's public pattern runs and looks at all slots, masked
or not. What a click may still part the detectors by where it is masked no longer goes
into the spread of efficiencies that a claim record commits to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qkdlab.calibration.measured import coverage_factor
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

_WINDOWS = 6
"""To a masked time: in each, the detectors are judged by themselves. They begin every
half of their length, so that what lasts as long falls into one."""
_FAR = 4
"""Masked times after a click, from which on nothing is left of it."""
_FEWEST_SLOTS = 12
"""That stand for the masked time where it is shorter, so that windows have slots."""
_LONG = 8
"""Masked times from which is learnt how detectors click that remember nothing."""
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
    far = _FAR * _masked(p)
    memory = click_memory(
        clicks,
        frame_slots=p.pattern.symbols,
        header_slots=p.pattern.header_symbols,
        kinds=POLARIMETRY_CODES.size,
        far=far,
        lags=far + _LONG * _masked(p),
    )
    try:
        return judge(ctx, memory), {}
    except ValueError as error:
        problem = f"{error}; look at the light at Bob's input"
        return StepOutcome(problem=problem), {}


def _masked(p: ActiveBb84Parameters) -> int:
    return max(p.detection.blank_ps // p.symbol_period_ps, _FEWEST_SLOTS)


def judge(ctx: PartyContext[Bb84Parameters], memory: ClickMemory) -> StepOutcome:
    """Say when a click is forgotten, and what may be left of it behind the mask.

    The window just before the mask ends counts, too: detectors that come back are no
    further off in the slot that opens.

    memory: learnt from `_FAR` masked times on

    Raises ValueError where too few clicks tell.
    """
    p = active(ctx.parameters)
    width = coverage_factor(p.calibration.interval_coverage)
    limit, window = p.security.memory_max, max(2, _masked(p) // _WINDOWS)

    def most(first: int) -> float:
        """Return what a click of either detector may leave in these slots."""
        either = (memory.difference(last, first, first + window) for last in (0, 1))
        return max(abs(one.value) + width * one.uncertainty for one in either)

    end = p.detection.blank_ps // p.symbol_period_ps
    step = window // 2
    firsts = range(end % step or step, memory.far - window + 1, step)
    by_first = {first: most(first) for first in firsts}
    last_told = max((f for f, left in by_first.items() if left > limit), default=0)
    recovery_ps = min(last_told + step, end) * p.symbol_period_ps
    behind = {f: left for f, left in by_first.items() if f >= end - window}
    worst = max(behind, key=behind.__getitem__)
    left = behind[worst]
    problem = None
    if left > limit:
        problem = (
            f"{worst * p.symbol_period_ps / 1000:g} ns after a click the detectors may "
            f"still differ by {left:.1%} for it, limit {limit:.1%}: raise "
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
            left,
            "1",
            0.0,
            valid_for_s=_VALID_S,
            source="clicks by the time since the last",
        ),
    )
    figures = {
        "recovery_ps": recovery_ps,
        "memory_mismatch": left,
        "most_is_left_after_ns": worst * p.symbol_period_ps / 1000,
        "limit": limit,
    }
    curves = tuple(_curve(p, memory, *pair) for pair in _PAIRS)
    return StepOutcome(records, figures, curves, problem)


_PAIRS = ((0, 0), (0, 1), (1, 1), (1, 0))


def _curve(
    p: ActiveBb84Parameters, memory: ClickMemory, last: int, detector: int
) -> Curve:
    """Return a detector's efficiency after a click, to twice the masked time."""
    end = 2 * _masked(p)
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
