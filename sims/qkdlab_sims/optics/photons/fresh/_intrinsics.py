"""Comparisons side by side that numba reaches through LLVM, on any processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "count_reached"]

LANES = 4
"""Steps that are compared at once."""

_FLOAT, _WORD = ir.DoubleType(), ir.IntType(64)
_STEPS = types.Array(types.float64, 1, "C")


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the instructions of `count_reached`."""
    del signature
    steps, at, pick = args
    vector = ir.VectorType(_FLOAT, LANES)
    data = context.make_array(_STEPS)(context, builder, steps).data
    pointer = builder.bitcast(builder.gep(data, [at]), vector.as_pointer())
    nothing = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(nothing, pick, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    picks = builder.shuffle_vector(one, nothing, everywhere)
    truth = builder.fcmp_ordered("<=", builder.load(pointer, align=8), picks)
    bits = builder.bitcast(truth, ir.IntType(LANES))
    return builder.ctpop(builder.zext(bits, _WORD))


def _count_reached(
    typing_context: Any, steps: Any, at: Any, pick: Any
) -> tuple[Any, Any]:
    """Tell numba the types of `count_reached` and who writes it."""
    del typing_context, steps, at, pick
    word: Any = types.uint64
    return word(_STEPS, types.uint64, types.float64), _generate


count_reached = cast("Callable[[Any, Any, Any], Any]", intrinsic(_count_reached))
"""Return how many of the steps[at] ... steps[at + LANES - 1] are at most `pick`."""
