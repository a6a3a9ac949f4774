"""Finding the slots of a key block: by its header, or by the first light of all.

Fresh settings have no header. When in its frame the light of a slot comes was measured
with public patterns, and holds as long as the transmitter starts in step with its
pulses and the fibre keeps its length to half a slot. How many whole frames the light is
on its way shows at its beginning: the tagger runs before the first pulse leaves, whose
reference comes at once, and nothing but dark counts precedes the first light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit, fit_sync_at
from qkdlab_experiments.acquisition import (
    LONGEST_FLIGHT,
    TagSource,
    find_slots,
    read_for_sync,
)
from qkdlab_experiments.alignment import with_calibrated_delays
from qkdlab_experiments.frame import header_template
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["ARRIVAL", "find_key_slots", "frames_of_flight"]

ARRIVAL = "light_arrival_ps"
"""Record: arrival of a frame's first slot at detector 0 after a reference."""

_LEAST_CLICKS = 16.0
"""A frame, on average, for the first lit one to be known from those before."""
_LIT = 1 / 3


def find_key_slots(
    receiver: TagSource,
    p: Bb84Parameters,
    delays_ps: Sequence[float],
    arrival_ps: float | None,
) -> tuple[SyncFit, list[TagBlock]]:
    """Read tags of the acquisition of a key block until its slots are found.

    delays_ps:  of the channels, calibrated, against channel 0
    arrival_ps: of the record `ARRIVAL`; None where a header is sent

    Without a header the offsets of the fit hold the whole flight of the light, so that
    slots are the transmitter's pulses. Raises SecurityAbort(SYNC_LOST).
    """
    if arrival_ps is None:
        return find_slots(receiver, p, header_template(p), delays_ps)
    blocks = read_for_sync(receiver, p)
    fit = fit_sync_at(
        blocks,
        reference_ps=p.frame_ps,
        slot_ps=p.symbol_period_ps,
        arrival_ps=[arrival_ps + delay for delay in delays_ps],
    )
    fit = with_calibrated_delays(fit, delays_ps, p.limits.delay_change_ps_max)
    flight_ps = frames_of_flight(blocks, fit, p.frame_ps) * p.frame_ps
    return replace(fit, offset_ps=tuple(o + flight_ps for o in fit.offset_ps)), blocks


def frames_of_flight(blocks: Sequence[TagBlock], fit: SyncFit, frame_ps: int) -> int:
    """Return the number of the first frame with light, by the fit's slots.

    Raises SecurityAbort(SYNC_LOST) when light does not begin once and for all.
    """
    n_frames = (blocks[-1].t_end - max(fit.offset_ps)) // frame_ps
    counts = _clicks_by_frame(blocks, fit, frame_ps, int(n_frames))
    mean = float(counts[n_frames // 2 :].mean()) if n_frames > 1 else 0.0
    looked_at = counts[:LONGEST_FLIGHT]
    lit = looked_at > _LIT * mean
    first = int(np.argmax(lit))
    if mean < _LEAST_CLICKS or not lit.any() or not lit[first:].all():
        raise SecurityAbort(
            AbortCode.SYNC_LOST,
            "the first light after the start does not stand out",
            {"clicks_per_frame": mean, "wanted": _LEAST_CLICKS},
        )
    return first


def _clicks_by_frame(
    blocks: Sequence[TagBlock], fit: SyncFit, frame_ps: int, n_frames: int
) -> NDArray[np.int64]:
    offset_ps = min(fit.offset_ps)
    counts = np.zeros(n_frames, np.int64)
    for block in blocks:
        frame = (block.t - offset_ps) // frame_ps
        frame = frame[(frame >= 0) & (frame < n_frames)]
        counts += np.bincount(frame, minlength=n_frames)
    return counts
