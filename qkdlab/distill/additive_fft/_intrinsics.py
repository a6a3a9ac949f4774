"""Vector instructions of the additive FFT: arithmetic of GF(2^64), many words at once.

Lengths are whole vectors and offsets count words, as in `carryless._intrinsics`.
"""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.distill.carryless._intrinsics import (
    I8,
    I64,
    carryless,
    data_of,
    place,
    shuffled,
    spread,
    vector_of,
)
from qkdlab.jit import intrinsic

__all__ = [
    "add_products",
    "butterflies",
    "butterflies_back",
    "double_butterflies",
    "double_butterflies_back",
    "small_transforms",
    "small_transforms_back",
    "transpose_square",
]


_SHUFFLES = {
    2: "llvm.x86.ssse3.pshuf.b.128",
    4: "llvm.x86.avx2.pshuf.b",
    8: "llvm.x86.avx512.pshuf.b.512",
}


def _overflows() -> list[int]:
    """Return by the four highest bits of a word what its product with the fold adds.

    That product has up to four bits above x^63, and those are folded once more.
    """

    def folded(x: int) -> int:
        return x ^ x << 1 ^ x << 3 ^ x << 4  # times POLYNOMIAL

    return [folded(folded(x) >> 4) for x in range(16)]


def _looked_up(builder: Any, indices: Any, width: int) -> Any:
    """Return the entries of `_overflows` of words below 16."""
    octets = ir.VectorType(I8, 8 * width)
    kind = ir.FunctionType(octets, [octets, octets])
    function = cgutils.get_or_insert_function(builder.module, kind, _SHUFFLES[width])
    # entry 0 is 0: the seven other bytes of a word stay as they are
    table = ir.Constant(octets, _overflows() * (width // 2))
    found = builder.call(function, [table, builder.bitcast(indices, octets)])
    return builder.bitcast(found, vector_of(width))


def product_of(builder: Any, a: Any, b: Any, width: int) -> Any:
    """Return the products of the words of two vectors as elements of the field.

    x^64 is 1 + x + x^3 + x^4 = (1 + x) (1 + x^3): two shifts of the high words, and a
    table for the bits that these push out. As quick as shifts are against products.
    """
    multiply = carryless(builder, width)
    # products of words 0, 2, ... and of words 1, 3, ...
    even, odd = (builder.call(multiply, [a, b, I8(which)]) for which in (0x00, 0x11))
    low, high = (
        shuffled(
            builder,
            even,
            odd,
            [i // 2 * 2 + half + width * (i % 2) for i in range(width)],
        )
        for half in (0, 1)
    )

    def by(n: int) -> Any:
        return ir.Constant(vector_of(width), [n] * width)

    once = builder.xor(high, builder.shl(high, by(1)))
    total = builder.xor(builder.xor(low, once), builder.shl(once, by(3)))
    overflow = _looked_up(builder, builder.lshr(high, by(60)), width)
    return builder.xor(total, overflow)


def forward(builder: Any, low: Any, high: Any, factor: Any, width: int) -> Any:
    """Return (low + factor high, that + high)."""
    low = builder.xor(low, product_of(builder, high, factor, width))
    return low, builder.xor(high, low)


def backward(builder: Any, low: Any, high: Any, factor: Any, width: int) -> Any:
    """Undo `forward`."""
    high = builder.xor(high, low)
    return builder.xor(low, product_of(builder, high, factor, width)), high


def transposed(builder: Any, rows: list[Any], width: int) -> list[Any]:
    """Return the columns of a square of words, in log2(width) rounds of shuffles."""
    step = width // 2
    while step:
        out = list(rows)
        for r in range(width):
            if r & step:
                continue
            a, b = rows[r], rows[r + step]
            # runs of `step` words: the even runs of both, then the odd runs of both
            even, odd = [], []
            for i in range(width):
                run, rest = divmod(i, step)
                source = 0 if run % 2 == 0 else width
                even.append(source + (run - run % 2) * step + rest)
                odd.append(source + (run - run % 2 + 1) * step + rest)
            out[r] = shuffled(builder, a, b, even)
            out[r + step] = shuffled(builder, a, b, odd)
        rows = out
        step //= 2
    return rows


def _butterflies(step: Any) -> Any:
    def build(typing, lanes, a, at, half, factor):
        width = len(lanes)
        signature = types.void(lanes, a, types.int64, types.int64, types.uint64)

        def code(context, builder, signature, arguments):
            data = data_of(context, builder, signature.args[1], arguments[1])
            _, _, first, count, word = arguments
            factor = spread(builder, word, width)
            n = builder.sdiv(count, I64(width))
            with cgutils.for_range(builder, n) as loop:
                low_at = builder.add(first, builder.mul(loop.index, I64(width)))
                low = place(builder, data, low_at, width)
                high = place(builder, data, builder.add(low_at, count), width)
                pair = (builder.load(low, align=8), builder.load(high, align=8))
                pair = step(builder, *pair, factor, width)
                builder.store(pair[0], low, align=8)
                builder.store(pair[1], high, align=8)
            return context.get_dummy_value()

        return signature, code

    return build


@intrinsic
def butterflies(typing, lanes, a, at, half, factor):
    """Transform a[at : at + half] and the `half` words behind by one level."""
    return _butterflies(forward)(typing, lanes, a, at, half, factor)


@intrinsic
def butterflies_back(typing, lanes, a, at, half, factor):
    """Undo `butterflies`."""
    return _butterflies(backward)(typing, lanes, a, at, half, factor)


def _double(inverse: bool) -> Any:
    def build(typing, lanes, a, at, quarter, top, left, right):
        width = len(lanes)
        word = types.uint64
        signature = types.void(lanes, a, types.int64, types.int64, word, word, word)

        def code(context, builder, signature, arguments):
            data = data_of(context, builder, signature.args[1], arguments[1])
            first, count = arguments[2], arguments[3]
            factors = [spread(builder, one, width) for one in arguments[4:]]
            # halves by the first factor, then each half's quarters by its own
            pairs = [(0, 2, 0), (1, 3, 0), (0, 1, 1), (2, 3, 2)]
            n = builder.sdiv(count, I64(width))
            with cgutils.for_range(builder, n) as loop:
                at = builder.add(first, builder.mul(loop.index, I64(width)))
                places = []
                for _ in range(4):
                    places.append(place(builder, data, at, width))
                    at = builder.add(at, count)
                x = [builder.load(one, align=8) for one in places]
                step = backward if inverse else forward
                for low, high, factor in reversed(pairs) if inverse else pairs:
                    x[low], x[high] = step(
                        builder, x[low], x[high], factors[factor], width
                    )
                for one, where in zip(x, places, strict=True):
                    builder.store(one, where, align=8)
            return context.get_dummy_value()

        return signature, code

    return build


@intrinsic
def double_butterflies(typing, lanes, a, at, quarter, top, left, right):
    """Transform the four `quarter` words from a[at] on by two levels.

    top: constant of the upper level; left, right: of the two blocks of the lower one
    """
    build = _double(inverse=False)
    return build(typing, lanes, a, at, quarter, top, left, right)


@intrinsic
def double_butterflies_back(typing, lanes, a, at, quarter, top, left, right):
    """Undo `double_butterflies`."""
    build = _double(inverse=True)
    return build(typing, lanes, a, at, quarter, top, left, right)


def _small(inverse: bool) -> Any:
    def build(typing, lanes, a, at, bases, base, within):
        width = len(lanes)
        signature = types.void(lanes, a, types.int64, bases, types.int64, within)

        def code(context, builder, signature, arguments):
            kinds = signature.args
            data = data_of(context, builder, kinds[1], arguments[1])
            of_square = context.make_array(kinds[3])(context, builder, arguments[3])
            of_row = data_of(context, builder, kinds[5], arguments[5])
            n_squares = builder.extract_value(of_square.shape, 1)
            places = [
                place(builder, data, builder.add(arguments[2], I64(r * width)), width)
                for r in range(width)
            ]
            rows = [builder.load(one, align=8) for one in places]
            rows = transposed(builder, rows, width)
            levels = []
            half, level, row = width // 2, 0, 0
            while half:
                levels.append((half, level, row))
                row += width // (2 * half)
                level, half = level + 1, half // 2
            for half, level, row in reversed(levels) if inverse else levels:
                index = builder.add(builder.mul(I64(level), n_squares), arguments[4])
                common = builder.load(builder.gep(of_square.data, [index]))
                common = spread(builder, common, width)
                for block in range(width // (2 * half)):
                    own = place(builder, of_row, I64((row + block) * width), width)
                    factor = builder.xor(builder.load(own, align=8), common)
                    for c in range(2 * half * block, 2 * half * block + half):
                        step = backward if inverse else forward
                        rows[c], rows[c + half] = step(
                            builder, rows[c], rows[c + half], factor, width
                        )
            rows = transposed(builder, rows, width)
            for one, where in zip(rows, places, strict=True):
                builder.store(one, where, align=8)
            return context.get_dummy_value()

        return signature, code

    return build


@intrinsic
def small_transforms(typing, lanes, a, at, bases, base, within):
    """Transform a square of width blocks of width words by their last levels.

    bases:  uint64[log2 width, squares], by level the constant of the square's first
            block; base: number of the square
    within: uint64[width - 1, width], by level, block within a row and row, what the
            constant of the row's block adds to it
    """
    return _small(inverse=False)(typing, lanes, a, at, bases, base, within)


@intrinsic
def small_transforms_back(typing, lanes, a, at, bases, base, within):
    """Undo `small_transforms`."""
    return _small(inverse=True)(typing, lanes, a, at, bases, base, within)


@intrinsic
def add_products(typing, lanes, out, a, b):
    """Add the products of the elements of `a` and `b` to `out`."""
    width = len(lanes)
    signature = types.void(lanes, out, a, b)

    def code(context, builder, signature, arguments):
        arrays = [
            context.make_array(signature.args[i])(context, builder, arguments[i])
            for i in (1, 2, 3)
        ]
        n = builder.sdiv(builder.extract_value(arrays[0].shape, 0), I64(width))
        with cgutils.for_range(builder, n) as loop:
            at = builder.mul(loop.index, I64(width))
            where, x, y = (place(builder, one.data, at, width) for one in arrays)
            product = product_of(
                builder, builder.load(x, align=8), builder.load(y, align=8), width
            )
            total = builder.xor(builder.load(where, align=8), product)
            builder.store(total, where, align=8)
        return context.get_dummy_value()

    return signature, code


@intrinsic
def transpose_square(typing, lanes, out, out_at, out_step, a, at, step):
    """Copy a square of words, row r of `a` to column r of `out`.

    Rows of `a` begin `step` words apart, those of `out` `out_step`.
    """
    width = len(lanes)
    signature = types.void(
        lanes, out, types.int64, types.int64, a, types.int64, types.int64
    )

    def code(context, builder, signature, arguments):
        data = data_of(context, builder, signature.args[4], arguments[4])
        out_data = data_of(context, builder, signature.args[1], arguments[1])

        def row(pointer: Any, first: Any, step: Any, r: int) -> Any:
            at = builder.add(first, builder.mul(step, I64(r)))
            return place(builder, pointer, at, width)

        rows = [
            builder.load(row(data, arguments[5], arguments[6], r), align=8)
            for r in range(width)
        ]
        for r, one in enumerate(transposed(builder, rows, width)):
            where = row(out_data, arguments[2], arguments[3], r)
            builder.store(one, where, align=8)
        return context.get_dummy_value()

    return signature, code
