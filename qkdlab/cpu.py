"""What the CPU of this machine can do, as LLVM sees it, and compiled code may use."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["features", "name"]


@cache
def features() -> frozenset[str]:
    """Return the instruction sets that kernels may use, by LLVM's names.

    This CPU has them, the system keeps their registers (LLVM asks both [doc]), and
    numba compiles for them: code for fewer is asked for by NUMBA_CPU_NAME,
    NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX, for instance where machines share a cache,
    and an instruction that such code lacks would end the process.
    """
    from llvmlite import binding
    from numba.core.registry import cpu_target

    target: Any = cpu_target
    _, _, compiled_for = target.target_context.codegen().magic_tuple()
    found = binding.get_host_cpu_features()
    return frozenset(
        name for name in found if found[name] and f"+{name}" in compiled_for.split(",")
    )


@cache
def name() -> str:
    """Return LLVM's name of the CPU, as `znver3`."""
    from llvmlite import binding

    return str(binding.get_host_cpu_name())
