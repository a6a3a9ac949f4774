"""From tags to slots, and from slots to who clicked in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import Bank, Clicks
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

__all__ = ["error_rate", "patterns", "slots", "stretches", "whole_ticks"]

Integers = NDArray[np.int64]


def error_rate(errors: float, n: int) -> tuple[float, float]:
    """Return errors among n bits as a rate, and its standard deviation.

    Two errors and four bits are added for the deviation, which keeps it fair where
    errors are few (Agresti and Coull 1998 [mem]).
    """
    likely = (errors + 2.0) / (n + 4.0)
    return errors / max(n, 1), math.sqrt(likely * (1.0 - likely) / max(n, 1))


def whole_ticks(pulses: float, scale: float) -> int:
    """Return the pulses of a run of `scale`, rounded up to whole ticks."""
    return math.ceil(scale * pulses / PULSES_PER_TICK) * PULSES_PER_TICK


def stretches(pulses: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Yield the ends of stretches of whole ticks; only one is in memory at a time."""
    step = max(1, at_once // PULSES_PER_TICK) * PULSES_PER_TICK
    for begin in range(0, pulses, step):
        yield begin, min(begin + step, pulses)


def slots(clicks: Clicks, bank: Bank, window_ps: int | None = None) -> list[Integers]:
    """Return by detector the slots of its clicks, sorted.

    window_ps: clicks count only so near to their pulse, half of it to each side
    """
    found: list[Integers] = []
    for tags_ps, arrival_ps in zip(clicks.times_ps, bank.arrival_ps, strict=True):
        since_ps = tags_ps - (arrival_ps - bank.period_ps // 2)
        slot = since_ps // bank.period_ps
        if window_ps is not None:
            from_pulse_ps = since_ps - slot * bank.period_ps - bank.period_ps // 2
            slot = slot[2 * np.abs(from_pulse_ps) <= window_ps]
        found.append(slot)
    return found


def patterns(by_detector: Sequence[Integers]) -> tuple[Integers, Integers]:
    """Return the slots with clicks and, of each, a word with bit d for detector d."""
    every = np.concatenate(by_detector)
    bits = np.repeat(
        [1 << d for d in range(len(by_detector))], [len(s) for s in by_detector]
    )
    if not len(every):
        return every, bits
    order = np.argsort(every, kind="stable")
    every, bits = every[order], bits[order]
    first = np.flatnonzero(np.diff(every, prepend=every[0] - 1))
    return every[first], np.bitwise_or.reduceat(bits, first)
