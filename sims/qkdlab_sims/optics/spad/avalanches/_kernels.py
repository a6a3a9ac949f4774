"""Compiled numbers of avalanches, a block of them at a time.

Avalanches of a diode are numbered from its first on, and all that they need at random
is keyed by their number: it can be drawn before they happen. Every loop has one
purpose, so that most of them are vector code. Other kernels have these functions
compiled in: numba does not notice a change here, so remove its caches after one.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.exponential._kernels import decay
from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.normal._kernels import fill_normals
from qkdlab_sims.optics.philox._kernels import UNIT, Word, log_unit, philox, unit
from qkdlab_sims.optics.spad.traps import MOST_PENDING

__all__ = ["BLOCK", "ROOM", "draw_carriers", "draw_lateness", "draw_words"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint32]
Diode: TypeAlias = Any  # a record of DIODE; numba gives it attributes

BLOCK = 256
"""Avalanches of a block."""

ROOM = BLOCK + 2 * MOST_PENDING
"""Carriers of a block that there is room for; more make the block shorter."""

# Second counter word: what the numbers of a diode are used for.
_AVALANCHE = np.uint64(16 << 8)
_FILLING = np.uint64(17 << 8)
_SIXTEEN = np.uint64(16)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_NO_TICK = np.uint64(0)


@kernel
def draw_words(first: int, d: int, k0: Word, k1: Word, words: Words) -> None:
    """Write to uint32[4, BLOCK] the words of the avalanches from number `first` on."""
    use, base = _AVALANCHE + np.uint64(d), np.uint64(first)
    one, two, three, four = words[0], words[1], words[2], words[3]
    for i in range(BLOCK):
        number = base + np.uint64(i)
        a, b, c, e = philox(number & _LOW, use, number >> _HALF, _NO_TICK, k0, k1)
        one[i], two[i], three[i], four[i] = a, b, c, e


@kernel
def _list_carriers(
    diode: Diode, words: Words, some: Words, owner: Words, nth: Words
) -> tuple[int, int]:
    """List the carriers of a block by avalanche and, of each, from 1 on.

    Returns how many, and of how many avalanches. A Poissonian number each, by
    inversion; some: room to work in
    """
    none, mean = diode.trap_none, diode.trap_mean
    least = math.ceil(none / UNIT - 0.5)
    # few leave any: they are listed first, without a branch
    m = np.uint64(0)
    for i in range(BLOCK):
        some[m] = i
        m += np.uint64(words[i] >= least)
    n = 0
    for k in range(m):
        i = some[k]
        if n + MOST_PENDING > ROOM:
            return n, i
        u, chance, below, count = unit(np.uint64(words[i])), none, none, 0
        while u >= below and count < MOST_PENDING:
            count += 1
            chance *= mean / count
            below += chance
            owner[n], nth[n] = i, count
            n += 1
    return n, BLOCK


@kernel
def draw_carriers(
    diode: Diode,
    first: int,
    d: int,
    k0: Word,
    k1: Word,
    words: Words,
    listed: Words,
    log_wait: Floats,
    wait_ps: Integers,
) -> int:
    """List the carriers that a block of avalanches leaves in traps.

    words: the last of `draw_words`; listed: uint32[3, ROOM + 1], of which the first
    gets each carrier's avalanche, counted from `first`, then BLOCK; wait_ps: after
    which it comes free. Without those that come free in the hold-off, unless they
    begin it anew. Returns of how many avalanches all are listed, one at least.
    """
    owner, nth, pick = listed[0], listed[1], listed[2]
    n, n_avalanches = _list_carriers(diode, words, pick, owner, nth)
    use, base = _FILLING + np.uint64(d), np.uint64(first)
    for i in range(n):
        number, which = (
            base + np.uint64(owner[i]),
            use + (np.uint64(nth[i]) << _SIXTEEN),
        )
        a, b, _, _ = philox(number & _LOW, which, number >> _HALF, _NO_TICK, k0, k1)
        pick[i] = a
        log_wait[i] = log_unit(b)
    kept = 0
    for i in range(n):
        share, kind = unit(np.uint64(pick[i])), 0
        while kind < diode.n_traps - 1 and share >= diode.trap_share[kind]:
            kind += 1
        wait = int(-diode.trap_tau_ps[kind] * log_wait[i])
        owner[kept], wait_ps[kept] = owner[i], wait
        kept += diode.paralysable or wait >= diode.dead_ps
    owner[kept] = BLOCK
    return n_avalanches


@kernel
def draw_lateness(
    diode: Diode, words: Words, since_ps: Integers, scratch: Floats, shift_ps: Floats
) -> None:
    """Write by how much the tags of a block's first avalanches are late.

    since_ps: from the end of the last hold-off to each, used for the walk only;
    scratch: float64[3, BLOCK], room to work in
    """
    n = since_ps.shape[0]
    scale, within, parts = scratch[0], scratch[1], scratch[2].view(np.uint32)
    scale[:n] = diode.sigma_ps
    fill_normals(words[0], words[1], scale, parts, within, shift_ps[:n])
    if diode.tail_fraction > 0.0:
        # what is left of a uniform number below a bound is uniform again
        which, tail_ps = words[2], diode.tail_ps
        least, log_least = (
            diode.tail_fraction / UNIT - 0.5,
            math.log(diode.tail_fraction),
        )
        m = np.uint64(0)
        for i in range(n):
            parts[m] = i
            m += np.uint64(which[i] < least)
        for k in range(m):
            late = np.uint64(parts[k])
            shift_ps[late] -= tail_ps * (log_unit(np.uint64(which[late])) - log_least)
    if diode.walk_ps > 0.0:
        walk_ps, rate = diode.walk_ps, 1.0 / diode.walk_tau_ps
        for i in range(n):
            shift_ps[i] += walk_ps * decay(since_ps[i] * rate)
