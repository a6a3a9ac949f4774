"""Asking for lines of the cache in advance, which numba reaches through LLVM."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.jit import intrinsic

__all__ = ["ask_for", "prefetch"]

I32, BYTE_POINTER = ir.IntType(32), ir.IntType(8).as_pointer()


def ask_for(builder: Any, where: Any) -> None:
    """Ask for the line of the cache in which a byte lies, given its pointer."""
    kind = ir.FunctionType(ir.VoidType(), [BYTE_POINTER, I32, I32, I32])
    name = "llvm.prefetch.p0i8"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    # to read, to be kept in all caches, data
    builder.call(function, [where, I32(0), I32(3), I32(1)])


@intrinsic
def prefetch(typing, array, at):
    """Ask for the line of the cache in which an element lies that will be wanted."""
    signature = types.void(array, types.int64)

    def code(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0])
        where = builder.gep(data.data, [arguments[1]])
        ask_for(builder, builder.bitcast(where, BYTE_POINTER))
        return context.get_dummy_value()

    return signature, code
