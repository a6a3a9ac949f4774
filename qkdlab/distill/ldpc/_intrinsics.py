"""The vector code of the decoder: 32 bits of one frame side by side, as LLVM gets it.

`unit` is a tuple whose length picks the instructions: 2 those of AVX2, 1 such as LLVM
makes for any CPU; both give the same bits. The lanes are those of a strip of columns or
rows (`qkdlab.distill.ldpc.strips`):

    sums      int16[N / 32, 32]  lanes 0-7, 16-23, 8-15, 24-31: as AVX2 packs them
    messages  int8[E / 32, 32]   lanes of the columns, in order
    flags     uint32[..]         bit i is lane i
"""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.distill.ldpc.rule import CORRECTION, CORRECTION_STEPS, LARGEST
from qkdlab.distill.prefetch._intrinsics import ask_for
from qkdlab.jit import intrinsic

__all__ = ["AHEAD", "AVX2", "ORDER", "PORTABLE", "negative_sums", "update_check"]

PORTABLE: tuple[int, ...] = (0,)
AVX2: tuple[int, ...] = (0, 0)

LANES = 32
AHEAD = 32
"""Edges by which sums are asked for in advance.

The columns of a row lie in so many places that the processor does not guess the next.
"""
MESSAGES_AHEAD = 64
"""Edges by which messages are: those of a long code come from beyond the caches."""
BYTES_OF_SUMS = 2 * LANES
I1, I8, I16, I32, I64 = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
BYTES, SHORTS = ir.VectorType(I8, LANES), ir.VectorType(I16, LANES // 2)
FLAGS = ir.VectorType(I1, LANES)
ORDER = [
    lane * 16 + half * 8 + i for half in (0, 1) for lane in (0, 1) for i in range(8)
]
"""Lane in each column of `sums`."""

HALVES_SWAPPED = [*range(16, 32), *range(16)]
TURNS = [[(lane - by) % 16 for lane in range(LANES)] for by in range(LANES + 1)]
"""Byte of the same half that a lane takes when lanes move up by so many,"""
CROSSINGS = [
    [-((lane - by) % 32 // 16 != lane // 16) for lane in range(LANES)]
    for by in range(LANES + 1)
]
"""and -1 where it is of the other half."""


def all_bytes(value: int) -> ir.Constant:
    """Return a vector of 32 equal bytes."""
    return ir.Constant(BYTES, [value] * LANES)


def picks(places: list[int]) -> ir.Constant:
    """Return the mask of a shuffle."""
    return ir.Constant(ir.VectorType(I32, len(places)), places)


class Machine:
    """Vector operations at one place in one function."""

    def __init__(self, builder: Any, avx2: bool) -> None:
        self.builder = builder
        self.avx2 = avx2

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call an LLVM intrinsic."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)

    def bytewise(self, name: str, x: Any, y: Any) -> Any:
        """Call an LLVM intrinsic on two vectors of bytes, as `umin`."""
        return self.call(f"llvm.{name}.v32i8", BYTES, x, y)

    def pointer(self, context: Any, kind: Any, array: Any, element: Any) -> Any:
        """Return the pointer to an array's data, as pointer to `element`."""
        data = context.make_array(kind)(context, self.builder, array).data
        return self.builder.bitcast(data, element.as_pointer())

    def load(self, pointer: Any, at: Any) -> Any:
        """Return the element `at`; the array begins at any byte."""
        return self.builder.load(self.builder.gep(pointer, [at]), align=1)

    def store(self, value: Any, pointer: Any, at: Any) -> None:
        """Set the element `at`; the array begins at any byte."""
        self.builder.store(value, self.builder.gep(pointer, [at]), align=1)

    def narrow(self, low: Any, high: Any) -> Any:
        """Return 32 sums as bytes in the order of the lanes, cut at both ends."""
        if self.avx2:
            return self.call("llvm.x86.avx2.packsswb", BYTES, low, high)
        halves = []
        for part in (low, high):
            least = ir.Constant(SHORTS, [-128] * 16)
            cut = self.call("llvm.smax.v16i16", SHORTS, part, least)
            most = ir.Constant(SHORTS, [127] * 16)
            cut = self.call("llvm.smin.v16i16", SHORTS, cut, most)
            halves.append(self.builder.trunc(cut, ir.VectorType(I8, 16)))
        back = picks([ORDER.index(lane) for lane in range(LANES)])
        return self.builder.shuffle_vector(halves[0], halves[1], back)

    def widen(self, messages: Any) -> tuple[Any, Any]:
        """Return 32 signed bytes as two vectors in the order of the sums."""
        eight = ir.Constant(SHORTS, [8] * 16)
        halves = []
        for half in (ORDER[:16], ORDER[16:]):
            twice = [lane for lane in half for _ in (0, 1)]
            doubled = self.builder.shuffle_vector(messages, messages, picks(twice))
            as_shorts = self.builder.bitcast(doubled, SHORTS)
            halves.append(self.builder.ashr(as_shorts, eight))
        return halves[0], halves[1]

    def correction(self, distance: Any) -> Any:
        """Return c of unsigned bytes."""
        if self.avx2:
            table = ir.Constant(BYTES, [*CORRECTION, *CORRECTION])
            # what exceeds 15 gets its highest bit set, for which a shuffle gives 0
            index = self.bytewise("uadd.sat", distance, all_bytes(0x70))
            return self.call("llvm.x86.avx2.pshuf.b", BYTES, table, index)
        total = all_bytes(0)
        for limit in CORRECTION_STEPS:
            below = self.builder.icmp_unsigned("<", distance, all_bytes(limit))
            total = self.builder.add(total, self.builder.zext(below, BYTES))
        return total

    def box(self, x: Any, y: Any) -> Any:
        """Combine the magnitudes of two messages, unsigned bytes."""
        least, most = self.bytewise("umin", x, y), self.bytewise("umax", x, y)
        gain = self.correction(self.bytewise("uadd.sat", x, y))
        loss = self.correction(self.builder.sub(most, least))
        return self.bytewise("usub.sat", self.builder.add(least, gain), loss)

    def magnitude(self, message: Any) -> Any:
        """Return the magnitude of signed bytes, at most LARGEST."""
        size = self.call("llvm.abs.v32i8", BYTES, message, I1(0))
        return self.bytewise("umin", size, all_bytes(LARGEST))

    def with_sign(self, size: Any, sign: Any) -> Any:
        """Return `size` times -1 where `sign` is negative."""
        if self.avx2:
            not_zero = self.builder.or_(sign, all_bytes(1))
            return self.call("llvm.x86.avx2.psign.b", BYTES, size, not_zero)
        negative = self.builder.icmp_signed("<", sign, all_bytes(0))
        minus = self.builder.sub(all_bytes(0), size)
        return self.builder.select(negative, minus, size)

    def spread(self, flags: Any) -> Any:
        """Return 32 bytes, -1 where the lane's flag is set and 0 elsewhere."""
        words = ir.VectorType(I32, 8)
        one = self.builder.insert_element(
            ir.Constant(words, ir.Undefined), flags, I32(0)
        )
        word = self.builder.bitcast(
            self.builder.shuffle_vector(one, one, picks([0] * 8)), BYTES
        )
        # within each half of a vector: a shuffle that never crosses the middle
        places = [i // 8 if i < 16 else 16 + i // 8 for i in range(LANES)]
        byte = self.builder.shuffle_vector(word, word, picks(places))
        bit = ir.Constant(BYTES, [1 << (i % 8) for i in range(LANES)])
        there = self.builder.icmp_unsigned(
            "!=", self.builder.and_(byte, bit), all_bytes(0)
        )
        return self.builder.sext(there, BYTES)

    def negative(self, vector: Any) -> Any:
        """Return the flags of the lanes whose byte is negative."""
        flags = self.builder.icmp_signed("<", vector, all_bytes(0))
        return self.builder.bitcast(flags, I32)

    def turned(self, x: Any, by: Any) -> Any:
        """Return 32 bytes moved up by `by` lanes (i64, 0 ... 32), round the end."""
        if self.avx2:
            inside = self.call(
                "llvm.x86.avx2.pshuf.b", BYTES, x, self.table("turns", TURNS, by)
            )
            other = self.builder.shuffle_vector(inside, inside, picks(HALVES_SWAPPED))
            crosses = self.table("crossings", CROSSINGS, by)
            there = self.builder.icmp_signed("<", crosses, all_bytes(0))
            return self.builder.select(there, other, inside)
        twice = cgutils.alloca_once(self.builder, ir.ArrayType(BYTES, 2))
        first = self.builder.bitcast(twice, BYTES.as_pointer())
        self.store(x, first, I64(0))
        self.store(x, first, I64(1))
        place = self.builder.bitcast(twice, I8.as_pointer())
        place = self.builder.gep(place, [self.builder.sub(I64(LANES), by)])
        return self.builder.load(
            self.builder.bitcast(place, BYTES.as_pointer()), align=1
        )

    def table(self, name: str, rows: list[list[int]], at: Any) -> Any:
        """Return a row of a table of bytes."""
        kind = ir.ArrayType(BYTES, len(rows))
        value = ir.Constant(kind, [ir.Constant(BYTES, row) for row in rows])
        held = cgutils.global_constant(self.builder.module, name, value)
        return self.builder.load(self.builder.gep(held, [I64(0), at]))


@intrinsic
def update_check(typing, unit, sums, messages, edges, first, degree, odd, wide, narrow):
    """Update all edges of 32 check rows; return the rows that did not hold before.

    A row holds when what its bits are told by all others has its parity.

    edges:        int32[E / 32 + AHEAD] of `Strips`; the rows' edges are `first` ...
                  ``first + degree - 1``
    odd:          flags: rows whose syndrome bit is 1
    wide, narrow: int16[degree, 32] and int8[degree, 32], overwritten
    """
    signature = types.uint32(
        unit,
        sums,
        messages,
        edges,
        types.int64,
        types.int64,
        types.uint32,
        wide,
        narrow,
    )
    avx2 = len(unit) == 2

    def code(context, builder, signature, arguments):
        m = Machine(builder, avx2)
        elements = {1: I8, 2: BYTES, 3: I32, 7: SHORTS, 8: BYTES}
        data = {
            i: m.pointer(context, signature.args[i], arguments[i], element)
            for i, element in elements.items()
        }
        first, degree = arguments[4], arguments[5]
        syndrome = m.spread(arguments[6])

        def variable(value):
            return cgutils.alloca_once_value(builder, value)

        def strip(edge):
            """Return where the sums of an edge's strip begin, and its turn."""
            both = builder.sext(m.load(data[3], edge), I64)
            place = builder.gep(data[1], [builder.and_(both, I64(-BYTES_OF_SUMS))])
            sums = builder.bitcast(place, SHORTS.as_pointer())
            return sums, builder.and_(both, I64(LANES - 1))

        # 255 is neutral: box(255, 255) stays above all, box(that, a) is a
        least, rest = variable(all_bytes(255)), variable(all_bytes(255))
        sign = variable(syndrome)
        with cgutils.for_range(builder, degree) as loop:
            edge = builder.add(first, loop.index)
            ahead = m.load(data[3], builder.add(edge, I64(AHEAD)))
            ask_for(builder, builder.gep(data[1], [builder.sext(ahead, I64)]))
            later = builder.gep(data[2], [builder.add(edge, I64(MESSAGES_AHEAD))])
            ask_for(builder, builder.bitcast(later, I8.as_pointer()))
            sums, turn = strip(edge)
            total = m.load(sums, I64(0)), m.load(sums, I64(1))
            message = m.widen(m.load(data[2], edge))
            row = builder.mul(loop.index, I64(2))
            without = []
            for half in (0, 1):
                without.append(builder.sub(total[half], message[half]))
                m.store(without[half], data[7], builder.add(row, I64(half)))
            seen = m.turned(m.narrow(without[0], without[1]), turn)
            m.store(seen, data[8], loop.index)
            builder.store(builder.xor(builder.load(sign), seen), sign)
            size, smallest = m.magnitude(seen), builder.load(least)
            larger = m.bytewise("umax", smallest, size)
            builder.store(m.box(builder.load(rest), larger), rest)
            builder.store(m.bytewise("umin", smallest, size), least)
        smallest, others = builder.load(least), builder.load(rest)
        everything, product = m.box(others, smallest), builder.load(sign)
        with cgutils.for_range(builder, degree) as loop:
            edge = builder.add(first, loop.index)
            (sums, turn), row = strip(edge), builder.mul(loop.index, I64(2))
            seen = m.load(data[8], loop.index)
            is_least = builder.icmp_unsigned("==", m.magnitude(seen), smallest)
            size = builder.select(is_least, others, everything)
            message = m.with_sign(size, builder.xor(product, seen))
            message = m.turned(message, builder.sub(I64(LANES), turn))
            m.store(message, data[2], edge)
            halves = m.widen(message)
            for half in (0, 1):
                without = m.load(data[7], builder.add(row, I64(half)))
                total = builder.add(without, halves[half])
                m.store(total, sums, I64(half))
        return m.negative(product)

    return signature, code


@intrinsic
def negative_sums(typing, unit, sums, at):
    """Return the lanes of a strip whose sum is negative."""
    signature = types.uint32(unit, sums, types.int64)
    avx2 = len(unit) == 2

    def code(context, builder, signature, arguments):
        m = Machine(builder, avx2)
        data = m.pointer(context, signature.args[1], arguments[1], SHORTS)
        at = builder.mul(arguments[2], I64(2))
        low, high = (m.load(data, builder.add(at, I64(half))) for half in (0, 1))
        return m.negative(m.narrow(low, high))

    return signature, code
