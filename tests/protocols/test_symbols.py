"""Settings, exact-count patterns, header symbols and symbol sources."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.protocols import symbols
from qkdlab.protocols.symbols import CounterPattern, CyclicPattern
from qkdlab.randomness import SeededRandomness

WEIGHTS = (0.4, 0.4, 0.2)
CODES = [
    symbols.encode(b, k, v) for b, k, v in itertools.product((0, 1), (0, 1, 2), (0, 1))
]


def chi_square_p(observed, expected):
    from scipy import stats

    return float(stats.chisquare(observed, expected).pvalue)


@pytest.mark.parametrize("code", CODES)
def test_the_byte_of_a_setting_holds_its_parts(code):
    settings = np.array([code, code | symbols.HEADER], dtype=np.uint8)
    basis = symbols.basis_of(settings)
    parts = (basis, symbols.intensity_of(settings), symbols.value_of(settings))
    assert [symbols.encode(*part) for part in zip(*parts, strict=True)] == [code, code]
    assert symbols.is_header(settings).tolist() == [False, True]


def test_the_byte_of_a_setting_is_laid_out_as_documented():
    assert symbols.encode(basis=1, intensity=2, value=1) == 0b1011


@given(st.integers(0, 5000), st.floats(0, 1), st.integers(0, 8), st.integers(0, 8))
def test_composition_is_exact_to_less_than_one_symbol(n, p_x, a, b):
    weights = [a / 16, b / 16, 1 - a / 16 - b / 16]
    counts = symbols.composition(n, p_x, weights)
    assert counts.sum() == n
    for basis, intensity, value in itertools.product((0, 1), (0, 1, 2), (0, 1)):
        p_basis = Fraction(p_x) if basis == 0 else 1 - Fraction(p_x)
        share = n * p_basis * Fraction(weights[intensity]) / 2
        assert abs(counts[basis, intensity, value] - share) < 1


def test_composition_gives_the_rest_to_the_largest_remainders_lowest_first():
    # shares 0.7, 0.7, 0.7, 0.7, 0.35, 0.35 in X and 0.3 ... 0.15 in Z
    counts = symbols.composition(5, 0.7, WEIGHTS)
    assert counts.reshape(-1).tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("n", "p_x", "weights"),
    [
        (9, 1.1, WEIGHTS),
        (9, 0.5, (0.5, 0.4, 0.2)),
        (9, 0.5, (0.5, 0.5)),
        (-1, 0.5, WEIGHTS),
    ],
)
def test_impossible_compositions_are_refused(n, p_x, weights):
    with pytest.raises(ValueError, match=r"probabilities|number of symbols"):
        symbols.composition(n, p_x, weights)


def test_a_pattern_holds_each_setting_exactly_as_often_as_composed():
    counts = symbols.composition(7919, 0.85, WEIGHTS)
    pattern = symbols.exact_count_pattern(counts, SeededRandomness(3, "alice"))
    seen = Counter(pattern.tolist())
    assert [seen[code] for code in CODES] == counts.reshape(-1).tolist()


def orders_of_three(shuffle):
    """Count the six orders of three different symbols over 3000 shuffles."""
    seen = Counter(tuple(shuffle()) for _ in range(3000))
    return [seen[order] for order in itertools.permutations(CODES[:3])]


def test_all_orders_of_a_pattern_are_equally_likely():
    randomness = SeededRandomness(8, "alice")
    counts = np.array([1, 1, 1] + [0] * 9, dtype=np.int64).reshape(2, 3, 2)
    seen = orders_of_three(
        lambda: symbols.exact_count_pattern(counts, randomness).tolist()
    )
    assert chi_square_p(seen, [500] * 6) > 1e-4


class Words:
    """Random bits whose 64-bit words are given, the last first."""

    seeded = True

    def __init__(self, *words: int) -> None:
        self.words = words

    def secret(self, label: str, n_bits: int) -> BitArray:
        return BitArray.from_words(np.array(self.words, np.uint64), n_bits)


def test_words_that_would_favour_an_order_are_drawn_again():
    counts = np.array([1, 1, 1] + [0] * 9, dtype=np.int64).reshape(2, 3, 2)
    # 2^64 is 1 more than a multiple of 3: the last word of all is one too many
    top = (1 << 64) - 1
    fair = symbols.exact_count_pattern(counts, Words(1, 0, top))
    plain = symbols.exact_count_pattern(counts, Words(7, 1, 0))
    assert fair.tolist() == plain.tolist()


def test_the_test_of_orders_catches_a_biased_shuffle():
    rng = np.random.default_rng(8)

    def swap_any_two():
        pattern = CODES[:3]
        for i in range(3):
            j = int(rng.integers(0, 3))
            pattern[i], pattern[j] = pattern[j], pattern[i]
        return pattern

    assert chi_square_p(orders_of_three(swap_any_two), [500] * 6) < 1e-4


def test_header_symbols_are_public_and_depend_on_the_label_alone():
    first = symbols.header_pattern(512, "frame")
    assert first.tolist() == symbols.header_pattern(512, "frame").tolist()
    assert first.tolist() != symbols.header_pattern(512, "other").tolist()
    assert symbols.is_header(first).all()


def test_header_symbols_use_signal_and_vacuum_and_all_states():
    header = symbols.header_pattern(512, "frame")
    assert set(symbols.intensity_of(header).tolist()) == {0, 2}
    assert set((header & 3).tolist()) == {0, 1, 2, 3}


def test_a_longer_header_starts_with_the_shorter_one():
    long, short = (symbols.header_pattern(n, "frame") for n in (512, 64))
    assert long[:64].tolist() == short.tolist()


def test_a_cyclic_pattern_repeats():
    source = CyclicPattern(np.array([1, 2, 3], dtype=np.uint8))
    pulses = np.array([0, 4, 8, 3 * 10**12 + 1], dtype=np.int64)
    assert source.settings(pulses).tolist() == [1, 2, 3, 2]
    assert source.period == 3


COUNTS = (11469, 1966, 8192, 1311, 8192, 1638)
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
NONCE = bytes.fromhex("f0f1f2f3f4f5f6f7")


def test_a_counter_pattern_gives_each_pulse_one_setting_in_any_order():
    source = CounterPattern(KEY, NONCE, COUNTS)
    pulses = np.arange(10_000, dtype=np.int64)
    shuffled = np.random.default_rng(1).permutation(pulses)
    assert (
        source.settings(shuffled).tolist() == source.settings(pulses)[shuffled].tolist()
    )


def test_a_counter_pattern_gives_the_settings_of_the_documented_example():
    """Worked out by hand from the keystream 0c2fbbb65ad9672a 19fefd359bf34b02."""
    found = CounterPattern(KEY, NONCE, COUNTS).settings(np.arange(8))
    assert found.tolist() == [0, 9, 8, 1, 11, 1, 11, 1]


def test_the_key_stream_is_overwritten_once_it_is_read(monkeypatch):
    read, original = [], np.frombuffer

    def watched(*arguments):
        read.append(original(*arguments))
        return read[-1]

    monkeypatch.setattr(np, "frombuffer", watched)
    assert CounterPattern(KEY, NONCE, COUNTS).settings(np.arange(100)).any()
    (stream,) = read
    assert stream.size > 100
    assert not stream.any()


@given(st.integers(0, 2**62))
def test_a_counter_pattern_is_aes_in_counter_mode(pulse):
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    start = NONCE + (pulse // 8).to_bytes(8, "big")
    stream = Cipher(algorithms.AES128(KEY), modes.CTR(start)).encryptor()
    words = np.frombuffer(stream.update(bytes(16)), dtype="<u2")
    # equal halves of X and Z, one intensity: bit 15 chooses the basis
    source = CounterPattern(KEY, NONCE, (1 << 14, 1 << 14, 0, 0, 0, 0))
    got = int(source.settings(np.array([pulse]))[0])
    word = int(words[pulse % 8])
    assert got == (word >> 15) << 1 | word & 1


def test_class_counts_are_the_nearest_to_the_probabilities():
    assert symbols.class_counts(0.5, (0.5, 0.25, 0.25)) == (8192, 8192, *[4096] * 4)
    counts = symbols.class_counts(0.85, WEIGHTS)
    shares = [p * w for w in WEIGHTS for p in (0.85, 0.15)]
    assert sum(counts) == 1 << 15
    assert np.abs(np.array(counts) / 2**15 - shares).max() < 2**-15


@pytest.mark.parametrize(
    ("key", "nonce", "counts"),
    [
        (KEY * 2, NONCE, COUNTS),
        (KEY, NONCE + b"0", COUNTS),
        (KEY, NONCE, COUNTS[:5]),
        (KEY, NONCE, (32769, -1, 0, 0, 0, 0)),
        (KEY, NONCE, (32767, 0, 0, 0, 0, 0)),
    ],
)
def test_a_counter_pattern_refuses_what_the_layout_does_not_know(key, nonce, counts):
    with pytest.raises(ValueError, match="pattern"):
        CounterPattern(key, nonce, counts)


def counter_pattern_p(p_x):
    source = CounterPattern(KEY, NONCE, symbols.class_counts(0.85, WEIGHTS))
    seen = Counter(source.settings(np.arange(40_000, dtype=np.int64)).tolist())
    expected = symbols.composition(40_000, p_x, WEIGHTS).reshape(-1)
    return chi_square_p([seen[code] for code in CODES], expected)


def test_a_counter_pattern_follows_its_probabilities():
    assert counter_pattern_p(0.85) > 1e-4


def test_the_test_of_probabilities_catches_two_percent():
    assert counter_pattern_p(0.83) < 1e-4


@pytest.mark.parametrize(
    "source",
    [CounterPattern(KEY, NONCE, COUNTS), CyclicPattern(np.ones(3, np.uint8))],
)
def test_repr_shows_no_settings_and_no_key(source):
    assert repr(source) in {"CounterPattern()", "CyclicPattern(3 symbols)"}


def test_a_wiped_pattern_holds_no_setting():
    given = np.array([1, 2, 3], dtype=np.uint8)
    source = CyclicPattern(given)
    source.wipe()
    assert not source.pattern.any()
    assert given.tolist() == [1, 2, 3]


def test_a_wiped_counter_has_lost_its_key():
    source = CounterPattern(KEY, NONCE, COUNTS)
    before = source.settings(np.arange(64))
    source.wipe()
    assert not np.array_equal(source.settings(np.arange(64)), before)
