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

__all__ = ["count_alone", "count_by_channel", "public_table", "seconds_for"]

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


def count_by_channel(
    clicks: SlotClicks,
    kinds: NDArray[np.int64],
    n_kinds: int,
    channels: Sequence[tuple[int, int]],
) -> NDArray[np.float64]:
    """Return counts[2 basis + bit, kind] of slots in which one channel clicked alone.

    channels: (basis, bit) of every tagger channel
    """
    counts = np.zeros((4, n_kinds))
    alone = count_alone(clicks, kinds, n_kinds, len(channels))
    for (basis, bit), mine in zip(channels, alone, strict=True):
        counts[2 * basis + bit] += mine
    return counts


def seconds_for(
    blocks: Sequence[TagBlock],
    clicks: int,
    parameters: Bb84Parameters,
    *,
    most: float = 100.0,
) -> float:
    """Return how long to count for `clicks` at the rate of `blocks`, within reason.

    most: of the least time, in dim light
    """
    least_s = parameters.calibration.polarimetry_s
    wanted_s = clicks / max(1.0, click_rate_hz(list(blocks)))
    return min(max(wanted_s, least_s), most * least_s)


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
