"""Compiled kernels that draw photon pairs as one side's detectors meet them."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import (
    Word,
    log_unit,
    numbers,
    philox,
    unit,
)
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.sources.pending._kernels import (
    Pending,
    carry,
    drop_before,
    hand_over,
    new_pending,
    put,
)

__all__ = ["BATCH", "EVENTS", "STREAMS", "Outcomes", "draw_continuous", "draw_pulsed"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

# Second counter word: what the numbers of a tick are used for.
_PAIR = np.uint64(0)
_DELAY = np.uint64(1)
_PULSE = np.uint64(2)
_SINGLES = np.uint64(1 << 8)

EVENTS = 1 << 22
"""Bound on the events of a tick in one stream; an event's number is below this times
the number of detectors and one, so that it differs from all others of its side."""

BATCH = 32
"""Events drawn at a time: fewer waste less at the end of a tick."""

STREAMS = 100
"""Bound on the detectors of one side."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class Outcomes(NamedTuple):
    """A table from which one uniform number draws which detector sees a pair.

    Columns of equal width, each shared by two outcomes (Walker 1977).
    keep: float64[n], part of each column that is its own outcome
    at:   int64[2 n], detector; first of the outcomes that have the rest of each
          column, then of the columns' own. Their number stands for none.
    """

    keep: Floats
    at: Integers


@kernel
def _outcome(word: Word, outcomes: Outcomes) -> int:
    """Return the detector that a uniform number draws."""
    n = outcomes.keep.shape[0]
    place = unit(word) * n
    column = int(place)
    return int(outcomes.at[column + n * (place - column < outcomes.keep[column])])


@kernel
def _coincidences(
    tick: int,
    tick_ps: int,
    per_tick: float,
    sigma_ps: float,
    lead_ps: int,
    side: int,
    outcomes: Outcomes,
    keys: Keys,
    arrival_ps: Integers,
    pairs: Pending,
) -> bool:
    """Add the pairs of a tick that both sides see; False when there is no room."""
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    gap_ps = tick_ps / max(per_tick, 1e-200)
    chances, detectors = np.empty(BATCH, np.uint32), np.empty(BATCH, np.int64)
    gaps, delays = np.empty(BATCH), np.full(BATCH, lead_ps + 0.5)
    room = min(pairs.t_ps.shape[1] - pairs.filled.max(), EVENTS)
    position = 0.0
    for begin in range(0, room - BATCH, BATCH):
        # loops without branches, which the compiler turns into vector code
        for i in range(BATCH):
            number = np.uint64(begin) + np.uint64(i)
            a, b, c, d = philox(number & _LOW, _PAIR, low, high, k0, k1)
            gaps[i] = log_unit(a) * gap_ps
            detectors[i] = b
            chances[i] = d if side else c
        if sigma_ps > 0.0 and side == 1:
            for i in range(BATCH):
                number = np.uint64(begin) + np.uint64(i)
                a, b, c, d = philox(number & _LOW, _DELAY, low, high, k0, k1)
                delays[i] = lead_ps + 0.5 + sigma_ps * gauss(a, b)
        for i in range(BATCH):
            detectors[i] = _outcome(np.uint64(detectors[i]), outcomes)
        for i in range(BATCH):
            position -= gaps[i]
            gaps[i] = position
        for i in range(BATCH):
            if gaps[i] >= tick_ps:
                return True
            at = detectors[i]
            t = tick * tick_ps + int(gaps[i]) + int(delays[i]) + int(arrival_ps[at])
            put(pairs, at, t, unit(chances[i]), begin + i)
    return False


@kernel
def _merge(
    n: int,
    d: int,
    end_ps: int,
    pairs: Pending,
    times: Integers,
    chances: Floats,
    events: Integers,
) -> int:
    """Put the pairs of row `d` before `end_ps` among `n` events, from the last on.

    Returns the number of all, -1 when there is no room for them.
    """
    early, m = pairs.t_ps[d], 0
    while m < pairs.filled[d] and early[m] < end_ps:
        m += 1
    if n + m > times.shape[0]:
        return -1
    i = n - 1
    for q in range(m - 1, -1, -1):
        t = early[q]
        while i >= 0 and times[i] > t:
            times[i + q + 1] = times[i]
            chances[i + q + 1] = chances[i]
            events[i + q + 1] = events[i]
            i -= 1
        times[i + q + 1] = t
        chances[i + q + 1] = pairs.chance[d, q]
        events[i + q + 1] = pairs.number[d, q]
    carry(pairs, d, m)
    return n + m


@kernel
def _singles(
    tick: int,
    tick_ps: int,
    d: int,
    per_tick: float,
    use: Word,
    keys: Keys,
    arrival_ps: int,
    pairs: Pending,
    times: Integers,
    chances: Floats,
    events: Integers,
) -> int:
    """Draw all that detector `d` meets in a tick; return its number, -1 if too many.

    per_tick: mean number of photons without a partner; pairs: those with one, among
    which these are put; times, chances, events: where both go
    """
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    opening = tick * tick_ps + arrival_ps
    gap_ps = tick_ps / max(per_tick, 1e-200)
    words = np.empty((2, BATCH), np.uint32)
    at_ps = np.empty(BATCH)
    half = BATCH // 2
    position, n = 0.0, 0
    for begin in range(0, min(times.shape[0] - BATCH, EVENTS), BATCH):
        # loops without branches, which the compiler turns into vector code
        for i in range(half):
            number = np.uint64(begin) + np.uint64(i)
            a, b, c, e = philox(number & _LOW, use, low, high, k0, k1)
            words[0, i] = a
            words[1, i] = b
            words[0, half + i] = c
            words[1, half + i] = e
        for i in range(BATCH):
            at_ps[i] = log_unit(words[0, i]) * gap_ps
        for i in range(BATCH):
            position -= at_ps[i]
            at_ps[i] = position
        for i in range(BATCH):
            times[n + i] = opening + np.int64(min(at_ps[i], float(tick_ps)))
            chances[n + i] = unit(words[1, i])
            events[n + i] = (d + 1) * EVENTS + begin + i
        if position >= tick_ps:
            while n < times.shape[0] and times[n] < opening + tick_ps:
                n += 1
            return _merge(n, d, opening + tick_ps, pairs, times, chances, events)
        n += BATCH
    return -1


@kernel
def draw_continuous(
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    coincidences: float,
    singles: Floats,
    sigma_ps: float,
    lead_ps: int,
    side: int,
    outcomes: Outcomes,
    keys: Keys,
    reserve: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> int:
    """Draw what one side meets of a source that emits pairs at any time.

    coincidences: mean number of pairs in a tick that are seen on both sides;
    singles: [n_det], that of photons whose partner is not seen; sigma_ps: of the delay
    of Bob's photon against Alice's; lead_ps: delay of both, above the largest;
    side: 0 for Alice, 1 for Bob. The rest, and what is returned, as in
    `photons.draw_arrivals`.

    Splitting a Poisson process by what is seen of a pair gives independent ones. A
    delay of photons whose partners are not seen would change nothing, so they have
    none: points of a Poisson process that move independently are one again.
    """
    n_det = singles.shape[0]
    pairs = new_pending(n_det, reserve + 4 * BATCH)
    if tick_begin > 0:
        if not _coincidences(
            tick_begin - 1, tick_ps, coincidences, sigma_ps, lead_ps, side,
            outcomes, keys, arrival_ps, pairs,
        ):  # fmt: skip
            return -1
        drop_before(pairs, tick_begin * tick_ps, arrival_ps)
    ends[:, 0] = 0
    for tick in range(tick_begin, tick_end):
        index = tick - tick_begin
        if ends[:, index].max() + reserve > t_ps.shape[1]:
            return tick
        if not _coincidences(
            tick, tick_ps, coincidences, sigma_ps, lead_ps, side,
            outcomes, keys, arrival_ps, pairs,
        ):  # fmt: skip
            return -1
        for d in range(n_det):
            begin = ends[d, index]
            use = _SINGLES + np.uint64(side * STREAMS + d)
            n = _singles(
                tick, tick_ps, d, singles[d], use, keys, arrival_ps[d], pairs,
                t_ps[d, begin:], chance[d, begin:], number[d, begin:],
            )  # fmt: skip
            if n < 0:
                return -1
            ends[d, index + 1] = begin + n
    return tick_end


@kernel
def _pulsed_tick(
    tick: int,
    period_ps: int,
    log_dark: float,
    counts: Floats,
    sigmas_ps: Floats,
    lead_ps: int,
    side: int,
    outcomes: Outcomes,
    keys: Keys,
    arrival_ps: Integers,
    pairs: Pending,
) -> bool:
    """Add what one side meets of a tick; False when there is no room."""
    position = -1.0
    pair = 0
    for event in range(PULSES_PER_TICK):
        a, b, c, d = numbers(event, _PULSE, tick, keys, 0)
        position += 1.0 + math.floor(log_unit(a) / log_dark)
        if position >= PULSES_PER_TICK:
            return True
        opening = (tick * PULSES_PER_TICK + np.int64(position)) * period_ps
        emitted_ps = lead_ps + 0.5 + sigmas_ps[0] * gauss(c, d)
        n = 1
        while n < counts.shape[0] and unit(b) > counts[n - 1]:
            n += 1
        for _ in range(n):
            if pair + 1 >= EVENTS or pairs.filled.max() >= pairs.t_ps.shape[1]:
                return False
            a, b, c, _ = numbers(pair, _PAIR, tick, keys, 0)
            at = _outcome(a, outcomes)
            if at < arrival_ps.shape[0] - 1:
                e, f, g, h = numbers(pair, _DELAY, tick, keys, 0)
                t = emitted_ps + sigmas_ps[1 + side] * gauss(e, f)
                if side:
                    t += sigmas_ps[3] * gauss(g, h)
                t_ps = opening + arrival_ps[at] + np.int64(t)
                put(pairs, at, t_ps, unit(c if side else b), pair)
            pair += 1
    return True


@kernel
def draw_pulsed(
    tick_begin: int,
    tick_end: int,
    period_ps: int,
    log_dark: float,
    counts: Floats,
    sigmas_ps: Floats,
    lead_ps: int,
    side: int,
    outcomes: Outcomes,
    keys: Keys,
    reserve: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> int:
    """Draw what one side meets of a pulsed source.

    log_dark: logarithm of the probability that nothing of a pulse is seen; counts:
    chance of at most 1, 2, ... seen pairs in a pulse with any; sigmas_ps: of the
    instant of emission, of dispersion to Alice and to Bob, of the pair's own delay;
    lead_ps: mean delay of all, above the largest that those make. The rest as in
    `draw_continuous`.
    """
    tick_ps = period_ps * PULSES_PER_TICK
    pairs = new_pending(ends.shape[0], 2 * reserve)
    ends[:, 0] = 0
    for tick in range(max(tick_begin - 1, 0), tick_end):
        index = tick - tick_begin
        if index >= 0 and ends[:, index].max() + reserve > t_ps.shape[1]:
            return tick
        if not _pulsed_tick(
            tick, period_ps, log_dark, counts, sigmas_ps, lead_ps, side,
            outcomes, keys, arrival_ps, pairs,
        ):  # fmt: skip
            return -1
        if index < 0:
            drop_before(pairs, tick_begin * tick_ps, arrival_ps)
        elif not hand_over(
            pairs, (tick + 1) * tick_ps, arrival_ps,
            t_ps, chance, number, ends[:, index], ends[:, index + 1],
        ):  # fmt: skip
            return -1
    return tick_end
