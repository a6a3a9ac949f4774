"""The decoder: against plain ones, on every unit, in any company of frames."""

from __future__ import annotations

import numpy as np
import pytest
from plain_ldpc import integer_decoder, matrix_of, small_code, sum_product

from qkdlab.cpu import features
from qkdlab.distill.ldpc._intrinsics import AVX2, PORTABLE
from qkdlab.distill.ldpc._kernels import from_lanes, to_lanes
from qkdlab.distill.ldpc.decoder import Decoder, unit_of_this_cpu
from qkdlab.distill.ldpc.lanes import chosen_frames
from qkdlab.distill.ldpc.rule import llr_of

CODE = small_code()
MATRIX = matrix_of(CODE)
UNITS = [AVX2, PORTABLE] if "avx2" in features() else [PORTABLE]


def lanes_of(bits):
    """Return lanes of int[frames, n]."""
    lanes = np.zeros((-(-len(bits) // 32), bits.shape[1]), np.uint32)
    for f, frame in enumerate(bits):
        lanes[f // 32] |= frame.astype(np.uint32) << np.uint32(f % 32)
    return lanes


def frames_of(lanes, n_frames):
    """Return int[frames, n] of lanes."""
    return np.array(
        [(lanes[f // 32] >> np.uint32(f % 32)) & np.uint32(1) for f in range(n_frames)]
    ).astype(np.int64)


def errors(n_frames, qber, seed, code=CODE):
    rng = np.random.default_rng(seed)
    return (rng.random((n_frames, code.n_bits)) < qber).astype(np.int64)


def channel(qber, code=CODE):
    return np.full(code.n_bits, llr_of(qber), np.int16)


def decoded(pattern, qber, unit=None, code=CODE, at_most=30):
    decoder = Decoder(code, unit)
    syndromes = decoder.syndromes(lanes_of(pattern))
    return decoder.decode(syndromes, channel(qber, code), len(pattern), at_most)


def test_syndromes_are_products_with_the_matrix():
    pattern = errors(40, 0.3, 1)
    lanes = Decoder(CODE).syndromes(lanes_of(pattern))
    assert np.array_equal(frames_of(lanes, 40), pattern @ MATRIX.T % 2)


@pytest.mark.parametrize("unit", UNITS, ids=len)
def test_every_frame_ends_as_with_the_plain_decoder(unit):
    pattern, at_most = errors(16, 0.06, 2), 6
    found = decoded(pattern, 0.06, unit, at_most=at_most)
    for f, frame in enumerate(pattern):
        syndrome = MATRIX @ frame % 2
        plain = integer_decoder(CODE, syndrome, channel(0.06), at_most)
        passes = found.iterations[f]
        mine = frames_of(found.errors, len(pattern))[f]
        if passes < 0:
            assert np.any(MATRIX @ plain[-1] % 2 != syndrome)
            assert not mine.any()
        else:
            assert mine.tolist() == plain[passes - 1]


@pytest.mark.parametrize(("qber", "seed"), [(0.02, 3), (0.06, 4), (0.09, 5)])
def test_all_units_give_the_same_bits(qber, seed):
    pattern = errors(100, qber, seed)
    vector, portable = (decoded(pattern, qber, u) for u in (UNITS[0], PORTABLE))
    assert np.array_equal(vector.errors, portable.errors)
    assert np.array_equal(vector.iterations, portable.iterations)


def test_this_cpu_takes_its_vector_unit():
    assert unit_of_this_cpu() == UNITS[0]


def test_a_frame_is_decoded_alike_in_any_company():
    pattern = errors(90, 0.06, 6)
    together = decoded(pattern, 0.06)
    alone = [decoded(pattern[f : f + 1], 0.06) for f in range(len(pattern))]
    all_errors = frames_of(together.errors, len(pattern))
    for f, one in enumerate(alone):
        assert np.array_equal(frames_of(one.errors, 1)[0], all_errors[f])


def test_what_is_found_has_the_syndrome_that_was_asked():
    pattern = errors(200, 0.08, 7)
    found = decoded(pattern, 0.08)
    good = found.iterations > 0
    mine = frames_of(found.errors, len(pattern))[good]
    assert np.array_equal(mine @ MATRIX.T % 2, pattern[good] @ MATRIX.T % 2)


def test_no_error_is_one_pass():
    assert decoded(errors(3, 0.0, 8), 0.05).iterations.tolist() == [1, 1, 1]


def test_corrects_nearly_as_often_as_exact_belief_propagation():
    pattern = errors(120, 0.07, 9)
    found = decoded(pattern, 0.07)
    mine = np.all(frames_of(found.errors, 120) == pattern, axis=1).mean()
    exact = [sum_product(CODE, MATRIX @ frame % 2, 0.07, 40) for frame in pattern]
    best = np.all(np.array(exact) == pattern, axis=1).mean()
    assert 0.3 < best < 0.99
    assert mine > best - 0.08


def test_no_frames_are_no_work():
    nothing = np.zeros((0, CODE.n_checks), np.uint32)
    assert Decoder(CODE).decode(nothing, channel(0.05), 0).iterations.size == 0


@pytest.mark.parametrize("length", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("n_frames", [1, 7, 32])
def test_lanes_hold_each_bit_of_each_frame_and_go_back(length, n_frames):
    rng = np.random.default_rng(length)
    bits = rng.integers(0, 2, (n_frames, length), np.uint8)
    string = np.packbits(
        np.concatenate([bits.ravel(), np.zeros(256, np.uint8)])[
            : (bits.size + 255) // 64 * 64
        ],
        bitorder="little",
    ).view("<u8")
    starts = np.arange(n_frames, dtype=np.int64) * length
    lanes = np.zeros(length, np.uint32)
    # what follows the last frame is not part of it
    to_lanes(string, starts, lanes)
    assert np.array_equal(frames_of(lanes[None], n_frames), bits)
    back = np.zeros_like(string)
    from_lanes(lanes, starts, back)
    assert np.array_equal(back, string)


def test_chosen_frames_keep_their_order():
    pattern = errors(70, 0.5, 10)
    picked = np.array([69, 3, 40])
    lanes = chosen_frames(lanes_of(pattern), picked)
    assert np.array_equal(frames_of(lanes, 3), pattern[picked])


def test_repr_shows_no_bits():
    assert repr(Decoder(CODE)) == "Decoder(Code(768 bits, 384 checks))"
