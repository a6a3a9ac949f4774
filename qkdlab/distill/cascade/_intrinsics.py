"""Instructions that numba reaches through LLVM; any CPU has them."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.jit import intrinsic

__all__ = ["last_one", "prefetch"]

I32, BYTE_POINTER = ir.IntType(32), ir.IntType(8).as_pointer()
ZERO_IS_UNDEFINED = ir.Constant(ir.IntType(1), 1)


@intrinsic
def last_one(typing, word):
    """Return the index of the highest one of a word that is not zero."""

    def code(context, builder, signature, arguments):
        zeros = builder.ctlz(arguments[0], ZERO_IS_UNDEFINED)
        return builder.sub(ir.Constant(zeros.type, 63), zeros)

    return types.int64(types.uint64), code


@intrinsic
def prefetch(typing, array, at):
    """Ask for the line of the cache in which an element lies that will be wanted."""
    signature = types.void(array, types.int64)

    def code(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0])
        where = builder.bitcast(builder.gep(data.data, [arguments[1]]), BYTE_POINTER)
        kind = ir.FunctionType(ir.VoidType(), [BYTE_POINTER, I32, I32, I32])
        name = "llvm.prefetch.p0i8"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        # to read, to be kept in all caches, data
        builder.call(function, [where, I32(0), I32(3), I32(1)])
        return context.get_dummy_value()

    return signature, code
