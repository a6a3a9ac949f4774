"""Compiled decoder of T2 records. A plain reference stands in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["BASE", "IRREGULAR", "LAST_SYNC", "NOW", "N_STATE", "N_SYNC", "decode_t2"]

BASE, LAST_SYNC, N_SYNC, NOW, N_STATE = 0, 1, 2, 3, 4
"""Of the state: bins before the records' own time; bin of the last reference; its
number, -1 before the first; bin of the last record."""
IRREGULAR = -1

_TIME = np.uint32(0x1FFFFFF)
_WRAP = 1 << 25
_SPECIAL = np.uint32(1 << 31)
_CHANNEL = np.uint32(0x3F)
_OVERFLOW = 63


@kernel
def decode_t2(
    records: NDArray[np.uint32],
    state: NDArray[np.int64],
    bin_ps: int,
    period_ps: int,
    slack_ps: int,
    n: int,
    t_out: NDArray[np.int64],
    ch_out: NDArray[np.uint8],
) -> int:
    """Append the tags of records to `n` sorted ones; return their new number.

    Tag time is reference number x period + bins since then; a period of 0 means none,
    then bins count from the start. Events before the first reference have no place and
    are left out; markers are, too. IRREGULAR is returned when two references, or an
    event and its reference, are farther apart than a period and the slack (for
    references also nearer). Tags near a reference may come out of order by the slack:
    an insertion sort is linear.
    """
    base, last, syncs = state[BASE], state[LAST_SYNC], state[N_SYNC]
    now = state[NOW]
    for i in range(records.size):
        record = records[i]
        channel = np.int64((record >> np.uint32(25)) & _CHANNEL)
        time = np.int64(record & _TIME)
        if record & _SPECIAL:
            if channel == _OVERFLOW:
                base += (time if time > 0 else 1) * _WRAP
                now = base
            elif channel == 0:
                now = base + time
                if period_ps > 0 and syncs >= 0:
                    gap = (now - last) * bin_ps - period_ps
                    if gap > slack_ps or gap < -slack_ps:
                        state[NOW] = now
                        return IRREGULAR
                syncs += 1
                last = now
            continue
        now = base + time
        if period_ps > 0:
            if syncs < 0:
                continue
            since = (now - last) * bin_ps
            if since > period_ps + slack_ps:
                state[NOW] = now
                return IRREGULAR
            t = syncs * period_ps + since
        else:
            t = now * bin_ps
        j = n - 1
        while j >= 0 and t_out[j] > t:
            t_out[j + 1] = t_out[j]
            ch_out[j + 1] = ch_out[j]
            j -= 1
        t_out[j + 1] = t
        ch_out[j + 1] = channel
        n += 1
    state[BASE], state[LAST_SYNC], state[N_SYNC] = base, last, syncs
    state[NOW] = now
    return n
