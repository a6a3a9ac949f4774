"""From light to electrical pulses: the detector bank, simulated no further than asked.

Stretches of ticks in which nothing changed wait in a queue until somebody needs their
clicks. What is drawn does not depend on when it is asked for (all random numbers are
keyed by tick).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab_sims.bench.emitter import Emission
from qkdlab_sims.bench.observers import Observers
from qkdlab_sims.optics.attacks.photons import PhotonAttack, TooBrightForEve
from qkdlab_sims.optics.bank import Bank, Clicks
from qkdlab_sims.optics.channels.echo import Echo
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light

__all__ = ["Conditions", "CountHistory", "Detection", "Mover"]


@dataclass(frozen=True, eq=False)
class Conditions:
    """One light, one way and one bias.

    analysers:  float64[n_det, 4] from the light, or from Eve, to each detector;
                efficiency not in it
    background: float64[n_det], photons a period of light beside; likewise
    echo:       that follows each pulse
    interferometer: (contrast, phase) of one that all light meets
    emission:   what comes instead of the light, from a dot or a crystal, or of two
                lights that met
    """

    light: Light
    analysers: NDArray[np.float64]
    bias_ua: tuple[float, ...]
    eve: InterceptResend | PhotonAttack | None = None
    background: NDArray[np.float64] | None = None
    echo: Echo | None = None
    interferometer: tuple[float, float] | None = None
    emission: Emission | None = None

    def are_as_dark_as(self, other: Conditions) -> bool:
        """Return whether no light comes in either, so that both make the same clicks.

        Whatever moves before a closed shutter then moves nothing at the detectors.
        Ticks begin with the light's pulses, so these must come alike.
        """
        for one in (self, other):
            if one.emission is not None or one.eve is not None:
                return False
            if np.any(one.analysers):
                return False
        if self.background is None or other.background is None:
            alike = self.background is other.background
        else:
            alike = np.array_equal(self.background, other.background)
        pulses, others = self.light, other.light
        return (
            alike
            and self.bias_ua == other.bias_ua
            and pulses.delay_ps == others.delay_ps
            and pulses.pulse_fwhm_ps == others.pulse_fwhm_ps
            and pulses.dynamics is others.dynamics
        )


@dataclass
class _Stretch:
    begin: int
    end: int
    conditions: Conditions


Mover = Callable[[int, NDArray[np.int64]], NDArray[np.int64]]
"""(detector, times of clicks) -> when they come on a way whose length changes."""


class Detection:
    """Clicks of all detectors, in order of time.

    moved: what times of flight that change do to clicks; it keeps their order
    observers: that see what avalanches send back
    """

    def __init__(
        self,
        bank: Bank,
        moved: Mover | None = None,
        observers: Observers | None = None,
    ) -> None:
        self.bank = bank
        self.observers = observers
        lead_ps = 0 if observers is None else observers.lead_ps
        self.ahead_ps = bank.ahead_ps + lead_ps
        """By how much ticks must be queued sooner than clicks are wanted."""
        self._lead_ps = lead_ps
        self._moved = moved
        self._tick_ps = PULSES_PER_TICK * bank.period_ps
        self._counts = CountHistory(len(bank.parameters), self._tick_ps, bank.ahead_ps)
        self._state = DetectorState(bank)
        self._bias_ua: tuple[float, ...] = ()
        self._efficiencies = np.zeros(len(bank.parameters))
        self._waiting: deque[_Stretch] = deque()
        self._ready: list[list[NDArray[np.int64]]] = [[] for _ in bank.parameters]
        self._complete_ps = 0

    def append(self, tick: int, conditions: Conditions, end: int | None = None) -> None:
        """Queue a tick, or all from it to before `end`; each once, in order."""
        end = tick + 1 if end is None else end
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.conditions is conditions:
            last.end = end
        else:
            self._waiting.append(_Stretch(tick, end, conditions))

    def clicks_until(self, t_ps: int) -> list[NDArray[np.int64]]:
        """Return per detector the clicks before `t_ps` not yet returned.

        All ticks that may give clicks before `t_ps` must have been queued: those that
        begin before it, or `ahead_ps` later. Raises ConfigError for light too bright
        for an Eve who counts photons.
        """
        self._simulate_until(t_ps + self._lead_ps)
        out: list[NDArray[np.int64]] = []
        for pieces in self._ready:
            times = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
            n_due = int(np.searchsorted(times, t_ps))
            pieces[:] = [times[n_due:]] if n_due < len(times) else []
            out.append(times[:n_due])
        return out

    def counts_until(self, t_ps: int) -> list[int]:
        """Return per detector the number of clicks before `t_ps`, from time zero.

        Exact once a tick; in between the count of that time is shared out evenly.
        """
        self._simulate_until(self._counts.row_end_ps(t_ps))
        return self._counts.at(t_ps)

    def forget_counts_before(self, t_ps: int) -> None:
        """Let no question be asked of `counts_until` about earlier times."""
        self._counts.forget_before(t_ps)

    def voltages_mv(self, t_ps: int) -> list[float]:
        """Return the voltage over each detector at `t_ps`, within a stretch of ticks.

        Tells which have stopped by themselves, which only their clicks decide.
        """
        self._simulate_until(t_ps)
        return self._state.voltages_mv()

    def _set_bias(self, bias_ua: tuple[float, ...]) -> None:
        if bias_ua != self._bias_ua:
            self._bias_ua = bias_ua
            self._state.set_bias(bias_ua)
            effective = self._state.effective_bias_ua()
            self._efficiencies = self.bank.efficiencies(effective)

    def _simulate_until(self, t_ps: int) -> None:
        while self._waiting and self._complete_ps < t_ps:
            stretch = self._waiting.popleft()
            conditions = stretch.conditions
            self._set_bias(conditions.bias_ua)
            if conditions.emission is not None:
                self._take(self._emitted(stretch, conditions.emission))
                continue
            try:
                self._take(self._lit(stretch))
            except TooBrightForEve as error:
                raise ConfigError(f"wiring.parts: {error}") from error

    def _lit(self, stretch: _Stretch) -> Clicks:
        conditions = stretch.conditions
        return simulate_pulses(
            self._state,
            conditions.light,
            conditions.analysers * self._efficiencies[:, None],
            stretch.begin * PULSES_PER_TICK,
            stretch.end * PULSES_PER_TICK,
            eve=conditions.eve,
            paths=conditions.analysers if self.bank.feels_power else None,
            background=self._seen(conditions.background),
            echo=conditions.echo,
            interferometer=conditions.interferometer,
            threads=None,
        )

    def _emitted(self, stretch: _Stretch, emission: Emission) -> Clicks:
        conditions, bank = stretch.conditions, self.bank
        seen = np.asarray(self._seen(conditions.background))
        return detect(
            self._state,
            emission.arrivals(self._efficiencies, bank),
            stretch.begin * PULSES_PER_TICK,
            stretch.end * PULSES_PER_TICK,
            delay_ps=emission.delay_ps,
            spread=seen,
            pulse_fwhm_ps=emission.pulse_fwhm_ps,
            lead_ps=emission.lead_ps,
            threads=None,
        )

    def _take(self, clicks: Clicks) -> None:
        if self._moved is not None:
            clicks = self._late(clicks)
        for pieces, times in zip(self._ready, clicks.times_ps, strict=True):
            if len(times):
                pieces.append(times)
        self._complete_ps = int(clicks.complete_until_ps.min())
        self._counts.add(clicks.times_ps, self._complete_ps)
        if self.observers is not None:
            self.observers.take(clicks)

    def _seen(
        self, background: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | float:
        return 0.0 if background is None else background * self._efficiencies

    def _late(self, clicks: Clicks) -> Clicks:
        move = self._moved
        if move is None:
            return clicks
        ends = [move(d, t[None])[0] for d, t in enumerate(clicks.complete_until_ps)]
        times = tuple(move(d, t) for d, t in enumerate(clicks.times_ps))
        return Clicks(times, np.array(ends))


class CountHistory:
    """Cumulative clicks per detector once a tick, interpolated between.

    ahead_ps: by which clicks are known sooner than at the ends of ticks

    Questions about what was forgotten raise LookupError.
    """

    def __init__(self, n_detectors: int, tick_ps: int, ahead_ps: int = 0) -> None:
        self._tick_ps = tick_ps
        self._ahead_ps = ahead_ps
        self._table = np.zeros((64, n_detectors), np.int64)
        self._first = 0
        self._n_rows = 1
        self._open = [np.empty(0, np.int64) for _ in range(n_detectors)]

    def add(self, times_ps: Sequence[NDArray[np.int64]], complete_ps: int) -> None:
        """Take clicks; all before `complete_ps` have been given."""
        known_ps = complete_ps + self._ahead_ps
        n_rows = max(self._n_rows, known_ps // self._tick_ps + 1 - self._first)
        if n_rows > len(self._table):
            room = n_rows + n_rows // 4 + 64
            grown = np.zeros((room, len(self._open)), np.int64)
            grown[: self._n_rows] = self._table[: self._n_rows]
            self._table = grown
        ticks = self._first + np.arange(self._n_rows, n_rows)
        edges_ps = ticks * self._tick_ps - self._ahead_ps
        base = self._table[self._n_rows - 1]
        for d, new in enumerate(times_ps):
            times = np.concatenate((self._open[d], new))
            below = np.searchsorted(times, edges_ps)
            self._table[self._n_rows : n_rows, d] = base[d] + below
            self._open[d] = times[below[-1] :] if len(below) else times
        self._n_rows = n_rows

    def forget_before(self, t_ps: int) -> None:
        """Forget what no question about `t_ps` or later needs."""
        tick = (max(t_ps, 0) + self._ahead_ps) // self._tick_ps
        n = min(tick - self._first, self._n_rows - 1)
        if n > 0:
            self._table = self._table[n : self._n_rows].copy()
            self._first += n
            self._n_rows -= n

    def row_end_ps(self, t_ps: int) -> int:
        """Return the first time from `t_ps` on at which counts are exact."""
        end = -(-(t_ps + self._ahead_ps) // self._tick_ps)
        return end * self._tick_ps - self._ahead_ps

    def at(self, t_ps: int) -> list[int]:
        """Return the cumulative clicks before `t_ps`; known to its `row_end_ps`."""
        tick, rest_ps = divmod(max(t_ps, 0) + self._ahead_ps, self._tick_ps)
        if tick < self._first:
            raise LookupError(f"the counts at {t_ps} ps are forgotten")
        row, last = tick - self._first, self._n_rows - 1
        before, after = self._table[min(row, last)], self._table[min(row + 1, last)]
        return [int(n) for n in before + (after - before) * rest_ps // self._tick_ps]
