"""The decorator of every compiled kernel.

Importing this module loads numba (0.35 s of CPU), so only `_kernels` modules import it,
and those are imported inside the functions that use them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` for speed: cached on disk, without the interpreter lock.

    Division by zero gives inf or nan, as in NumPy, instead of an exception. A kernel
    takes and returns NumPy arrays and scalars only, and stays free of checks: its
    caller checks. Each kernel has a plain reference in the tests.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)
