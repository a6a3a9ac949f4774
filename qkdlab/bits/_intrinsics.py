"""Instructions on whole words of bits that numba reaches through LLVM."""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.jit import intrinsic

__all__ = ["count_ones", "extract_bits", "first_one", "last_one", "pack_64"]

I8, I64 = ir.IntType(8), ir.IntType(64)
BYTES = 64
ZERO_IS_UNDEFINED = ir.Constant(ir.IntType(1), 1)


@intrinsic
def extract_bits(typing, word, mask):
    """Return the bits of `word` where `mask` has ones, moved together (BMI2)."""
    signature = types.uint64(types.uint64, types.uint64)

    def code(context, builder, signature, arguments):
        kind = ir.FunctionType(I64, [I64, I64])
        name = "llvm.x86.bmi.pext.64"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, arguments)

    return signature, code


@intrinsic
def count_ones(typing, word):
    """Return the number of ones in a word, as LLVM counts them on any CPU."""

    def code(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


@intrinsic
def first_one(typing, word):
    """Return the index of the lowest one of a word that is not zero, on any CPU."""

    def code(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ZERO_IS_UNDEFINED)

    return types.uint64(types.uint64), code


@intrinsic
def last_one(typing, word):
    """Return the index of the highest one of a word that is not zero, on any CPU."""

    def code(context, builder, signature, arguments):
        zeros = builder.ctlz(arguments[0], ZERO_IS_UNDEFINED)
        return builder.sub(I64(63), zeros)

    return types.int64(types.uint64), code


@intrinsic
def pack_64(typing, values, at, bit):
    """Return as a word bit `bit` of each of the 64 bytes from values[at] on.

    A vector of 64 truth values is a word: two or four instructions where the CPU has
    vectors, and right on every other.
    """
    signature = types.uint64(values, types.int64, types.uint8)

    def code(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector = ir.VectorType(I8, BYTES)
        where = builder.gep(array.data, [arguments[1]])
        where = builder.bitcast(where, vector.as_pointer())
        nothing = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(nothing, arguments[2], ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), BYTES), [0] * BYTES)
        shift = builder.shuffle_vector(one, nothing, everywhere)
        shifted = builder.lshr(builder.load(where, align=1), shift)
        truth = builder.trunc(shifted, ir.VectorType(ir.IntType(1), BYTES))
        return builder.bitcast(truth, I64)

    return signature, code
