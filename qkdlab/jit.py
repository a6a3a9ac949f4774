"""The decorators of every compiled kernel and intrinsic.

Importing this module loads numba (0.35 s of CPU), so only `_kernels` and `_intrinsics`
modules import it, and those are imported inside the functions that use them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.extending import intrinsic as numba_intrinsic

__all__ = ["intrinsic", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` for speed: cached on disk, without the interpreter lock.

    Division by zero gives inf or nan, as in NumPy, instead of an exception. A kernel
    takes and returns NumPy arrays and scalars only, and stays free of checks: its
    caller checks. Each kernel has a plain reference in the tests.

    Where no folder for the cache can be written (a system's installation, a user
    without a home) it is compiled anew by every process, with a warning.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        warnings.warn(
            "compiled kernels cannot be kept, so every start compiles them anew: set "
            "NUMBA_CACHE_DIR to a folder that you can write",
            stacklevel=1,
        )
        compiled = numba.njit(**options)(function)
    return cast("Callable[P, R]", compiled)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an intrinsic of a function of numba's typing context and types.

    The function returns the signature and the code that LLVM gets for it. No intrinsic
    is called on a CPU that lacks its instruction: its caller asks `qkdlab.cpu`.
    """
    return cast("Callable[..., Any]", numba_intrinsic(function))
