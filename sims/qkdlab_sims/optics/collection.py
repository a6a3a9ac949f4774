"""Tags of one call on their way from the passes to the caller: `Collection`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import Clicks, DetectorState
from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

__all__ = ["Collection"]

_ROW_TAGS = 1 << 17
"""Tags that a row holds at least: with more, some are copied twice."""


class Collection:
    """One call's stretch of pulses: the detectors' records and the tags so far.

    wires: records of the bank's technology, to be changed by the passes
    rows:  int64[n_det, ...], each detector's tags, sorted; see `open_rows`
    tick_begin, tick_end: of the stretch

    k0, k1, delay_ps, lead_ps, spread, pulse_fwhm_ps: as of `engine.detect`, with its
    errors
    """

    def __init__(
        self,
        state: DetectorState,
        k0: int,
        k1: int,
        *,
        delay_ps: int,
        spread: NDArray[np.float64] | float,
        pulse_fwhm_ps: float,
        lead_ps: int = 0,
    ) -> None:
        bank = state.bank
        if k0 % PULSES_PER_TICK or k1 % PULSES_PER_TICK or k1 < k0 or k0 < 0:
            raise ValueError("detectors want whole ticks of 65536 pulses")
        if state.next_pulse is not None and k0 != state.next_pulse:
            raise ValueError("detectors want pulses in sequence")
        if not 0 <= delay_ps < bank.period_ps:
            raise ValueError("detectors want a delay shorter than the period")
        if k1 * bank.period_ps + int(max(bank.arrival_ps)) >= 1 << 62:
            raise OverflowError("times beyond 2**62 ps do not fit")
        self.state = state
        self.tick_begin = k0 // PULSES_PER_TICK
        self.tick_end = k1 // PULSES_PER_TICK
        self.wires = state.wires(pulse_fwhm_ps)
        self.rows = state.scratch(0)
        self._n_most = 0
        self._tick_ps = PULSES_PER_TICK * bank.period_ps
        self._final_ps = self.wires["arrival_ps"] - bank.hold_back_ps
        self._pieces: list[list[NDArray[np.int64]]] = [[] for _ in self.wires]
        self._found: list[NDArray[np.int64]] = [self.rows[0, :0] for _ in self.wires]
        self._n_tags = self.wires["n_tags"]
        self.wires["dark_per_tick"] += PULSES_PER_TICK * np.asarray(spread)
        self.wires["arrival_ps"] += delay_ps - lead_ps
        early_ps = max(self.wires["sigma_ps"].tolist()) * GAUSS_BOUND + lead_ps
        if early_ps >= bank.hold_back_ps:
            raise ValueError("DetectorBank.hold_back_ps is too short for this jitter")

    def open_rows(self, n_tags: int, n_ticks: int) -> None:
        """Begin rows with the tags held back, for stretches of `n_ticks`.

        n_tags: that a detector can give in a stretch
        """
        held = self.state.held_back
        kept = 1 + self.state.bank.hold_back_ps // (n_ticks * self._tick_ps)
        n_most = max(map(len, held)) + (1 + kept) * n_tags
        self.rows = self.state.scratch(max(n_most, _ROW_TAGS))
        self._n_most = n_tags
        for d, tags in enumerate(held):
            self.rows[d, : len(tags)] = tags
            self._n_tags[d] = len(tags)

    def make_room(self, detectors: tuple[int, int], tick: int) -> None:
        """Let rows of detectors [first, last) take the stretch from `tick` on."""
        for d in range(*detectors):
            n_tags = int(self._n_tags[d])
            if n_tags + self._n_most > self.rows.shape[1]:
                final = self._n_final(d, tick)
                self._pieces[d].append(self.rows[d, :final].copy())
                self._n_tags[d] = n_tags - final
                self.rows[d, : n_tags - final] = self.rows[d, final:n_tags].copy()

    def _n_final(self, d: int, tick: int) -> int:
        """Return how many tags of a row no pulse from `tick` on can precede."""
        until_ps = self._final_ps[d] + tick * self._tick_ps
        return int(self.rows[d, : self._n_tags[d]].searchsorted(until_ps))

    def finish(self, detectors: tuple[int, int]) -> None:
        """Take the tags of detectors [first, last) that have passed all ticks."""
        each = range(*detectors)
        n_final = [self._n_final(d, self.tick_end) for d in each]
        lengths = [
            sum(map(len, self._pieces[d])) + n
            for d, n in zip(each, n_final, strict=True)
        ]
        # one array for all: the larger an array, the cheaper is new memory
        whole, begin = np.empty(sum(lengths), np.int64), 0
        for d, final, length in zip(each, n_final, lengths, strict=True):
            row = self.rows[d, : self._n_tags[d]]
            times_ps = whole[begin : begin + length]
            before = length - final
            if before:
                np.concatenate(self._pieces[d], out=times_ps[:before])
            times_ps[before:] = row[:final]
            self._found[d] = times_ps
            self.state.held_back[d] = row[final:].copy()
            begin += length

    def clicks(self) -> Clicks:
        """Leave the finished detectors to the next call; return the tags of this."""
        self.state.leave(self.wires, self.tick_end * PULSES_PER_TICK)
        until_ps = self._final_ps + self.tick_end * self._tick_ps
        return Clicks(tuple(self._found), until_ps)
