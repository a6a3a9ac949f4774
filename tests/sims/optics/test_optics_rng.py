from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from qkdlab_sims.optics.philox._kernels import log_unit
from qkdlab_sims.optics.rng import gaussians, philox_words, stream_key, uniforms

WORD = st.integers(0, 2**32 - 1)


def plain_philox(counter, key):
    """Philox4x32-10 on Python integers."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [
            (p1 >> 32) ^ c[1] ^ k0,
            p1 & 0xFFFFFFFF,
            (p0 >> 32) ^ c[3] ^ k1,
            p0 & 0xFFFFFFFF,
        ]
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def words_of(counter, key):
    first = counter[0] | counter[1] << 32
    stream = counter[2] | counter[3] << 32
    keys = np.array(key, np.uint64)
    return philox_words(keys, first, 1, stream=stream)[0].tolist()


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    assert words_of(counter, key) == list(expected)


@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_philox_equals_a_plain_one(counter, key):
    assert words_of(counter, key) == plain_philox(counter, key)


def test_any_stretch_of_a_stream_can_be_had_alone():
    key = stream_key(1, "here", "test")
    whole = philox_words(key, 0, 100)
    assert np.array_equal(philox_words(key, 37, 20), whole[37:57])


def test_keys_differ_by_seed_component_and_purpose():
    names = [(1, "ab", "c"), (2, "ab", "c"), (1, "a", "bc"), (1, "ab", "d")]
    keys = {tuple(stream_key(*name).tolist()) for name in names}
    assert len(keys) == 4


def test_uniforms_are_uniform_and_gaussians_normal():
    key = stream_key(3, "here", "test")
    u = uniforms(key, 0, 25_000)
    assert u.min() > 0.0
    assert u.max() < 1.0
    assert kstest(u.ravel(), "uniform").pvalue > 1e-4
    assert kstest(gaussians(key, 0, 25_000).ravel(), "norm").pvalue > 1e-4


def test_gaussians_of_one_counter_are_uncorrelated():
    g = gaussians(stream_key(4, "here", "test"), 0, 40_000)
    off_diagonal = np.corrcoef(g.T)[np.triu_indices(4, 1)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(40_000)


EDGES = [0, 1, 2**29 - 1, 2**29, 2**30, 2**31 - 1, 2**31, 3 * 2**30, 2**32 - 1]
SQRT_HALF = [int(math.sqrt(0.5) * 2**k) for k in range(1, 33)]


def plain_unit(word):
    return (word + 0.5) * 2.0**-32


@given(WORD)
def test_logarithm_is_that_of_the_library_within_two_ulp(word):
    expected = math.log(plain_unit(word))
    assert abs(log_unit(np.uint64(word)) - expected) <= 2 * math.ulp(expected)


@pytest.mark.parametrize("word", [*EDGES, *SQRT_HALF, *(w + 1 for w in SQRT_HALF)])
def test_logarithm_holds_at_its_edges(word):
    expected = math.log(plain_unit(word))
    assert abs(log_unit(np.uint64(word)) - expected) <= 2 * math.ulp(expected)
