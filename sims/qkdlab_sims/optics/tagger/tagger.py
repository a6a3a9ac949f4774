"""`Tagger`: electrical pulses of several channels to one stream of tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND
from qkdlab_sims.optics.rng import gaussians, stream_key, uniforms
from qkdlab_sims.optics.tagger._kernels import BUFFER, collect
from qkdlab_sims.optics.tagger.parameters import TaggerParameters
from qkdlab_sims.optics.tagger.time_base import OwnTime

__all__ = ["Tagger", "Tags"]

_LONG_AGO_PS = -(1 << 61)
Pulses = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of one call.

    t_ps:   int64[n], sorted, multiples of the bin, in the tagger's own time
    ch:     uint8[n], channel of each, from 0
    lost:   int64[m, 2], stretches [begin, end) of own time in which the buffer was full
            and edges were missed; each is told once, when it has ended
    missed: int64[channels], edges missed since the beginning
    """

    t_ps: NDArray[np.int64]
    ch: NDArray[np.uint8]
    lost: NDArray[np.int64]
    missed: NDArray[np.int64]


class Tagger:
    """Stamps edges; all random numbers are keyed by channel and number of the edge.

    Edges go through the oscillator, skew and jitter, make false edges on other
    channels, meet the dead time of their channel and the buffer, and are rounded down
    to a bin. What comes out does not depend on how time is cut into calls.
    """

    def __init__(
        self, parameters: TaggerParameters, seed: int, component: str = "tagger"
    ) -> None:
        self.parameters = parameters
        channels = parameters.channels
        self._jitter_key = stream_key(seed, component, "jitter")
        self._crosstalk_key = stream_key(seed, component, "crosstalk")
        self._own = [OwnTime(parameters.time_base, seed, component) for _ in channels]
        self._edge = OwnTime(parameters.time_base, seed, component)
        self._count = [0 for _ in channels]
        self._dead_ps = np.array([c.dead_time_ps for c in channels], np.int64)
        self._last_ps = np.full(len(channels), _LONG_AGO_PS)
        self._missed = np.zeros(len(channels), np.int64)
        self._waiting = (np.empty(0, np.int64), np.empty(0, np.uint8))
        self._buffer = np.zeros(1, BUFFER)
        self._buffer["capacity"] = parameters.buffer_tags
        self._buffer["per_ps"] = parameters.readout_hz * 1e-12
        self._buffer["begin_ps"] = -1
        widest = max(c.jitter_rms_ps for c in channels) * GAUSS_BOUND
        early = max(0, *(-c.skew_ps for c in channels))
        self._margin_ps = math.ceil(widest) + early + 1

    def read(self, pulses_ps: Sequence[Pulses], until_ps: int) -> Tags:
        """Return the tags that are certain when no edge before `until_ps` is to come.

        pulses_ps: per channel int64[n], sorted true times, each call's after the
                   former call's `until_ps`
        """
        pieces = [self._stamped(c, t) for c, t in enumerate(pulses_ps)]
        times = [self._waiting[0]] + [t for t, _ in pieces]
        channels = [self._waiting[1]] + [c for _, c in pieces]
        t_ps, ch = np.concatenate(times), np.concatenate(channels)
        order = np.lexsort((ch, t_ps))
        t_ps, ch = t_ps[order], ch[order]
        final_ps = int(self._edge.read(np.array([until_ps]))[0]) - self._margin_ps
        n = int(np.searchsorted(t_ps, final_ps))
        self._waiting = (t_ps[n:], ch[n:])
        return self._collected(t_ps[:n], ch[:n])

    def _stamped(
        self, c: int, pulses_ps: Pulses
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the edges that pulses of one channel make, on all channels."""
        channel = self.parameters.channels[c]
        n = len(pulses_ps)
        t_ps = self._own[c].read(pulses_ps) + channel.skew_ps
        first = self._count[c]
        self._count[c] += n
        if channel.jitter_rms_ps > 0.0 and n:
            normal = gaussians(self._jitter_key, first, n, stream=c)[:, 0]
            t_ps = t_ps + np.rint(channel.jitter_rms_ps * normal).astype(np.int64)
        all_t, all_ch = [t_ps], [np.full(n, c, np.uint8)]
        if channel.crosstalk > 0.0 and n:
            for other in range(len(self.parameters.channels)):
                if other == c:
                    continue
                stream = 64 * c + other
                u = uniforms(self._crosstalk_key, first, n, stream=stream)[:, 0]
                false = t_ps[u < channel.crosstalk] + self.parameters.crosstalk_ps
                all_t.append(false)
                all_ch.append(np.full(len(false), other, np.uint8))
        return np.concatenate(all_t), np.concatenate(all_ch)

    def _collected(self, t_ps: NDArray[np.int64], ch: NDArray[np.uint8]) -> Tags:
        t_out, ch_out = np.empty_like(t_ps), np.empty_like(ch)
        lost = np.empty((len(t_ps), 2), np.int64)
        n, n_lost = collect(
            t_ps,
            ch,
            self.parameters.bin_ps,
            self._dead_ps,
            self._last_ps,
            self._missed,
            self._buffer[0],
            lost,
            t_out,
            ch_out,
        )
        return Tags(t_out[:n], ch_out[:n], lost[:n_lost].copy(), self._missed.copy())
