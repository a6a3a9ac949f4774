from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from qkdlab_sims.optics.settings import processor
from qkdlab_sims.optics.settings._kernels import encrypt
from qkdlab_sims.optics.settings.aes import expand_key
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.layout import TOTAL, Shares

LEVELS = [False] + [True] * processor.has_aes()
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
NONCE = 0xF0F1F2F3F4F5F6F7
SHARES = Shares((11469, 1966, 8192, 1311, 8192, 1638))


def encrypted(key, first_bytes, hardware):
    """Return AES of one block of 16 bytes."""
    nonce, block = (int.from_bytes(half, "big") for half in first_bytes)
    # a group of the same block, three before the counter, apart by a word
    blocks = np.full(processor.GROUP, (block + 3) % 2**64, np.uint64)
    out = np.zeros(3 * processor.GROUP, np.uint64)
    how = (expand_key(key), np.uint64(nonce), hardware)
    encrypt(blocks, 3, how, 3, out)
    rows = out.reshape(-1, 3)
    assert not rows[:, 2].any()
    (words,) = np.unique(rows[:, :2], axis=0)
    return words.astype("<u8").tobytes().hex()


@pytest.mark.parametrize("hardware", LEVELS)
def test_aes_gives_the_answer_of_fips_197(hardware):
    """Appendix C.1."""
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    got = encrypted(bytes(range(16)), (plain[:8], plain[8:]), hardware)
    assert got == "69c4e0d86a7b0430d8cdb78070b4c55a"


@pytest.mark.parametrize("hardware", LEVELS)
@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        ("f8f9fafbfcfdfeff", "ec8cdf7398607cb0f2d21675ea9ea1e4"),
        ("f8f9fafbfcfdff00", "362b7c3c6773516318a077d7fc5073ae"),
        ("f8f9fafbfcfdff01", "6a2cc3787889374fbeb4c81b17ba6c44"),
        ("f8f9fafbfcfdff02", "e89c399ff0f198c6d40a31db156cabfe"),
    ],
)
def test_aes_gives_the_keystream_of_sp_800_38a(counter, expected, hardware):
    """Appendix F.5.1: output blocks of CTR-AES128."""
    halves = (NONCE.to_bytes(8, "big"), bytes.fromhex(counter))
    assert encrypted(KEY, halves, hardware) == expected


@pytest.mark.parametrize("hardware", LEVELS)
def test_settings_are_those_of_the_example_in_the_layout(hardware):
    source = CounterSettings(KEY, NONCE, SHARES, hardware)
    found = source.settings(np.arange(8))
    assert found.tolist() == [0, 9, 8, 1, 11, 1, 11, 1]


def plain_settings(key, nonce, counts, pulse):
    """The layout in plain words: the keystream by `cryptography`."""
    start = nonce << 64 | pulse // 8
    mode = modes.CTR(start.to_bytes(16, "big"))
    stream = Cipher(algorithms.AES128(key), mode).encryptor().update(bytes(16))
    at = 2 * (pulse % 8)
    word = int.from_bytes(stream[at : at + 2], "little")
    draw, which = word >> 1, 0
    while draw >= counts[which]:
        draw -= counts[which]
        which += 1
    return 2 * which + (word & 1)


@st.composite
def generators(draw):
    cuts = draw(st.lists(st.integers(0, TOTAL), max_size=7))
    edges = [0, *sorted(cuts), TOTAL]
    counts = tuple(b - a for a, b in itertools.pairwise(edges))
    key = draw(st.binary(min_size=16, max_size=16))
    return key, draw(st.integers(0, 2**64 - 1)), counts


@pytest.mark.parametrize("hardware", LEVELS)
@given(generators(), st.lists(st.integers(0, 2**62), min_size=1, max_size=9))
def test_settings_follow_the_layout(hardware, generator, pulses):
    key, nonce, counts = generator
    source = CounterSettings(key, nonce, Shares(counts), hardware)
    found = source.settings(np.array(pulses)).tolist()
    assert found == [plain_settings(key, nonce, counts, k) for k in pulses]


def test_settings_come_with_their_shares():
    source = CounterSettings(KEY, NONCE, SHARES)
    n = 1 << 18
    seen = np.bincount(source.settings(np.arange(n)), minlength=12)
    expected = n * np.array(SHARES.probabilities())
    assert chisquare(seen, expected).pvalue > 1e-4
    other = n * np.array(Shares((11469 + 328, 1966 - 328, *SHARES.counts[2:])).counts)
    other = np.repeat(other, 2) / (2 * TOTAL)
    assert chisquare(seen, other).pvalue < 1e-4


def test_shares_are_the_nearest_counts():
    assert Shares.of([0.5, 0.25, 0.25]).counts == (16384, 8192, 8192)
    assert Shares.of([1, 1, 1]).counts == (10923, 10923, 10922)


@pytest.mark.parametrize("counts", [(), (TOTAL + 1, -1), (TOTAL - 1,)])
def test_counts_that_do_not_fill_the_draw_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        Shares(counts)


@pytest.mark.parametrize("probabilities", [[], [0.0, 0.0], [0.5, -0.1]])
def test_probabilities_that_mean_nothing_are_refused(probabilities):
    with pytest.raises(ValueError, match="probabilities"):
        Shares.of(probabilities)


def test_keys_and_nonces_of_another_size_are_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        CounterSettings(bytes(32), 0, SHARES)
    with pytest.raises(ValueError, match="64 bits"):
        CounterSettings(bytes(16), 1 << 64, SHARES)


def test_a_generator_does_not_show_its_key():
    assert repr(CounterSettings(KEY, NONCE, SHARES)) == (
        f"CounterSettings(shares={SHARES!r})"
    )


def test_without_aes_rounds_the_tables_serve(monkeypatch):
    plain = SimpleNamespace(magic_tuple=lambda: ("x86_64", "generic", "+sse2,-aes"))
    target = SimpleNamespace(codegen=lambda: plain)
    monkeypatch.setattr(processor, "cpu_target", SimpleNamespace(target_context=target))
    assert not CounterSettings(KEY, NONCE, SHARES).hardware
