"""Compiled kernels of `BitArray`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["gather"]


@kernel
def gather(
    words: NDArray[np.uint64], indices: NDArray[np.int64], out: NDArray[np.uint64]
) -> None:
    """Set bit i of `out` to bit ``indices[i]`` of `words`."""
    one = np.uint64(1)
    for w in range(out.size):
        word = np.uint64(0)
        first = 64 * w
        for bit in range(min(64, indices.size - first)):
            index = indices[first + bit]
            word |= ((words[index >> 6] >> np.uint64(index & 63)) & one) << np.uint64(
                bit
            )
        out[w] = word
