"""The decorators of the compiled kernels of optics, which stands on numba alone.

As `qkdlab.jit`: cached on disk, without the interpreter lock, dividing by zero as NumPy
does; compiled anew by every process where no cache can be written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

__all__ = ["inlined", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function`."""
    return _compiled(function)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` into whatever calls it."""
    return _compiled(function, inline="always")


def _compiled(function: Callable[P, R], **more: Any) -> Callable[P, R]:
    options = {"nogil": True, "error_model": "numpy", **more}
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
