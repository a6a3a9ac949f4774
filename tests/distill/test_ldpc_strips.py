"""Strips of a code: the same matrix, other places."""

from __future__ import annotations

import numpy as np
import pytest
from plain_ldpc import matrix_of, small_code

from qkdlab.distill.ldpc._kernels import from_strips, to_strips
from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.strips import LANES, striped, strips_of

CODE = small_code(lifting=64)


def test_strips_hold_each_one_of_the_matrix_and_no_other():
    edges, first = strips_of(CODE)
    bits = striped(np.arange(CODE.n_bits, dtype=np.int16), CODE.lifting)
    checks = striped(np.arange(CODE.n_checks, dtype=np.int16), CODE.lifting)
    matrix = np.zeros((CODE.n_checks, CODE.n_bits), np.int64)
    for strip in range(first.size - 1):
        for edge in edges[first[strip] : first[strip + 1]]:
            place, turn = divmod(int(edge), 2 * LANES)
            for lane in range(LANES):
                met = bits[place, (lane - turn) % LANES]
                matrix[checks[strip, lane], met] += 1
    assert np.array_equal(matrix, matrix_of(CODE))


@pytest.mark.parametrize("lifting", [32, 96])
def test_frames_go_to_strips_and_back(lifting):
    lanes = np.random.default_rng(1).integers(0, 2**32, 3 * lifting, dtype=np.uint32)
    strips = np.empty((32, lanes.size // 32), np.uint32)
    to_strips(lanes, lifting, strips)
    for frame in (0, 7, 31):
        bits = striped((lanes >> np.uint32(frame) & 1).astype(np.int16), lifting)
        words = (bits.astype(np.int64) << np.arange(32)).sum(axis=1)
        assert np.array_equal(strips[frame], words)
    back = np.zeros_like(lanes)
    from_strips(strips, lifting, back)
    assert np.array_equal(back, lanes)


def test_a_lifting_that_is_no_multiple_of_the_lanes_is_refused():
    with pytest.raises(ValueError, match="no multiple"):
        strips_of(Code(small_code(lifting=17).base))
