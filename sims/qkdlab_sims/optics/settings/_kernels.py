"""Compiled AES-128 in counter mode for any pulses, and what its words choose.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.settings._intrinsics import load_four
from qkdlab_sims.optics.settings.aes import S_BOX, TABLE
from qkdlab_sims.optics.settings.processor import GROUP, encrypt_group

__all__ = [
    "NO_LAW",
    "SCRATCH",
    "Law",
    "encrypt",
    "fill_contexts",
    "fill_contexts_by",
]

Word: TypeAlias = np.uint64
Words: TypeAlias = NDArray[np.uint64]
Integers: TypeAlias = NDArray[np.int64]

_BYTE = np.uint64(0xFF)
_LOW = np.uint64(0xFFFFFFFF)
_W8, _W16, _W24, _W32 = np.uint64(8), np.uint64(16), np.uint64(24), np.uint64(32)
_ONE, _THREE, _SEVEN = np.uint64(1), np.uint64(3), np.uint64(7)
_S_BOX = S_BOX.astype(np.uint64)
_BATCH = 512  # pulses whose blocks stay in the nearest cache; a multiple of `GROUP`
_SIXTEEN, _SHORT = np.uint64(16), np.uint64(0xFFFF)


@inlined
def _column(a: Word, b: Word, c: Word, d: Word, key: Word) -> Word:
    """Return a column after a round, from the columns that ShiftRows takes it from."""
    x = TABLE[a & _BYTE]
    y = TABLE[b >> _W8 & _BYTE]
    z = TABLE[c >> _W16 & _BYTE]
    w = TABLE[d >> _W24]
    x ^= (y << _W8 | y >> _W24) ^ (z << _W16 | z >> _W16) ^ (w << _W24 | w >> _W8)
    return np.uint64((x & _LOW) ^ key)


@inlined
def _last_column(a: Word, b: Word, c: Word, d: Word, key: Word) -> Word:
    """Return a column after the last round, which has no MixColumns."""
    low = _S_BOX[a & _BYTE] | _S_BOX[b >> _W8 & _BYTE] << _W8
    high = _S_BOX[c >> _W16 & _BYTE] << _W16 | _S_BOX[d >> _W24] << _W24
    return np.uint64((low | high) ^ key)


@inlined
def _swapped(word: Word) -> Word:
    """Return the 8 bytes of a word in the other order."""
    out = np.uint64(0)
    for _ in range(8):
        out = out << _W8 | word & _BYTE
        word >>= _W8
    return np.uint64(out)


@kernel
def _software_block(
    round_keys: Words, nonce: Word, counter: Word
) -> tuple[np.uint64, np.uint64]:
    """Return AES-128(key, nonce || counter) as two little-endian words, by tables."""
    first, second = _swapped(nonce) ^ round_keys[0], _swapped(counter) ^ round_keys[1]
    a, b, c, d = first & _LOW, first >> _W32, second & _LOW, second >> _W32
    for i in range(1, 10):
        key, more = round_keys[2 * i], round_keys[2 * i + 1]
        a, b, c, d = (
            _column(a, b, c, d, key & _LOW),
            _column(b, c, d, a, key >> _W32),
            _column(c, d, a, b, more & _LOW),
            _column(d, a, b, c, more >> _W32),
        )
    key, more = round_keys[20], round_keys[21]
    e = _last_column(a, b, c, d, key & _LOW)
    f = _last_column(b, c, d, a, key >> _W32)
    g = _last_column(c, d, a, b, more & _LOW)
    h = _last_column(d, a, b, c, more >> _W32)
    return np.uint64(e | f << _W32), np.uint64(g | h << _W32)


@kernel
def encrypt(
    counters: Words,
    before: int,
    law_key: tuple[Words, Word, bool],
    stride: int,
    out: Words,
) -> None:
    """Write the blocks counters[i] - before of the keystream to `out`.

    law_key: round keys, nonce, and whether by the processor's AES rounds, which it
    must have then. counters: uint64[n], n a multiple of `GROUP`. Block i makes two
    little-endian words, out[stride i] and the next.
    """
    round_keys, nonce, hardware = law_key
    apart, less = np.uint64(stride), np.uint64(before)
    if hardware:
        for i in range(np.uint64(0), np.uint64(counters.shape[0]), np.uint64(GROUP)):
            encrypt_group(round_keys, nonce, counters, less, i, apart, out)
    else:
        for i in range(counters.shape[0]):
            a, b = _software_block(round_keys, nonce, counters[i] - less)
            out[stride * i], out[stride * i + 1] = a, b


SCRATCH = 6 * _BATCH
"""Words of memory that `fill_contexts_by` wants."""


class Law(NamedTuple):
    """How the settings of a pulse and of those before it make its context.

    The context is a sum over lags j = 0 ... n of the part of the setting of pulse
    k - j. A part is base + offset value + sum of (step + value more) over the bounds
    that the draw has reached, value and draw as in `layout`.

    start:       pulse with which the keystream begins
    n_bounds:    int32[n + 1]
    bounds, step, more: int32[n + 1, most bounds]
    base, offset:       int32[n + 1]
    round_keys:  uint64[22]
    hardware:    by the processor's AES rounds
    """

    start: int
    n_bounds: NDArray[np.int32]
    bounds: NDArray[np.int32]
    step: NDArray[np.int32]
    more: NDArray[np.int32]
    base: NDArray[np.int32]
    offset: NDArray[np.int32]
    round_keys: Words
    nonce: Word
    hardware: bool


def _no_law() -> Law:
    none, table = np.zeros(0, np.int32), np.zeros((0, 0), np.int32)
    keys = np.zeros(22, np.uint64)
    return Law(0, none, table, table, table, none, none, keys, np.uint64(0), False)


NO_LAW = _no_law()
"""In place of a law, for light whose pattern repeats."""


@kernel
def _add_parts(
    lag: int, law: Law, drawn: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Add the parts that the settings of one lag have in the contexts."""
    # loops without branches, which the compiler turns into vector code
    n = drawn.shape[0]
    base, offset = law.base[lag], law.offset[lag]
    if lag == 0:
        for i in range(n):
            out[i] = base + (offset & -(drawn[i] & 1))
    else:
        for i in range(n):
            out[i] += base + (offset & -(drawn[i] & 1))
    n_bounds, j = law.n_bounds[lag], 0
    while j < n_bounds:
        # twice the draw, so that the value's bit does not matter
        bound = np.int32(2 * law.bounds[lag, j])
        step, more = law.step[lag, j], law.more[lag, j]
        j += 1
        if more != 0:
            for i in range(n):
                part = step + (more & -(drawn[i] & 1))
                out[i] += part if bound <= drawn[i] else 0
        elif j < n_bounds and law.more[lag, j] == 0:
            # two at once: half the loads and stores
            above, rise = np.int32(2 * law.bounds[lag, j]), law.step[lag, j]
            j += 1
            for i in range(n):
                out[i] += (step if bound <= drawn[i] else 0) + (
                    rise if above <= drawn[i] else 0
                )
        else:
            for i in range(n):
                out[i] += step if bound <= drawn[i] else 0


@kernel
def _find_windows(
    pulses: NDArray[np.int32], low: Word, lag: Word, blocks: Words, windows: Words
) -> None:
    """Write the keystream of each pulse from `lag` + 3 to `lag` pulses before.

    low: pulse in its block with which `pulses` begin to count; blocks: two of each
    """
    first = _SIXTEEN - np.uint64(8) - _THREE - lag
    for i in range(np.uint64(pulses.shape[0])):
        place = (low + np.uint64(pulses[i])) & _SEVEN
        windows[i] = load_four(blocks, _SIXTEEN * i + first + place)


@kernel
def fill_contexts_by(
    tick_first: int,
    pulses: NDArray[np.int32],
    law: Law,
    scratch: Words,
    out: NDArray[np.int32],
) -> None:
    """Do the same as `fill_contexts` in memory of the caller's.

    scratch: uint64[SCRATCH] with anything in it; for few pulses this is quicker
    """
    first = tick_first - law.start
    n_parts = law.base.shape[0]
    key = (law.round_keys, law.nonce, law.hardware)
    counters, blocks = scratch[:_BATCH], scratch[_BATCH : 5 * _BATCH]
    words = blocks.view(np.uint16)
    drawn = scratch[5 * _BATCH :].view(np.int32)
    low = np.uint64(first & 7)
    n_batches = (pulses.shape[0] + _BATCH - 1) // _BATCH
    length = (pulses.shape[0] // max(1, n_batches) + GROUP) // GROUP * GROUP
    length = min(length, _BATCH)
    for begin in range(0, pulses.shape[0], length):
        few = pulses[begin : begin + length]
        n = few.shape[0]
        for i in range(n):
            counters[i] = np.uint64((first + few[i]) >> 3)
        end = (n + GROUP - 1) // GROUP * GROUP
        for i in range(n, end):
            counters[i] = 0
        theirs, found = out[begin : begin + length], drawn[:n]
        if n_parts == 1:
            encrypt(counters[:end], 0, key, 2, blocks)
            for i in range(n):
                place = (low + np.uint64(few[i])) & _SEVEN
                found[i] = words[np.uint64(8 * i) + place]
            _add_parts(0, law, found, theirs)
            continue
        encrypt(counters[:end], 1, key, 4, blocks)
        encrypt(counters[:end], 0, key, 4, blocks[2:])
        for lag in range(n_parts):
            # one load serves four lags, and the counters are no longer wanted
            if lag % 4 == 0:
                _find_windows(few, low, np.uint64(lag), blocks, counters)
            shift = _SIXTEEN * np.uint64(3 - lag % 4)
            for i in range(n):
                found[i] = np.int32(counters[i] >> shift & _SHORT)
            _add_parts(lag, law, found, theirs)


@kernel
def fill_contexts(
    tick_first: int, pulses: NDArray[np.int32], law: Law, out: NDArray[np.int32]
) -> None:
    """Write the contexts of pulses tick_first + pulses[i], at most 6 lags back."""
    fill_contexts_by(tick_first, pulses, law, np.empty(SCRATCH, np.uint64), out)
