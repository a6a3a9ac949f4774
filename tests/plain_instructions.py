"""The vector instructions of the hashes, of any width, for a CPU that has none of them.

What they do is written here in LLVM's language from Intel's manual, volume 2 [mem].
Each works within lanes of 128 bits alone:

    PCLMULQDQ  one word of each operand, multiplied without carries; bit 0 of the
               immediate names the word of the first operand, bit 4 of the second
    PSHUFB     bytes of the first operand by their numbers in the second, of which the
               lowest four bits count; 0 where the highest bit of a number is set
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

I8, I64, I128 = (ir.IntType(n) for n in (8, 64, 128))


def carryless(builder, a, b, which):
    """Sum the words of `a`, moved up to the places of the ones of `b`."""
    lanes = a.type.count // 2
    wide = ir.VectorType(I128, lanes)

    def chosen(operand, bit):
        is_high = builder.and_(builder.lshr(which, I8(bit)), I8(1))
        by = builder.zext(builder.mul(is_high, I8(64)), I128)
        words = builder.bitcast(operand, wide)
        words = builder.lshr(words, spread(builder, by, words))
        return builder.and_(words, ir.Constant(wide, [(1 << 64) - 1] * lanes))

    factor, other = chosen(a, 0), chosen(b, 4)
    nothing, unit = (ir.Constant(wide, [n] * lanes) for n in (0, 1))
    total = cgutils.alloca_once_value(builder, nothing)
    with cgutils.for_range(builder, I64(64)) as loop:
        place = spread(builder, builder.zext(loop.index, I128), other)
        one = builder.and_(builder.lshr(other, place), unit)
        more = builder.mul(builder.shl(factor, place), one)
        builder.store(builder.xor(builder.load(total), more), total)
    return builder.bitcast(builder.load(total), a.type)


def spread(builder, value, like):
    """Return a vector of the type of `like` with one value in all places."""
    out = ir.Constant(like.type, ir.Undefined)
    for i in range(like.type.count):
        out = builder.insert_element(out, value, I64(i))
    return out


def shuffle_bytes(builder, table, numbers):
    """Look each byte up within its own 16."""
    out = cgutils.alloca_once_value(builder, numbers)
    with cgutils.for_range(builder, I64(numbers.type.count)) as loop:
        number = builder.extract_element(numbers, loop.index)
        within = builder.zext(builder.and_(number, I8(15)), I64)
        place = builder.or_(builder.and_(loop.index, I64(-16)), within)
        found = builder.extract_element(table, place)
        is_none = builder.icmp_signed("<", number, I8(0))
        byte = builder.select(is_none, I8(0), found)
        more = builder.insert_element(builder.load(out), byte, loop.index)
        builder.store(more, out)
    return builder.load(out)


PRODUCTS = {
    2: "llvm.x86.pclmulqdq",
    4: "llvm.x86.pclmulqdq.256",
    8: "llvm.x86.pclmulqdq.512",
}
SHUFFLES = {
    2: "llvm.x86.ssse3.pshuf.b.128",
    4: "llvm.x86.avx2.pshuf.b",
    8: "llvm.x86.avx512.pshuf.b.512",
}
PLAIN = dict.fromkeys(PRODUCTS.values(), carryless)
PLAIN |= dict.fromkeys(SHUFFLES.values(), shuffle_bytes)


def take_over():
    """Have everything that is compiled from now on in this process use these.

    An instruction of the CPU that is not among them is refused. Compiled code must not
    stay in the cache of the real ones: `NUMBA_CACHE_DIR` names another.
    """
    real = cgutils.get_or_insert_function

    def get_or_insert_function(module, kind, name):
        if not name.startswith("llvm.x86."):
            return real(module, kind, name)
        function = real(module, kind, name.replace("llvm.x86.", "plain."))
        if function.is_declaration:
            function.linkage = "linkonce_odr"
            function.attributes.add("noinline")
            builder = ir.IRBuilder(function.append_basic_block())
            builder.ret(PLAIN[name](builder, *function.args))
        return function

    cgutils.get_or_insert_function = get_or_insert_function
