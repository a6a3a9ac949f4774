"""Cascade: two halves, a plain party that interoperates, efficiency, safety."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_cascade import PlainCascade
from plain_cascade import block_sizes as plain_sizes
from plain_cascade import frame_length as plain_length
from plain_cascade import public_order as plain_order
from plain_cascade import public_subsets as plain_subsets

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import (
    CascadeFrames,
    frame_length,
    public_order,
    public_subsets,
    schedule,
)
from qkdlab.errors import SecurityAbort


def strings(n, qber, seed):
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    errors = (rng.random(n) < qber).astype(np.uint8)
    return alice, alice ^ errors


class Side:
    """One party with all its batches, one after the other."""

    def __init__(self, role, bits, frame_bits=1000, qber=0.03, seed=b"seed", **more):
        self.frames = CascadeFrames(
            role,
            BitArray.from_bools(bits),
            frame_bits=frame_bits,
            qber_estimate=qber,
            public_seed=seed,
            **more,
        )
        self.rounds = self.parities = 0

    def halves(self):
        for batch in range(self.frames.batches):
            half = self.frames.half(batch)
            yield half
            self.rounds += half.rounds
            self.parities += half.parities
            self.frames.release(half)

    def corrected(self):
        return self.frames.corrected()


def run(alice, bob):
    vectors = []
    for a, b in zip(alice.halves(), bob.halves(), strict=True):
        while (from_alice := a.next_round()) is not None:
            from_bob = b.next_round()
            vectors.append((from_alice, from_bob))
            a.feed(from_bob)
            b.feed(from_alice)
        assert b.next_round() is None
    return vectors


def entropy(q):
    return -q * math.log2(q) - (1 - q) * math.log2(1 - q)


@settings(max_examples=40)
@given(
    n=st.integers(0, 700),
    frame_bits=st.sampled_from([1, 2, 63, 64, 65, 200, 1000]),
    qber=st.sampled_from([0.0, 0.01, 0.05, 0.12, 0.5]),
    pace=st.sampled_from(["near", "far"]),
    batch_frames=st.sampled_from([1, 2, 128]),
    seed=st.integers(0, 999),
)
def test_sides_stay_in_step_and_agree_on_the_errors(
    n, frame_bits, qber, pace, batch_frames, seed
):
    a, b = strings(n, qber, seed)
    more = {"pace": pace, "batch_frames": batch_frames}
    alice = Side("alice", a, frame_bits, 0.05, **more)
    bob = Side("bob", b, frame_bits, 0.05, **more)
    run(alice, bob)
    found = bob.frames.errors()
    assert alice.frames.errors() == found
    assert alice.corrected() == BitArray.from_bools(a)
    assert bob.corrected() == BitArray.from_bools(b) ^ found


@pytest.mark.parametrize("plain_role", ["alice", "bob"])
@pytest.mark.parametrize(
    ("n", "frame_bits", "qber", "pace"),
    [
        (1100, 500, 0.04, "near"),
        (130, 130, 0.04, "far"),
        (64, 300, 0.04, "near"),
        (2000, 1000, 0.1, "far"),
        # far more errors than expected: lists have no room for all odd intervals
        (1000, 1000, 0.4, "near"),
        (1000, 1000, 0.4, "far"),
    ],
)
def test_interoperates_with_a_plain_party_bit_by_bit(
    plain_role, n, frame_bits, qber, pace
):
    a, b = strings(n, qber, 5)
    ours_role = "bob" if plain_role == "alice" else "alice"
    ours_bits, plain_bits = (b, a) if ours_role == "bob" else (a, b)
    side = Side(ours_role, ours_bits, frame_bits, 0.04, pace=pace)
    plain = PlainCascade(
        plain_role, plain_bits.tolist(), frame_bits, 0.04, b"seed", far=pace == "far"
    )
    converse(side, plain)
    assert side.corrected().to_bools().tolist() == a.tolist()
    assert plain.corrected() == a.tolist()
    assert side.frames.errors().ones().tolist() == plain.wrong()


@pytest.mark.parametrize("qber", [0.04, 0.4])
@pytest.mark.parametrize("crowd", [(10**6,), (10**6, 10**6, 1000), (2000, 400, 100)])
def test_pieces_of_intervals_are_those_of_the_description(monkeypatch, qber, crowd):
    def crowded(*given):
        return replace(schedule(*given), crowd=crowd)

    monkeypatch.setattr("qkdlab.distill.cascade.frames.schedule", crowded)
    a, b = strings(1000, qber, 5)
    side = Side("bob", b, 300, 0.04, pace="far")
    plain = PlainCascade("alice", a.tolist(), 300, 0.04, b"seed", far=True)
    plain.crowd = crowd
    rounds = converse(side, plain)
    assert side.corrected() == BitArray.from_bools(a)
    assert side.frames.errors().ones().tolist() == plain.wrong()
    monkeypatch.undo()
    halves = converse(
        Side("bob", b, 300, 0.04, pace="far"),
        PlainCascade("alice", a.tolist(), 300, 0.04, b"seed", far=True),
    )
    assert rounds < halves


def converse(side, plain):
    """Let both parties of one batch finish; return the rounds it took."""
    ours = side.frames.half(0)
    while (mine := ours.next_round()) is not None:
        theirs = plain.ask()
        assert len(theirs) == len(mine)
        ours.feed(BitArray.from_bools(theirs))
        plain.tell((mine ^ BitArray.from_bools(theirs)).to_bools().tolist())
    assert plain.ask() == []
    return ours.rounds


def test_corrects_every_frame_of_a_noisy_string():
    a, b = strings(200_000, 0.03, 1)
    alice, bob = Side("alice", a, 8192), Side("bob", b, 8192)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)


@pytest.mark.parametrize(
    ("qber", "pace", "limit", "most_rounds"),
    [
        (0.01, "near", 1.05, 600),
        (0.02, "near", 1.05, 600),
        (0.05, "near", 1.05, 600),
        (0.02, "far", 1.09, 100),
    ],
)
def test_one_way_efficiency_of_long_frames(qber, pace, limit, most_rounds):
    a, b = strings(8 * 65536, qber, 2)
    alice = Side("alice", a, 65536, qber, pace=pace)
    bob = Side("bob", b, 65536, qber, pace=pace)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)
    true_qber = float(np.mean(a != b))
    assert alice.parities / (a.size * entropy(true_qber)) < limit
    assert alice.rounds < most_rounds


def test_counts_every_parity_that_it_sends():
    a, b = strings(3000, 0.03, 3)
    alice, bob = Side("alice", a), Side("bob", b)
    vectors = run(alice, bob)
    assert alice.parities == bob.parities == sum(len(v) for v, _ in vectors)
    assert alice.rounds == len(vectors)


def test_equal_strings_cost_only_the_block_parities_and_the_checks():
    a, _ = strings(2500, 0.0, 4)
    alice, bob = Side("alice", a, 1000, 0.05), Side("bob", a, 1000, 0.05)
    run(alice, bob)
    length = frame_length(2500, 1000)
    expected = 0
    for p, size in enumerate(schedule(0.05, length).block_sizes):
        expected += 3 * (-(-length // size) - (p > 0))
    assert alice.parities == expected + 3 * 16


def test_error_bursts_are_corrected():
    a, _ = strings(8192, 0.0, 5)
    b = a.copy()
    b[1000:1200] ^= 1
    alice, bob = Side("alice", a, 8192, 0.025), Side("bob", b, 8192, 0.025)
    run(alice, bob)
    assert bob.corrected() == BitArray.from_bools(a)


@pytest.mark.parametrize("qber", [1e-5, 0.005, 0.019, 0.02, 0.03, 0.014, 0.3])
@pytest.mark.parametrize("pace", ["near", "far"])
@pytest.mark.parametrize("length", [64, 1024, 65536])
def test_block_sizes_are_those_of_the_description(qber, pace, length):
    sizes = schedule(qber, length, pace).block_sizes
    assert list(sizes) == plain_sizes(qber, length, pace == "far")
    assert list(sizes) == sorted(sizes)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 65536))
def test_frames_have_one_length_that_fills_the_last(n_bits, frame_bits):
    length = frame_length(n_bits, frame_bits)
    assert length == plain_length(n_bits, frame_bits)
    assert length % 64 == 0
    assert length < frame_bits + 64
    frames = -(-n_bits // length)
    assert frames * length - n_bits < max(64 * frames, 64)


@pytest.mark.parametrize("frame_bits", [0, 65537])
def test_frames_of_another_length_are_refused(frame_bits):
    with pytest.raises(ValueError, match="1 to 65536"):
        frame_length(100, frame_bits)


@pytest.mark.parametrize("length", [64, 192])
def test_orders_and_subsets_are_those_of_the_description(length):
    assert public_order(b"\x01", 3, length).tolist() == plain_order(b"\x01", 3, length)
    found = public_subsets(b"\x01\x02", 5, length)
    rows = [BitArray.from_words(row, length).to_bools().tolist() for row in found]
    assert rows == plain_subsets(b"\x01\x02", 5, length)


def test_orders_of_passes_and_seeds_differ():
    orders = [public_order(s, p, 512).tolist() for s in (b"a", b"b") for p in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_a_vector_of_another_length_is_refused():
    alice = Side("alice", np.zeros(100, np.uint8)).frames.half(0)
    mine = alice.next_round()
    assert mine is not None
    with pytest.raises(SecurityAbort, match="do not fit"):
        alice.feed(BitArray.zeros(len(mine) + 1))


def test_a_vector_nobody_asked_for_is_refused():
    half = Side("alice", np.zeros(100, np.uint8)).frames.half(0)
    with pytest.raises(SecurityAbort, match="do not fit"):
        half.feed(BitArray.zeros(0))


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["alice", "bob"]),
    st.sampled_from(["near", "far"]),
    st.integers(1, 200),
)
def test_random_answers_end_in_finite_time(seed, role, pace, n):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, n, dtype=np.uint8)
    party = Side(role, bits, 64, 0.2, pace=pace).frames.half(0)
    for _ in range(5000):
        mine = party.next_round()
        if mine is None:
            return
        try:
            party.feed(BitArray.from_bools(rng.integers(0, 2, len(mine))))
        except SecurityAbort:
            return
    pytest.fail("Cascade went on for ever")


def test_a_released_half_leaves_no_bits_behind():
    a, _ = strings(5000, 0.0, 6)
    side = Side("alice", a)
    half = side.frames.half(0)
    assert half.next_round() is not None
    work = half._work
    assert work.rows[:, 0].any()
    side.frames.release(half)
    untouched = type(work)(schedule(0.03, frame_length(5000, 1000)), work.frames)
    for name in ("rows", "out", "mixed", "check", "numbers", "flags"):
        assert np.array_equal(getattr(work, name), getattr(untouched, name))


def test_wiping_overwrites_the_string():
    side = Side("bob", np.ones(500, np.uint8))
    assert side.corrected().count() == 500
    side.frames.wipe()
    assert side.corrected().count() == 0


def test_repr_shows_no_bits():
    side = Side("bob", np.ones(5, np.uint8))
    assert repr(side.frames) == "CascadeFrames(5 bits, 1 batches)"
    assert repr(side.frames.half(0)) == "CascadeHalf(1 frames, 0 rounds)"
