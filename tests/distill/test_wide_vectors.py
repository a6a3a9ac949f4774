"""Vectors of any width on any CPU: what their code does, and what it is compiled to."""

from __future__ import annotations

import os
import subprocess
import sys

import every_hash
import numba
import numpy as np
import pytest
from llvmlite import ir
from numba import types
from numba.core import cgutils
from plain_instructions import I8, I64, PLAIN, PRODUCTS, SHUFFLES

from qkdlab import cpu
from qkdlab.distill.carryless._intrinsics import data_of, place
from qkdlab.distill.carryless.lanes import LANES, lanes_of_this_cpu
from qkdlab.jit import intrinsic

WIDEST = ("vpclmulqdq", "avx512bw", "avx2", "pclmul", "ssse3")


def in_software(name, builder, *operands):
    return PLAIN[name](builder, *operands)


def by_the_cpu(name, builder, *operands):
    kind = ir.FunctionType(operands[0].type, [one.type for one in operands])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, operands)


def every_way(width):
    """Return the ways by which these vectors can be worked on here."""
    return [in_software, *[by_the_cpu] * (width in lanes_of_this_cpu())]


def done(way, name, width, operands, *immediate):
    """Return what an instruction makes of two vectors of words."""
    element = I64 if name in PRODUCTS.values() else I8
    vector = ir.VectorType(element, width * 64 // element.width)

    @intrinsic
    def apply(typing, array):
        def code(context, builder, signature, arguments):
            data = data_of(context, builder, signature.args[0], arguments[0])
            a, b, out = (
                builder.bitcast(
                    place(builder, data, I64(i * width), width), vector.as_pointer()
                )
                for i in range(3)
            )
            given = (builder.load(one, align=8) for one in (a, b))
            more = (I8(number) for number in immediate)
            builder.store(way(name, builder, *given, *more), out, align=8)
            return context.get_dummy_value()

        return types.void(array), code

    memory = np.append(operands, np.zeros(width, np.uint64))
    numba.njit(lambda array: apply(array))(memory)
    return memory[2 * width :]


def product(a, b):
    total = 0
    for i in range(64):
        total ^= (a << i) * (b >> i & 1)
    return total


def operands_of(width):
    words = np.random.default_rng(width).integers(0, 1 << 64, 2 * width, np.uint64)
    words[[0, width]] = (1 << 64) - 1
    return words


@pytest.mark.parametrize("immediate", [0x00, 0x01, 0x10, 0x11])
@pytest.mark.parametrize("width", LANES)
def test_products_are_those_of_each_lane_of_128_bits(width, immediate):
    operands = operands_of(width)
    a, b = operands[:width].tolist(), operands[width:].tolist()
    expected = []
    for lane in range(0, width, 2):
        both = product(a[lane + (immediate & 1)], b[lane + (immediate >> 4)])
        expected += [both & (1 << 64) - 1, both >> 64]
    for way in every_way(width):
        got = done(way, PRODUCTS[width], width, operands, immediate)
        assert got.tolist() == expected


@pytest.mark.parametrize("width", LANES)
def test_bytes_are_looked_up_within_each_lane_of_128_bits(width):
    operands = operands_of(width)
    table, numbers = operands.view(np.uint8).reshape(2, -1, 16)
    expected = np.take_along_axis(table, numbers.astype(np.int64) & 15, axis=1)
    expected[numbers >= 128] = 0
    for way in every_way(width):
        got = done(way, SHUFFLES[width], width, operands)
        assert got.tobytes() == expected.tobytes()


def elsewhere(tmp_path, program, **cpu_of_numba):
    """Return the lines that a program prints which compiles for another CPU."""
    environment = {
        **os.environ,
        **cpu_of_numba,
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, *program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.slow
def test_the_code_of_512_bits_gives_the_same_bits_by_instructions_in_software(
    tmp_path, monkeypatch
):
    program = [every_hash.__file__, *WIDEST]
    width, *got = elsewhere(tmp_path, program, NUMBA_CPU_NAME="generic")
    assert width == "8"
    monkeypatch.setattr(cpu, "features", lambda: frozenset[str]())
    assert got == [one.to_bytes().hex() for one in every_hash.hashes()]


FOR_ANOTHER_CPU = """
import numba
from qkdlab.distill.additive_fft import _kernels as additive
from qkdlab.distill.karatsuba import _kernels as karatsuba
lanes, words = numba.types.UniTuple(numba.int64, 8), numba.uint64[::1]
table, n = numba.uint64[:, ::1], numba.int64
found = []
for kernel, signature in (
    (additive.forward, (lanes, words, n, words, table, table)),
    (karatsuba.toeplitz_tiles, (lanes, words, words, words, n, n, n, n)),
):
    kernel.compile(signature)
    (code,) = kernel.inspect_asm().values()
    found.append(any("vpclmul" in line and "zmm" in line for line in code.split("\\n")))
print(*found)
"""


@pytest.mark.slow
def test_for_a_cpu_with_512_bits_it_becomes_their_own_products(tmp_path):
    program = ["-c", FOR_ANOTHER_CPU]
    got = elsewhere(tmp_path, program, NUMBA_CPU_NAME="icelake-server")
    assert got == ["True", "True"]
