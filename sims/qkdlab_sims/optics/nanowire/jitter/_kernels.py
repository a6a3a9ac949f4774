"""Compiled lateness of nanowires' tags, a list of clicks at a time.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.nanowire._kernels import JITTER
from qkdlab_sims.optics.normal._kernels import fill_normals
from qkdlab_sims.optics.philox._kernels import UNIT, log_unit, philox

__all__ = ["draw_jitter", "fill_lateness"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint32]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@kernel
def draw_jitter(tick_begin: int, keys: Keys, label: Integers, words: Words) -> None:
    """Write the four words of each event that say how late its tag is.

    label: number of the event with its tick, counted from the first, above 32 bits
    """
    k0, k1 = keys[0, 0], keys[0, 1]
    first = np.uint64(tick_begin)
    one, two, three, four = words[0], words[1], words[2], words[3]
    # no branches: the compiler makes vector code of it
    for i in range(label.shape[0]):
        event = np.uint64(label[i])
        tick = first + (event >> _HALF)
        a, b, c, d = philox(event & _LOW, JITTER, tick & _LOW, tick >> _HALF, k0, k1)
        one[i], two[i], three[i], four[i] = a, b, c, d


@kernel
def fill_lateness(
    wire: Wire,
    label: Integers,
    sigma_ps: Floats,
    words: Words,
    scratch: Floats,
    shift_ps: Floats,
) -> None:
    """Write how late the clicks of some events are.

    label: negative of events that have no tail; sigma_ps: of each; words: of
    `draw_jitter`; scratch: float64[2, n], room to work in
    """
    n = label.shape[0]
    within, parts = scratch[0], scratch[1].view(np.uint32)
    fill_normals(words[0], words[1], sigma_ps, parts, within, shift_ps[:n])
    if wire.tail_fraction <= 0.0:
        return
    # few are in the tail: they are listed first, without a branch, and the number of
    # one that is not is overwritten
    which, lateness = words[2], words[3]
    below = wire.tail_fraction / UNIT - 0.5
    m = np.uint64(0)
    for i in range(n):
        parts[m] = i
        m += np.uint64((which[i] < below) & (label[i] >= 0))
    for k in range(m):
        late = np.uint64(parts[k])
        shift_ps[late] -= wire.tail_ps * log_unit(np.uint64(lateness[late]))
