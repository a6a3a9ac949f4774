"""Counting Bob's clicks by what Alice sent in public, and telling her the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import SlotClicks
from qkdlab_experiments.acquisition import click_rate_hz
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["count_alone", "public_table", "seconds_for"]

_MOST_SECONDS_FACTOR = 10
_MOST_COUNTS = 1 << 53


def count_alone(
    clicks: SlotClicks, kinds: NDArray[np.int64], n_kinds: int, n_channels: int
) -> NDArray[np.float64]:
    """Return counts[channel, kind] of slots in which one channel clicked alone.

    kinds: of every symbol of the frame; -1 is not counted
    """
    kind = kinds[clicks.slot % kinds.size]
    counts = np.zeros((n_channels, n_kinds))
    for channel in range(n_channels):
        mine = kind[clicks.mask == (1 << channel)]
        counts[channel] = np.bincount(mine[mine >= 0], minlength=n_kinds)[:n_kinds]
    return counts


def seconds_for(
    blocks: Sequence[TagBlock], clicks: int, parameters: Bb84Parameters
) -> float:
    """Return how long to count for `clicks` at the rate of `blocks`, within reason."""
    least_s = parameters.calibration.polarimetry_s
    wanted_s = clicks / max(1.0, click_rate_hz(list(blocks)))
    return min(max(wanted_s, least_s), _MOST_SECONDS_FACTOR * least_s)


def public_table(
    said: Mapping[str, Any], name: str, n_columns: int
) -> NDArray[np.float64]:
    """Return a table of counts that the other party told.

    Raises SecurityAbort(PROTOCOL_VIOLATION) for anything else.
    """
    rows = said.get(name)
    sound = isinstance(rows, list) and 1 <= len(rows) <= 64
    for row in rows if sound and rows is not None else []:
        sound = sound and isinstance(row, list) and len(row) == n_columns
        sound = sound and all(
            type(value) in (int, float) and 0 <= value <= _MOST_COUNTS for value in row
        )
    if not sound:
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION,
            f"the other party's {name!r} is no table of counts",
        )
    return np.array(rows, float)
