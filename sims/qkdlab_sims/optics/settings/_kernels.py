"""Compiled AES-128 in counter mode for any pulses, and what its words choose.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.settings.aes import S_BOX, TABLE
from qkdlab_sims.optics.settings.processor import aes_block

__all__ = ["fill_blocks", "fill_settings"]

Word: TypeAlias = np.uint64
Words: TypeAlias = NDArray[np.uint64]
Integers: TypeAlias = NDArray[np.int64]

_BYTE = np.uint64(0xFF)
_LOW = np.uint64(0xFFFFFFFF)
_W8, _W16, _W24, _W32 = np.uint64(8), np.uint64(16), np.uint64(24), np.uint64(32)
_THREE, _FOUR = np.uint64(3), np.uint64(4)
_WORD = np.uint64(0xFFFF)
_S_BOX = S_BOX.astype(np.uint64)


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
    """Return the same as `processor.aes_block`, by tables."""
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
def fill_blocks(
    blocks: Integers, nonce: Word, round_keys: Words, hardware: bool, out: Words
) -> None:
    """Write blocks of the keystream, each as two little-endian words, to `out`.

    out: uint64[2, n]; hardware: by the processor's AES rounds, which it must have
    """
    if hardware:
        for i in range(blocks.shape[0]):
            out[0, i], out[1, i] = aes_block(round_keys, nonce, np.uint64(blocks[i]))
    else:
        for i in range(blocks.shape[0]):
            a, b = _software_block(round_keys, nonce, np.uint64(blocks[i]))
            out[0, i], out[1, i] = a, b


@kernel
def fill_settings(
    pulses: Integers,
    nonce: Word,
    round_keys: Words,
    hardware: bool,
    sums: Integers,
    blocks: Integers,
    words: Words,
    out: Integers,
) -> None:
    """Write the settings of pulses, counted from the start, to `out`.

    sums: int64[n_classes - 1], counts of the classes added up, without the last;
    blocks: int64[n] and words: uint64[2, n], scratch
    """
    n = pulses.shape[0]
    for i in range(n):
        blocks[i] = pulses[i] >> 3
    fill_blocks(blocks[:n], nonce, round_keys, hardware, words)
    # loops without branches, which the compiler turns into vector code
    for i in range(n):
        place = np.uint64(pulses[i])
        half = words[1, i] if place & _FOUR else words[0, i]
        blocks[i] = np.int64(half >> ((place & _THREE) << _FOUR) & _WORD)
    for i in range(n):
        out[i] = blocks[i] & 1
    for j in range(sums.shape[0]):
        least = 2 * sums[j]
        for i in range(n):
            out[i] += 2 * np.int64(least <= blocks[i])
