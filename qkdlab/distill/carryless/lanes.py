"""How many 64-bit words this CPU multiplies without carries at once."""

from __future__ import annotations

from qkdlab import cpu

__all__ = ["LANES", "Lanes", "lanes_of_this_cpu", "width_to_use"]

Lanes = tuple[int, ...]
"""A tuple whose length is the number of words in a vector.

Kernels are compiled anew for each length: the type tells the width, so that one process
can run all widths that the CPU has, and caches on disk keep them apart.
"""

LANES: tuple[int, ...] = (8, 4, 2)
"""Words in a vector of AVX-512 and AVX2 with VPCLMULQDQ, and of plain PCLMULQDQ."""


def lanes_of_this_cpu() -> tuple[int, ...]:
    """Return the widths that this CPU has, widest first; empty when it has none."""
    has = cpu.features()
    found = []
    if {"vpclmulqdq", "avx512bw"} <= has:
        found.append(8)
    if {"vpclmulqdq", "avx2"} <= has:
        found.append(4)
    if {"pclmul", "ssse3"} <= has:
        found.append(2)
    return tuple(found)


def width_to_use(wanted: int | None) -> int:
    """Return the wanted width of vectors, or without one the widest that there is.

    Raises ValueError for a width that this CPU lacks.
    """
    known = lanes_of_this_cpu()
    width = wanted if wanted is not None else max(known, default=0)
    if width not in known:
        raise ValueError(f"this CPU has no carry-less product of {width} words")
    return width
