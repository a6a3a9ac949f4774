"""Whether the counts of the next block are those that were seen before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S
from qkdlab.timetags.block import TagBlock

__all__ = ["CountWatch"]

_SIGMAS = 6.0
_N_CHANNELS = 256
"""Channels of tags are numbered in a byte."""


class CountWatch:
    """Remembers the rate of each channel, and tells when one of them leaves it."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_N_CHANNELS, np.int64)
        self._span_s = 0.0

    def departs(self, block: TagBlock) -> bool:
        """Tell whether a channel counts otherwise than before; then forget that.

        By six standard deviations of counting, so that a wire that latches shows in the
        first block in which it would have given some forty counts. The first block
        departs from nothing known: True.
        """
        counts = np.bincount(block.ch, minlength=_N_CHANNELS)
        duration_s = (block.t_end - block.t_begin) / PS_PER_S
        if self._span_s > 0.0:
            share = duration_s / self._span_s
            expected = self._counts * share
            noise = np.sqrt(np.maximum(expected * (1.0 + share), 1.0))
            if not np.any(np.abs(counts - expected) > _SIGMAS * noise):
                self._counts += counts
                self._span_s += duration_s
                return False
        self._counts = counts
        self._span_s = duration_s
        return True
