"""What the CPU of this machine can do, as LLVM sees it."""

from __future__ import annotations

from functools import cache

__all__ = ["features", "name"]


@cache
def features() -> frozenset[str]:
    """Return the instruction sets that this CPU has, by LLVM's names."""
    from llvmlite import binding

    found = binding.get_host_cpu_features()
    return frozenset(name for name, present in found.items() if present)


@cache
def name() -> str:
    """Return LLVM's name of the CPU, as `znver3`."""
    from llvmlite import binding

    return str(binding.get_host_cpu_name())
