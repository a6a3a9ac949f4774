"""The AES-128 key schedule, and the tables of rounds done in software.

Source: FIPS 197 (2001), sections 4.2, 5.1 and 5.2; tables as of Daemen and Rijmen, The
Design of Rijndael (2002), section 4.2. The tables are looked up by secret data, so
their time depends on it: for simulated transmitters only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["S_BOX", "TABLE", "expand_key"]

_POLYNOMIAL = 0x11B


def _times(a: int, b: int) -> int:
    """Return the product in GF(2^8)."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (_POLYNOMIAL if a & 0x80 else 0)
        b >>= 1
    return product


def _substitute(a: int) -> int:
    """Return SubBytes of one byte: the affine map of its inverse."""
    inverse = 1
    for _ in range(254):
        inverse = _times(inverse, a)
    out = 0x63
    for turn in range(5):
        out ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
    return out


S_BOX: NDArray[np.uint8] = np.array([_substitute(a) for a in range(256)], np.uint8)
"""SubBytes."""

TABLE: NDArray[np.uint64] = np.array(
    [
        _times(2, s) | s << 8 | s << 16 | _times(3, s) << 24
        for s in (int(_byte) for _byte in S_BOX)
    ],
    np.uint64,
)
"""A column of MixColumns after SubBytes of a byte in row 0, row 0 in the low bits."""


def expand_key(key: bytes) -> NDArray[np.uint64]:
    """Return the 11 round keys, uint64[22], words in the order of their bytes."""
    if len(key) != 16:
        raise ValueError("an AES-128 key has 16 bytes")
    words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = [int(S_BOX[b]) for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _times(2, constant)
        words.append([a ^ b for a, b in zip(words[i - 4], word, strict=True)])
    data = bytes(b for word in words for b in word)
    return np.frombuffer(data, "<u8").astype(np.uint64)
