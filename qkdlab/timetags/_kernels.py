"""Compiled loops over time tags. Plain references stand in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["correct_and_sort", "slot_clicks"]


@kernel
def correct_and_sort(
    t: NDArray[np.int64],
    ch: NDArray[np.uint8],
    reference_ps: int,
    stretch: float,
    offset_ps: NDArray[np.int64],
    t_out: NDArray[np.int64],
    ch_out: NDArray[np.uint8],
) -> None:
    """Write corrected times, in order, with their channels.

    Corrected time is ``reference + (t - reference) (1 + stretch) - offset[ch]``,
    where ``reference`` is the last multiple of `reference_ps`. The input is nearly in
    order, so an insertion sort is linear.
    """
    for i in range(t.size):
        reference = t[i] // reference_ps * reference_ps
        since = t[i] - reference
        c = ch[i]
        value = t[i] + np.int64(np.rint(since * stretch)) - offset_ps[c]
        j = i - 1
        while j >= 0 and t_out[j] > value:
            t_out[j + 1] = t_out[j]
            ch_out[j + 1] = ch_out[j]
            j -= 1
        t_out[j + 1] = value
        ch_out[j + 1] = c


@kernel
def slot_clicks(
    t: NDArray[np.int64],
    ch: NDArray[np.uint8],
    slot_ps: int,
    half_gate_ps: int,
    blank_ps: int,
    dead_until_ps: int,
    last_ps: int,
    slot_out: NDArray[np.int64],
    mask_out: NDArray[np.uint8],
) -> tuple[int, int, int, int, int]:
    """Judge corrected tags slot by slot.

    Slot ``k`` is centred at ``k slot_ps``; its gate opens half a gate earlier. A slot
    is live if no tag lies in the `blank_ps` before its opening. All tags of a live
    slot's gate are gathered into one mask (bit c: channel c clicked).

    Returns (clicks written, tags out of gate, clicks in dead slots, dead slots
    newly blanked, dead_until_ps).
    """
    n = 0
    out_of_gate = 0
    in_dead = 0
    dead_slots = 0
    i = 0
    while i < t.size:
        k = (t[i] + slot_ps // 2) // slot_ps
        centre = k * slot_ps
        opening = centre - half_gate_ps
        inside = opening <= t[i] < centre + half_gate_ps
        if inside:
            live = last_ps < opening - blank_ps
            mask = np.uint8(0)
            j = i
            while j < t.size and t[j] < centre + half_gate_ps:
                mask |= np.uint8(1) << ch[j]
                j += 1
            if live:
                slot_out[n] = k
                mask_out[n] = mask
                n += 1
            else:
                in_dead += 1
        else:
            j = i + 1
            out_of_gate += 1
        for m in range(i, j):
            # openings o with t < o <= t + blank are dead; count each once
            begin = max(t[m], dead_until_ps)
            end = t[m] + blank_ps
            if end > begin:
                dead_slots += (end + half_gate_ps) // slot_ps
                dead_slots -= (begin + half_gate_ps) // slot_ps
                dead_until_ps = end
        last_ps = t[j - 1]
        i = j
    return n, out_of_gate, in_dead, dead_slots, dead_until_ps
