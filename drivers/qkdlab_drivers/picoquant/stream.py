"""T2 records on their way to sorted tags (detectors-taggers.md section 5 [run]).

A record is 32 bits, from the highest: 1 special, 6 channel, 25 time in bins. Special
records of channel 63 count overflows of the time, of channel 0 are references, of
channels 1 to 15 markers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import InstrumentError
from qkdlab_drivers.picoquant._kernels import (
    IRREGULAR,
    LAST_SYNC,
    N_STATE,
    N_SYNC,
    NOW,
    decode_t2,
)

__all__ = ["T2Stream"]

_JITTER_PS = 10_000
"""By how much a reference may come early or late."""


class T2Stream:
    """Tags of all inputs, held back until their order is certain.

    period_ps:      between references; 0 without any
    max_offset_ppm: between the clocks of device and reference
    """

    def __init__(
        self, name: str, bin_ps: int, period_ps: int, max_offset_ppm: float
    ) -> None:
        self._name = name
        self._bin_ps = bin_ps
        self._period_ps = period_ps
        drift_ps = round(period_ps * max_offset_ppm * 1e-6)
        self.slack_ps = _JITTER_PS + drift_ps if period_ps else 0
        self._state = np.zeros(N_STATE, np.int64)
        self._state[N_SYNC] = -1
        self._t = np.empty(1 << 16, np.int64)
        self._ch = np.empty(1 << 16, np.uint8)
        self._n = 0

    @property
    def has_begun(self) -> bool:
        """Whether tag time runs: the first reference has come, or none is needed."""
        return not self._period_ps or int(self._state[N_SYNC]) >= 0

    @property
    def watermark(self) -> int:
        """All tags before it have come."""
        if not self.has_begun:
            return 0
        now = int(self._state[NOW])
        if not self._period_ps:
            return now * self._bin_ps
        since_ps = (now - int(self._state[LAST_SYNC])) * self._bin_ps
        reached_ps = int(self._state[N_SYNC]) * self._period_ps + since_ps
        return max(0, reached_ps - self.slack_ps)

    def hear(self, records: NDArray[np.uint32]) -> None:
        """Take records; raises InstrumentError when references are missing."""
        self._make_room(records.size)
        n = decode_t2(
            records,
            self._state,
            self._bin_ps,
            self._period_ps,
            self.slack_ps,
            self._n,
            self._t,
            self._ch,
        )
        if n == IRREGULAR or self._is_late():
            raise InstrumentError(
                self._name,
                f"saw references apart from every {self._period_ps * 1e-6:g} us",
                "check the cable to SYNC, its trigger level, and that the light's "
                "generator runs",
            )
        self._n = n

    def take(self, t_end: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the tags before `t_end` and their channels, once."""
        t, ch = self._t[: self._n], self._ch[: self._n]
        n_due = int(np.searchsorted(t, t_end))
        due = t[:n_due].copy(), ch[:n_due].copy()
        left = self._n - n_due
        self._t[:left], self._ch[:left] = t[n_due:].copy(), ch[n_due:].copy()
        self._n = left
        return due

    def _is_late(self) -> bool:
        """Return whether a reference should have come long ago."""
        if not self._period_ps or not self.has_begun:
            return False
        since = int(self._state[NOW]) - int(self._state[LAST_SYNC])
        return since * self._bin_ps > self._period_ps + self.slack_ps

    def _make_room(self, n_more: int) -> None:
        needed = self._n + n_more
        if needed > self._t.size:
            size = max(needed, 2 * self._t.size)
            t, ch = np.empty(size, np.int64), np.empty(size, np.uint8)
            t[: self._n], ch[: self._n] = self._t[: self._n], self._ch[: self._n]
            self._t, self._ch = t, ch
