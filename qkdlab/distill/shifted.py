"""A string of bits moved up, as the products without carries want their seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shifted"]


def shifted(words: NDArray[np.uint64], by: int, n_words: int) -> NDArray[np.uint64]:
    """Return uint64[n_words]: the bits of `words` from bit `by` on, zeros elsewhere.

    All of `words` but zeros at its end must fit.
    """
    out = np.zeros(max(n_words, by // 64 + words.size) + 1, np.uint64)
    first, shift = divmod(by, 64)
    out[first : first + words.size] = words << np.uint64(shift)
    if shift:
        out[first + 1 : first + 1 + words.size] |= words >> np.uint64(64 - shift)
    return out[:n_words]
