"""Means of neighbouring detectors side by side, which numba reaches through LLVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "N_PARTS", "count_passed"]

LANES = 4
"""Detectors that are looked at together."""

N_PARTS = 4
"""Parts of a mean: powers of both lights, cosine and sine of the phase."""

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_FLOATS = types.Array(types.float64, 1, "C")


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the instructions of `count_passed`."""
    del signature
    table, at, parts, first, pick = args
    steps, factors = (
        context.make_array(_FLOATS)(context, builder, array).data
        for array in (table, parts)
    )
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)

    def spread(value: Any) -> Any:
        one = builder.insert_element(nothing, value, _INDEX(0))
        return builder.shuffle_vector(one, nothing, everywhere)

    def product(part: int) -> Any:
        place = builder.add(at, ir.Constant(_WORD, LANES * part))
        pointer = builder.bitcast(builder.gep(steps, [place]), _VECTOR.as_pointer())
        factor = builder.gep(factors, [builder.add(first, ir.Constant(_WORD, part))])
        return builder.fmul(
            builder.load(pointer, align=8), spread(builder.load(factor))
        )

    means = builder.fadd(
        builder.fadd(product(0), product(1)), builder.fadd(product(2), product(3))
    )
    truth = builder.fcmp_ordered("<=", means, spread(pick))
    bits = builder.bitcast(truth, ir.IntType(LANES))
    return builder.ctpop(builder.zext(bits, _WORD))


def _count_passed(
    typing_context: Any, table: Any, at: Any, parts: Any, first: Any, pick: Any
) -> tuple[Any, Any]:
    """Tell numba the types of `count_passed` and who writes it."""
    del typing_context, table, at, parts, first, pick
    word: Any = types.uint64
    kinds = _FLOATS, types.uint64, _FLOATS, types.uint64, types.float64
    return word(*kinds), _generate


count_passed = cast(
    "Callable[[Any, Any, Any, Any, Any], Any]", intrinsic(_count_passed)
)
"""Return how many of `LANES` sums are at most `pick`.

Arguments: table, float64[n]; at; parts, float64[n]; first; pick. Sum d is that of
table[at + LANES p + d] parts[first + p] over p below `N_PARTS`.
"""
