"""The vector code of the decoder: 32 frames side by side, as LLVM gets it.

`unit` is a tuple whose length picks the instructions: 2 those of AVX2, 1 such as LLVM
makes for any CPU; both give the same bits. A group of 32 frames is stored as

    sums      int16[N, 32]   frames 0-7, 16-23, 8-15, 24-31: as AVX2 packs them
    messages  int8[E, 32]    frames in order
    flags     uint32[..]     bit i is frame i
"""
# The signature of an intrinsic is numba's; its types are those that it returns.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from qkdlab.distill.ldpc.rule import CORRECTION, CORRECTION_STEPS, LARGEST
from qkdlab.jit import intrinsic

__all__ = ["AVX2", "PORTABLE", "exchange_sums", "update_check"]

PORTABLE: tuple[int, ...] = (0,)
AVX2: tuple[int, ...] = (0, 0)

FRAMES = 32
AHEAD = 32
"""Edges, or a whole row if that is less, by which sums are asked for in advance.

The columns of a row lie in so many places that the processor does not guess the next.
"""
I1, I8, I16, I32, I64 = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
BYTES, SHORTS = ir.VectorType(I8, FRAMES), ir.VectorType(I16, FRAMES // 2)
FLAGS = ir.VectorType(I1, FRAMES)
ORDER = [
    lane * 16 + half * 8 + i for half in (0, 1) for lane in (0, 1) for i in range(8)
]
"""Frame in each column of `sums`."""


def all_bytes(value: int) -> ir.Constant:
    """Return a vector of 32 equal bytes."""
    return ir.Constant(BYTES, [value] * FRAMES)


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

    def prefetch(self, pointer: Any, at: Any) -> None:
        """Ask for the line of the cache in which the element `at` lies."""
        place = self.builder.gep(pointer, [at])
        place = self.builder.bitcast(place, I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
        name = "llvm.prefetch.p0i8"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        # to read, to be kept in all caches, data
        self.builder.call(function, [place, I32(0), I32(3), I32(1)])

    def least(self, x: Any, y: Any) -> Any:
        """Return the lesser of two signed numbers."""
        return self.builder.select(self.builder.icmp_signed("<", x, y), x, y)

    def narrow(self, low: Any, high: Any) -> Any:
        """Return 32 sums as bytes in the order of the frames, cut at both ends."""
        if self.avx2:
            return self.call("llvm.x86.avx2.packsswb", BYTES, low, high)
        halves = []
        for part in (low, high):
            least = ir.Constant(SHORTS, [-128] * 16)
            cut = self.call("llvm.smax.v16i16", SHORTS, part, least)
            most = ir.Constant(SHORTS, [127] * 16)
            cut = self.call("llvm.smin.v16i16", SHORTS, cut, most)
            halves.append(self.builder.trunc(cut, ir.VectorType(I8, 16)))
        back = picks([ORDER.index(frame) for frame in range(FRAMES)])
        return self.builder.shuffle_vector(halves[0], halves[1], back)

    def widen(self, messages: Any) -> tuple[Any, Any]:
        """Return 32 signed bytes as two vectors in the order of the sums."""
        eight = ir.Constant(SHORTS, [8] * 16)
        halves = []
        for half in (ORDER[:16], ORDER[16:]):
            twice = [frame for frame in half for _ in (0, 1)]
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
        """Return 32 bytes, -1 where the frame's flag is set and 0 elsewhere."""
        words = ir.VectorType(I32, 8)
        one = self.builder.insert_element(
            ir.Constant(words, ir.Undefined), flags, I32(0)
        )
        word = self.builder.bitcast(
            self.builder.shuffle_vector(one, one, picks([0] * 8)), BYTES
        )
        # within each half of a vector: a shuffle that never crosses the middle
        places = [i // 8 if i < 16 else 16 + i // 8 for i in range(FRAMES)]
        byte = self.builder.shuffle_vector(word, word, picks(places))
        bit = ir.Constant(BYTES, [1 << (i % 8) for i in range(FRAMES)])
        there = self.builder.icmp_unsigned(
            "!=", self.builder.and_(byte, bit), all_bytes(0)
        )
        return self.builder.sext(there, BYTES)

    def negative(self, vector: Any) -> Any:
        """Return the flags of the frames whose byte is negative."""
        flags = self.builder.icmp_signed("<", vector, all_bytes(0))
        return self.builder.bitcast(flags, I32)


@intrinsic
def update_check(
    typing, unit, sums, messages, columns, first, degree, odd, keep, wide, narrow
):
    """Update all edges of one check row; return the frames in which it failed before.

    columns:       int32[E]; the row's edges are `first` ... `first + degree - 1`
    odd, keep:     flags: frames whose syndrome bit is 1; whose messages count
    wide, narrow:  int16[degree, 32] and int8[degree, 32], overwritten
    """
    signature = types.uint32(
        unit,
        sums,
        messages,
        columns,
        types.int64,
        types.int64,
        types.uint32,
        types.uint32,
        wide,
        narrow,
    )
    avx2 = len(unit) == 2

    def code(context, builder, signature, arguments):
        m = Machine(builder, avx2)
        elements = {1: SHORTS, 2: BYTES, 3: I32, 8: SHORTS, 9: BYTES}
        data = {
            i: m.pointer(context, signature.args[i], arguments[i], element)
            for i, element in elements.items()
        }
        first, degree = arguments[4], arguments[5]
        edges = context.make_array(signature.args[3])(context, builder, arguments[3])
        last_edge = builder.sub(edges.nitems, I64(1))
        ahead = m.least(degree, I64(AHEAD))
        syndrome, keep = m.spread(arguments[6]), m.spread(arguments[7])

        def variable(value):
            return cgutils.alloca_once_value(builder, value)

        def column(edge):
            return builder.mul(builder.sext(m.load(data[3], edge), I64), I64(2))

        # 255 is neutral: box(255, 255) stays above all, box(that, a) is a
        least, rest = variable(all_bytes(255)), variable(all_bytes(255))
        sign = variable(syndrome)
        nothing = ir.Constant(SHORTS, [0] * 16)
        before = variable(nothing), variable(nothing)
        with cgutils.for_range(builder, degree) as loop:
            edge = builder.add(first, loop.index)
            m.prefetch(data[1], column(m.least(builder.add(edge, ahead), last_edge)))
            at = column(edge)
            total = m.load(data[1], at), m.load(data[1], builder.add(at, I64(1)))
            message = m.widen(builder.and_(m.load(data[2], edge), keep))
            row = builder.mul(loop.index, I64(2))
            without = []
            for half in (0, 1):
                parity = builder.xor(builder.load(before[half]), total[half])
                builder.store(parity, before[half])
                without.append(builder.sub(total[half], message[half]))
                m.store(without[half], data[8], builder.add(row, I64(half)))
            seen = m.narrow(without[0], without[1])
            m.store(seen, data[9], loop.index)
            builder.store(builder.xor(builder.load(sign), seen), sign)
            size, smallest = m.magnitude(seen), builder.load(least)
            larger = m.bytewise("umax", smallest, size)
            builder.store(m.box(builder.load(rest), larger), rest)
            builder.store(m.bytewise("umin", smallest, size), least)
        smallest, others = builder.load(least), builder.load(rest)
        everything, product = m.box(others, smallest), builder.load(sign)
        with cgutils.for_range(builder, degree) as loop:
            edge = builder.add(first, loop.index)
            at, row = column(edge), builder.mul(loop.index, I64(2))
            seen = m.load(data[9], loop.index)
            is_least = builder.icmp_unsigned("==", m.magnitude(seen), smallest)
            size = builder.select(is_least, others, everything)
            message = m.with_sign(size, builder.xor(product, seen))
            m.store(message, data[2], edge)
            halves = m.widen(message)
            for half in (0, 1):
                without = m.load(data[8], builder.add(row, I64(half)))
                total = builder.add(without, halves[half])
                m.store(total, data[1], builder.add(at, I64(half)))
        parity = m.narrow(builder.load(before[0]), builder.load(before[1]))
        return m.negative(builder.xor(parity, syndrome))

    return signature, code


@intrinsic
def exchange_sums(typing, unit, sums, at, fresh, start):
    """Return the frames whose sum of one bit is negative; begin some frames anew.

    fresh: flags of the frames whose sum becomes `start` (int16)
    """
    signature = types.uint32(unit, sums, types.int64, types.uint32, types.int16)
    avx2 = len(unit) == 2

    def code(context, builder, signature, arguments):
        m = Machine(builder, avx2)
        data = m.pointer(context, signature.args[1], arguments[1], SHORTS)
        new = m.widen(m.spread(arguments[3]))
        at = builder.mul(arguments[2], I64(2))
        one = ir.Constant(SHORTS, ir.Undefined)
        one = builder.insert_element(one, arguments[4], I32(0))
        start = builder.shuffle_vector(one, one, picks([0] * 16))
        total = []
        for half in (0, 1):
            place = builder.add(at, I64(half))
            total.append(m.load(data, place))
            stay = builder.and_(total[half], builder.not_(new[half]))
            m.store(builder.or_(stay, builder.and_(start, new[half])), data, place)
        return m.negative(m.narrow(total[0], total[1]))

    return signature, code
