"""Products of words as polynomials over GF(2), by the CPU's own instruction."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types

from qkdlab.distill.carryless._intrinsics import I8, I32, carryless, vector_of
from qkdlab.jit import intrinsic

__all__ = ["product_of_words"]


@intrinsic
def product_of_words(typing, a, b):
    """Return low and high word of the carry-less product of two words."""

    def code(context, builder, signature, arguments):
        nothing = ir.Constant(vector_of(2), [0, 0])
        pair = [builder.insert_element(nothing, one, I32(0)) for one in arguments]
        product = builder.call(carryless(builder, 2), [*pair, I8(0)])
        halves = [builder.extract_element(product, I32(i)) for i in (0, 1)]
        return context.make_tuple(builder, signature.return_type, halves)

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), code
