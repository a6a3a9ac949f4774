"""Key blocks of a run: each ends with a key or for a reason of its own.

A block that aborts for what its own pulses showed ends alone: both parties say so in an
authenticated message and go on with the next. What puts the link itself in doubt ends
the run (SECURITY rule 11).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.totals import total_figures
from qkdlab.session.experiment import PartyContext, PartyResult

__all__ = ["BLOCK_CODES", "BlockReport", "run_blocks"]

BLOCK_CODES = frozenset(
    {
        AbortCode.QBER_ABOVE_LIMIT,
        AbortCode.COUNTS_OUTSIDE_LIMITS,
        AbortCode.NO_SECRET_KEY,
        AbortCode.CROSS_CLICKS_ABOVE_LIMIT,
        AbortCode.DOUBLE_CLICKS_ABOVE_LIMIT,
        AbortCode.DARK_RATE_ABOVE_LIMIT,
        AbortCode.DETECTOR_ALARM,
        AbortCode.INTENSITY_OUTSIDE_INTERVAL,
        AbortCode.SYNC_LOST,
        AbortCode.COVERAGE_GAP,
    }
)
"""Reasons that end one block only."""


_STOPPED = SecurityAbort(AbortCode.PEER_ABORTED, "the run was stopped")


@dataclass(frozen=True, slots=True)
class BlockReport:
    """How a block ended.

    aborted: why it gave no key, None when it gave one
    figures: its public figures
    """

    block: int
    aborted: AbortCode | None
    figures: dict[str, Any]


def run_blocks(
    ctx: PartyContext[Any],
    n_blocks: int,
    one_block: Callable[[int], None],
    *,
    go_dark: Callable[[], None],
    between_blocks: Callable[[PartyContext[Any], BlockReport], None],
) -> PartyResult:
    """Run one party's side of all blocks; return their figures together.

    one_block:      takes a block's number, drives its party to the end
    go_dark:        after a block that aborted: light off, acquisition ended
    between_blocks: called after each block but the last

    Raises SecurityAbort when the run has to end, or no block gave a key.
    """
    reports: list[BlockReport] = []
    for block in range(n_blocks):
        if reports:
            between_blocks(ctx, reports[-1])
        reports.append(_run_block(ctx, block, n_blocks, one_block, go_dark, reports))
    if all(report.aborted for report in reports):
        code = reports[-1].aborted or AbortCode.NO_SECRET_KEY
        raise SecurityAbort(code, "no block gave a key", {"blocks": n_blocks})
    return PartyResult(ctx.conversation.figures)


def _run_block(
    ctx: PartyContext[Any],
    block: int,
    n_blocks: int,
    one_block: Callable[[int], None],
    go_dark: Callable[[], None],
    before: list[BlockReport],
) -> BlockReport:
    ctx.conversation.figures = {}
    ctx.recorder.begin_block(block)
    aborted: AbortCode | None = None
    try:
        one_block(block)
    except SecurityAbort as abort:
        if n_blocks == 1 or not _is_of_the_block(abort):
            _keep(ctx, block, abort.code, abort, before)
            raise
        go_dark()
        aborted = ctx.conversation.end_block(block, abort, BLOCK_CODES)
        return _keep(ctx, block, aborted, abort, before)
    except BaseException:
        # The run is being stopped, by a signal or the other party's end.
        _keep(ctx, block, AbortCode.PEER_ABORTED, _STOPPED, before)
        raise
    return _keep(ctx, block, None, None, before)


def _is_of_the_block(abort: SecurityAbort) -> bool:
    """Tell whether an abort, or what the peer says of its own, ends one block only."""
    code = abort.numbers.get("peer_code", abort.code)
    return code in BLOCK_CODES


def _keep(
    ctx: PartyContext[Any],
    block: int,
    code: AbortCode | None,
    abort: SecurityAbort | None,
    before: list[BlockReport],
) -> BlockReport:
    """Put a block's figures on record, and on the result those of all blocks."""
    figures = {**ctx.conversation.figures, "block": block, "aborted": None}
    if code is not None and abort is not None:
        mine = abort.code is code
        figures["aborted"] = {
            "code": code.value,
            "reason": abort.reason if mine else "the other party ended the block",
            "numbers": dict(abort.numbers) if mine else {},
        }
    ctx.recorder.end_block(figures)
    report = BlockReport(block, code, figures)
    ctx.conversation.figures = total_figures([r.figures for r in [*before, report]])
    return report
