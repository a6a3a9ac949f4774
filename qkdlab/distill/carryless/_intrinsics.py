"""Vector instructions that numba reaches through LLVM.

Arrays are contiguous uint64, offsets and lengths count words. `lanes` is a tuple whose
length is the width of a vector (see `lanes`); no intrinsic is called on a CPU that
lacks its instruction.
"""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.jit import intrinsic

__all__ = ["copy", "low_product", "multiply_rows", "xor_both", "xor_into"]


I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_NAMES = {
    2: "llvm.x86.pclmulqdq",
    4: "llvm.x86.pclmulqdq.256",
    8: "llvm.x86.pclmulqdq.512",
}


def vector_of(width: int) -> ir.VectorType:
    """Return the type of a vector of words."""
    return ir.VectorType(I64, width)


def carryless(builder: Any, width: int) -> Any:
    """Return the product instruction of a width, to be called with (a, b, which)."""
    vector = vector_of(width)
    kind = ir.FunctionType(vector, [vector, vector, I8])
    return cgutils.get_or_insert_function(builder.module, kind, _NAMES[width])


def shuffled(builder: Any, a: Any, b: Any, picks: list[int]) -> Any:
    """Return the words `picks` of the concatenation of two vectors."""
    mask = ir.Constant(ir.VectorType(I32, len(picks)), picks)
    return builder.shuffle_vector(a, b, mask)


def spread(builder: Any, word: Any, width: int) -> Any:
    """Return a vector with one word in all places."""
    nothing = ir.Constant(vector_of(width), ir.Undefined)
    one = builder.insert_element(nothing, word, I32(0))
    return shuffled(builder, one, nothing, [0] * width)


def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the pointer to an array's first word."""
    return context.make_array(kind)(context, builder, array).data


def place(builder: Any, pointer: Any, at: Any, width: int) -> Any:
    """Return the pointer to the vector that begins at word `at`."""
    word = builder.gep(pointer, [at])
    return builder.bitcast(word, vector_of(width).as_pointer())


@intrinsic
def multiply_rows(typing, lanes, groups, t, t_at, x, x_at, n, out, out_at):
    """Add rows of a Toeplitz product of words to `out`; return what is due before.

    With A[i] = XOR_j t[t_at + i - j] x[x_at + j] over j < n, a sum of 128-bit products,
    row i < len(groups) len(lanes) gets the high word of A[i] and the low word of
    A[i + 1]; the last row lacks its low word, and the low word of A[0], returned, is
    due to the row before the first.
    """
    width, n_groups = len(lanes), len(groups)
    signature = types.uint64(
        lanes, groups, t, types.int64, x, types.int64, types.int64, out, types.int64
    )

    def code(context, builder, signature, arguments):
        kinds = signature.args
        t_data = data_of(context, builder, kinds[2], arguments[2])
        x_data = data_of(context, builder, kinds[4], arguments[4])
        out_data = data_of(context, builder, kinds[7], arguments[7])
        t_first, x_first, count, out_first = (arguments[i] for i in (3, 5, 6, 8))
        product = carryless(builder, width)
        zero = ir.Constant(vector_of(width), [0] * width)
        even = [cgutils.alloca_once_value(builder, zero) for _ in range(n_groups)]
        odd = [cgutils.alloca_once_value(builder, zero) for _ in range(n_groups)]
        with cgutils.for_range(builder, count) as loop:
            word = builder.load(builder.gep(x_data, [builder.add(x_first, loop.index)]))
            factor = spread(builder, word, width)
            first = builder.sub(t_first, loop.index)
            for g in range(n_groups):
                at = builder.add(first, I64(g * width))
                row = builder.load(place(builder, t_data, at, width), align=8)
                for sums, which in ((even, 0), (odd, 1)):
                    more = builder.call(product, [row, factor, I8(which)])
                    builder.store(builder.xor(builder.load(sums[g]), more), sums[g])
        evens = [builder.load(one) for one in even]
        odds = [builder.load(one) for one in odd]
        for g in range(n_groups):
            after = evens[g + 1] if g + 1 < n_groups else zero
            # rows 2i: high of A[2i], low of A[2i + 1]; rows 2i + 1 likewise, with the
            # next even sum
            a = shuffled(
                builder,
                evens[g],
                odds[g],
                [1 + 2 * (i // 2) + (width if i % 2 else 0) for i in range(width)],
            )
            following = shuffled(builder, evens[g], after, list(range(2, width + 2)))
            b = shuffled(
                builder,
                odds[g],
                following,
                [i if i % 2 == 0 else width + i - 1 for i in range(width)],
            )
            at = builder.add(out_first, I64(g * width))
            where = place(builder, out_data, at, width)
            total = builder.xor(builder.load(where, align=8), builder.xor(a, b))
            builder.store(total, where, align=8)
        return builder.extract_element(evens[0], I32(0))

    return signature, code


@intrinsic
def low_product(typing, t, t_at, x, x_at, n):
    """Return the low word of XOR_j t[t_at - j] x[x_at + j] over j < n."""
    signature = types.uint64(t, types.int64, x, types.int64, types.int64)

    def code(context, builder, signature, arguments):
        t_data = data_of(context, builder, signature.args[0], arguments[0])
        x_data = data_of(context, builder, signature.args[2], arguments[2])
        zero = ir.Constant(vector_of(2), [0, 0])
        total = cgutils.alloca_once_value(builder, zero)
        product = carryless(builder, 2)
        with cgutils.for_range(builder, arguments[4]) as loop:
            at = builder.sub(arguments[1], loop.index)
            a = builder.load(builder.gep(t_data, [at]))
            at = builder.add(arguments[3], loop.index)
            b = builder.load(builder.gep(x_data, [at]))
            pair = [builder.insert_element(zero, one, I32(0)) for one in (a, b)]
            more = builder.call(product, [*pair, I8(0)])
            builder.store(builder.xor(builder.load(total), more), total)
        return builder.extract_element(builder.load(total), I32(0))

    return signature, code


def _written(lanes: Any, arrays: list[Any], summed: list[int]) -> Any:
    """Write the sum of some of the arrays, by their numbers, to the first of them.

    Arguments are lanes, each array with its offset, and the number of words.
    """
    width = len(lanes)
    pairs = [kind for array in arrays for kind in (array, types.int64)]
    signature = types.void(lanes, *pairs, types.int64)

    def code(context, builder, signature, arguments):
        first, datas = arguments[2:-1:2], []
        for i in range(1, len(arguments) - 1, 2):
            datas.append(data_of(context, builder, signature.args[i], arguments[i]))
        n = builder.sdiv(arguments[-1], I64(width))
        with cgutils.for_range(builder, n) as loop:
            step = builder.mul(loop.index, I64(width))
            places = [
                place(builder, data, builder.add(at, step), width)
                for data, at in zip(datas, first, strict=True)
            ]
            words = [builder.load(places[i], align=8) for i in summed]
            builder.store(reduce(builder.xor, words), places[0], align=8)
        return context.get_dummy_value()

    return signature, code


@intrinsic
def copy(typing, lanes, out, out_at, a, a_at, n):
    """Copy n words of `a` to `out`; n is a whole number of vectors."""
    return _written(lanes, [out, a], [1])


@intrinsic
def xor_into(typing, lanes, out, out_at, a, a_at, n):
    """Add n words of `a` to `out`; n is a whole number of vectors."""
    return _written(lanes, [out, a], [0, 1])


@intrinsic
def xor_both(typing, lanes, out, out_at, a, a_at, b, b_at, n):
    """Write the sum of n words of `a` and `b` to `out`; n is whole vectors."""
    return _written(lanes, [out, a, b], [1, 2])
