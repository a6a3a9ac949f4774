"""An instruction on words that numba reaches through LLVM; any CPU has it."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types

from qkdlab.jit import intrinsic

__all__ = ["last_one"]

ZERO_IS_UNDEFINED = ir.Constant(ir.IntType(1), 1)


@intrinsic
def last_one(typing, word):
    """Return the index of the highest one of a word that is not zero."""

    def code(context, builder, signature, arguments):
        zeros = builder.ctlz(arguments[0], ZERO_IS_UNDEFINED)
        return builder.sub(ir.Constant(zeros.type, 63), zeros)

    return types.int64(types.uint64), code
