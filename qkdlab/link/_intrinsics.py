"""Eight bytes of a list at a time, which numba reaches through LLVM."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types

from qkdlab.jit import intrinsic

__all__ = ["eight_bytes"]

I64 = ir.IntType(64)


@intrinsic
def eight_bytes(typing, values, at):
    """Return values[at] to values[at + 7] side by side, in the machine's order."""
    signature = types.uint64(values, types.int64)

    def code(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        where = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(where, I64.as_pointer()), align=1)

    return signature, code
