"""Values of a polynomial from its coefficients, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.additive_fft.constants import constants_for

__all__ = ["evaluate", "interpolate"]


def evaluate(a: NDArray[np.uint64], width: int) -> None:
    """Replace 2^k coefficients in `a` by the values on the span of the Cantor basis.

    Value j belongs to the sum of the elements of the basis where j has ones. k is 12
    or more; width: words in a vector.
    """
    from qkdlab.distill.additive_fft import _kernels as kernels

    k, lanes = a.size.bit_length() - 1, (0,) * width
    given = constants_for(k, width)
    kernels.convert(lanes, a, k, given.top, given.upper, given.lower, False)
    kernels.forward(lanes, a, k, given.table, given.bases, given.within)


def interpolate(a: NDArray[np.uint64], width: int) -> None:
    """Undo `evaluate`."""
    from qkdlab.distill.additive_fft import _kernels as kernels

    k, lanes = a.size.bit_length() - 1, (0,) * width
    given = constants_for(k, width)
    kernels.backward(lanes, a, k, given.table, given.bases, given.within)
    kernels.convert(lanes, a, k, given.top, given.upper, given.lower, True)
