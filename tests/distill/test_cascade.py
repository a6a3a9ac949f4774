"""Cascade: two halves, a plain party that interoperates, efficiency, safety."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_distillation import PlainCascade
from plain_distillation import public_order as plain_order

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import CascadeHalf, block_sizes, positions_by, public_order
from qkdlab.errors import SecurityAbort


def strings(n, qber, seed):
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    errors = (rng.random(n) < qber).astype(np.uint8)
    return alice, alice ^ errors


def half(role, bits, frame_bits=1000, qber=0.03, seed=b"seed"):
    return CascadeHalf(
        role,
        BitArray.from_bools(bits),
        frame_bits=frame_bits,
        qber_estimate=qber,
        public_seed=seed,
    )


def run(alice, bob):
    vectors = []
    while (from_alice := alice.next_round()) is not None:
        from_bob = bob.next_round()
        vectors.append((from_alice, from_bob))
        alice.feed(from_bob)
        bob.feed(from_alice)
    assert bob.next_round() is None
    return vectors


def entropy(q):
    return -q * math.log2(q) - (1 - q) * math.log2(1 - q)


@settings(max_examples=40)
@given(
    n=st.integers(0, 700),
    frame_bits=st.sampled_from([1, 2, 63, 64, 65, 200, 1000]),
    qber=st.sampled_from([0.0, 0.01, 0.05, 0.12]),
    seed=st.integers(0, 999),
)
def test_halves_stay_in_step_and_agree_on_the_errors(n, frame_bits, qber, seed):
    a, b = strings(n, qber, seed)
    alice, bob = half("alice", a, frame_bits, 0.05), half("bob", b, frame_bits, 0.05)
    run(alice, bob)
    assert alice.errors() == bob.errors()
    assert alice.corrected() == BitArray.from_bools(a)
    assert bob.corrected() == BitArray.from_bools(b) ^ bob.errors()


@pytest.mark.parametrize("plain_role", ["alice", "bob"])
@pytest.mark.parametrize(("n", "frame_bits"), [(1100, 500), (130, 130), (64, 300)])
def test_interoperates_with_a_plain_party_bit_by_bit(plain_role, n, frame_bits):
    a, b = strings(n, 0.04, 5)
    ours_role = "bob" if plain_role == "alice" else "alice"
    ours_bits, plain_bits = (b, a) if ours_role == "bob" else (a, b)
    ours = half(ours_role, ours_bits, frame_bits, 0.04)
    plain = PlainCascade(plain_role, plain_bits.tolist(), frame_bits, 0.04, b"seed")
    while (mine := ours.next_round()) is not None:
        theirs = plain.ask()
        assert len(theirs) == len(mine)
        ours.feed(BitArray.from_bools(theirs))
        plain.tell((mine ^ BitArray.from_bools(theirs)).to_bools().tolist())
    assert plain.ask() == []
    assert ours.corrected().to_bools().tolist() == a.tolist()
    assert plain.corrected() == a.tolist()


def test_corrects_every_frame_of_a_noisy_string():
    a, b = strings(200_000, 0.03, 1)
    alice, bob = half("alice", a, 8192), half("bob", b, 8192)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)


@pytest.mark.parametrize(
    ("qber", "limit"), [(0.01, 1.07), (0.012, 1.07), (0.02, 1.08), (0.05, 1.09)]
)
def test_one_way_efficiency_of_long_frames(qber, limit):
    a, b = strings(4 * 65536, qber, 2)
    alice, bob = half("alice", a, 65536, qber), half("bob", b, 65536, qber)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)
    true_qber = float(np.mean(a != b))
    assert alice.parities / (a.size * entropy(true_qber)) < limit
    assert alice.rounds < 600


def test_counts_every_parity_that_it_sends():
    a, b = strings(3000, 0.03, 3)
    alice, bob = half("alice", a), half("bob", b)
    vectors = run(alice, bob)
    assert alice.parities == bob.parities == sum(len(v) for v, _ in vectors)
    assert alice.rounds == len(vectors)


def test_equal_strings_cost_only_the_block_parities():
    a, _ = strings(2500, 0.0, 4)
    alice, bob = half("alice", a, 1000, 0.05), half("bob", a, 1000, 0.05)
    run(alice, bob)
    expected = 0
    for length in (1000, 1000, 500):
        for p, size in enumerate(block_sizes(0.05, 1000)):
            blocks = -(-length // min(size, -(-length // 2)))
            expected += blocks - (p > 0)
    assert alice.parities == expected


def test_error_bursts_are_corrected():
    a, _ = strings(8192, 0.0, 5)
    b = a.copy()
    b[1000:1200] ^= 1
    alice, bob = half("alice", a, 8192, 0.025), half("bob", b, 8192, 0.025)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)


@pytest.mark.parametrize("length", [1, 8, 100])
def test_public_order_is_that_of_the_description(length):
    assert public_order(b"\x01\x02", 3, length).tolist() == plain_order(
        b"\x01\x02", 3, length
    )


def test_orders_of_passes_and_seeds_differ():
    orders = [public_order(s, p, 500).tolist() for s in (b"a", b"b") for p in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_a_vector_of_another_length_is_refused():
    alice = half("alice", np.zeros(100, np.uint8))
    mine = alice.next_round()
    assert mine is not None
    with pytest.raises(SecurityAbort, match="do not fit"):
        alice.feed(BitArray.zeros(len(mine) + 1))


def test_a_vector_nobody_asked_for_is_refused():
    with pytest.raises(SecurityAbort, match="do not fit"):
        half("alice", np.zeros(100, np.uint8)).feed(BitArray.zeros(0))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["alice", "bob"]))
def test_random_answers_end_in_finite_time(seed, role):
    rng = np.random.default_rng(seed)
    party = half(role, rng.integers(0, 2, 90, dtype=np.uint8), 64, 0.2)
    for _ in range(5000):
        try:
            mine = party.next_round()
        except SecurityAbort:
            return
        if mine is None:
            return
        party.feed(BitArray.from_bools(rng.integers(0, 2, len(mine))))
    pytest.fail("Cascade went on for ever")


def test_the_result_is_not_given_before_the_end():
    with pytest.raises(ValueError, match="not finished"):
        half("bob", np.zeros(100, np.uint8)).corrected()


def test_repr_shows_no_bits():
    assert repr(half("bob", np.ones(5, np.uint8))) == "CascadeHalf(5 bits, 0 rounds)"


@pytest.mark.parametrize(
    "numbers",
    [
        [5],
        [9, 3],
        # equal ones, and ones that differ in the low bits only, which carry positions
        [7, 7, 1, 7],
        [1 << 63 | 6, 1 << 63 | 1, 2, 1 << 63 | 3, 0],
        [(1 << 64) - 1, (1 << 64) - 2, (1 << 64) - 4],
    ],
)
def test_positions_are_ordered_by_the_whole_numbers(numbers):
    expected = sorted(range(len(numbers)), key=lambda i: (numbers[i], i))
    assert positions_by(np.array(numbers, np.uint64)).tolist() == expected
