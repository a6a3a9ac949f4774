"""LDPC halves: agreement, plans, blind rounds, what is said and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.distill.ldpc import half as half_module
from qkdlab.distill.ldpc.decoder import Decoder
from qkdlab.distill.ldpc.half import BLIND_ROUNDS, LdpcHalf
from qkdlab.distill.ldpc.plan import RESERVE, leak_per_bit, plan_frames
from qkdlab.errors import SecurityAbort

SEED = b"public seed of the block".ljust(32)


def strings(n, qber, seed):
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    bob = alice ^ (rng.random(n) < qber)
    return BitArray.from_bools(alice), BitArray.from_bools(bob)


def halves(alice, bob, qber):
    return tuple(
        LdpcHalf(role, bits, qber_estimate=qber, public_seed=SEED)
        for role, bits in (("alice", alice), ("bob", bob))
    )


def run(alice, bob):
    said = []
    while not alice.finished:
        speaker, listener = (alice, bob) if alice.my_turn else (bob, alice)
        assert speaker.my_turn != listener.my_turn
        message = speaker.next_message()
        said.append(message)
        listener.feed(message)
    assert bob.finished
    return said


def entropy(q):
    return -q * math.log2(q) - (1 - q) * math.log2(1 - q)


@settings(max_examples=12, deadline=None)
@given(
    n=st.integers(0, 3000),
    qber=st.sampled_from([0.0, 0.01, 0.05, 0.11]),
    seed=st.integers(0, 999),
)
def test_short_strings_agree(n, qber, seed):
    a, b = strings(n, qber, seed)
    alice, bob = halves(a, b, 0.03)
    run(alice, bob)
    assert alice.corrected() == a
    assert bob.corrected() == a
    assert bob.errors() == a ^ b


def test_frames_of_many_bits_agree_at_the_expected_leak():
    n, qber = 300_000, 0.03
    a, b = strings(n, qber, 1)
    alice, bob = halves(a, b, qber)
    said = run(alice, bob)
    assert bob.corrected() == a
    leaked = sum(map(len, said))
    assert leaked / (n * entropy(qber)) < 1.17


def test_one_way_without_failures_is_two_messages():
    a, b = strings(60_000, 0.02, 2)
    alice, bob = halves(a, b, 0.025)
    said = run(alice, bob)
    assert len(said) == alice.messages == bob.messages == 2
    assert said[1].count() == 0
    assert len(said[1]) == alice.plan.n_frames


def test_failed_frames_are_saved_by_punctured_bits():
    a, b = strings(120_000, 0.0325, 3)
    alice, bob = halves(a, b, 0.03)
    said = run(alice, bob)
    failed, punctured = said[1].count(), alice.plan.punctured.size
    assert failed > 0
    assert len(said[2]) == failed * -(-punctured // BLIND_ROUNDS)
    assert bob.corrected() == a
    assert bob.disclosed_frames == 0


def test_hopeless_frames_are_told_in_clear():
    a, b = strings(70_000, 0.2, 4)
    alice, bob = halves(a, b, 0.03)
    said = run(alice, bob)
    assert alice.disclosed_frames == bob.disclosed_frames == alice.plan.n_frames
    assert len(said[-1]) == len(a)
    assert len(said) == 2 + 2 * BLIND_ROUNDS + 1
    assert bob.corrected() == a
    assert bob.errors() == a ^ b


def test_one_burst_costs_only_its_own_frame_in_clear():
    a, b = strings(150_000, 0.01, 5)
    burst = np.zeros(150_000, np.uint8)
    burst[60_000:70_000] = 1
    alice, bob = halves(a, b ^ BitArray.from_bools(burst), 0.015)
    run(alice, bob)
    assert bob.corrected() == a
    assert 0 < bob.disclosed_frames < bob.plan.n_frames


def test_what_bob_worked_out_is_overwritten_once_it_is_used(monkeypatch):
    a, b = strings(6000, 0.5, 11)
    alice, bob = halves(a, b, 0.03)
    worked_out = []

    def watched(function):
        def keep(*arguments):
            worked_out.append(function(*arguments))
            return worked_out[-1]

        return keep

    monkeypatch.setattr(bob._decoder, "syndromes", watched(bob._decoder.syndromes))
    monkeypatch.setattr(half_module, "from_string", watched(half_module.from_string))
    monkeypatch.setattr(BitArray, "__xor__", watched(BitArray.__xor__))
    run(alice, bob)
    assert bob.disclosed_frames == 1
    assert len(worked_out) == 1 + BLIND_ROUNDS + 2
    for copy in worked_out:
        assert not (copy.words if isinstance(copy, BitArray) else copy).any()


def test_alice_never_knows_the_errors():
    a, b = strings(1000, 0.02, 6)
    alice, bob = halves(a, b, 0.02)
    with pytest.raises(ValueError, match="only Bob"):
        bob.errors()
    run(alice, bob)
    with pytest.raises(ValueError, match="only Bob"):
        alice.errors()


def test_all_that_alice_tells_is_parities_of_her_key_bits():
    a, _ = strings(64, 0.0, 7)
    b, _ = strings(64, 0.0, 8)

    def told(bits):
        return halves(bits, bits, 0.03)[0].next_message()

    zero = BitArray.zeros(64)
    assert told(zero).count() == 0
    assert told(a ^ b) == told(a) ^ told(b)


def test_a_message_of_another_length_is_refused():
    a, b = strings(500, 0.02, 9)
    alice, bob = halves(a, b, 0.02)
    message = alice.next_message()
    with pytest.raises(SecurityAbort, match="do not fit"):
        bob.feed(message[: len(message) - 1])


def test_nobody_speaks_out_of_turn():
    a, b = strings(500, 0.02, 10)
    alice, bob = halves(a, b, 0.02)
    with pytest.raises(ValueError, match="turn"):
        bob.next_message()
    with pytest.raises(SecurityAbort):
        alice.feed(BitArray.zeros(1))


def test_nothing_may_be_said_at_the_end():
    a, b = strings(500, 0.02, 11)
    alice, bob = halves(a, b, 0.02)
    run(alice, bob)
    with pytest.raises(SecurityAbort):
        bob.feed(BitArray.zeros(1))


def test_wiping_leaves_no_bit():
    a, b = strings(5000, 0.02, 12)
    alice, bob = halves(a, b, 0.02)
    run(alice, bob)
    alice.wipe()
    bob.wipe()
    for half in (alice, bob):
        for held in (half._words, half._errors, half._lanes):
            assert not held.any()


def test_repr_shows_no_bits():
    a, b = strings(100, 0.02, 13)
    assert repr(halves(a, b, 0.02)[0]) == "LdpcHalf(100 bits, parities)"


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 12_000_000),
    qber=st.floats(0.002, 0.11),
)
def test_frames_cover_the_string_and_the_code(n, qber):
    plan = plan_frames(n, qber, SEED)
    assert sum(map(plan.key_bits_of, range(plan.n_frames))) == n
    assert plan.key_bits_of(plan.n_frames - 1) > 0
    taken = np.concatenate([plan.key, plan.punctured, plan.shortened])
    assert np.array_equal(np.sort(taken), np.arange(plan.code.n_bits))
    assert plan.key.size == plan.n_key
    assert plan.told_checks.size == plan.code.n_checks - plan.punctured.size
    assert plan.punctured.size >= int(RESERVE * plan.code.n_checks)


def test_no_check_meets_two_punctured_bits():
    plan = plan_frames(200_000, 0.025, SEED)
    rows, first = plan.code.rows_of_columns
    met = [rows[first[p] : first[p + 1]] for p in plan.punctured]
    every = np.concatenate(met)
    assert np.unique(every).size == every.size
    assert np.array_equal(plan.own_checks, [r[0] for r in met])


def test_the_public_seed_chooses_the_positions():
    one, other = (plan_frames(200_000, 0.02, s) for s in (SEED, b"other"))
    assert not np.array_equal(one.key, other.key)


@pytest.mark.parametrize("qber", [0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1])
def test_planned_leak_of_long_blocks_is_within_the_goal(qber):
    plan = plan_frames(1 << 25, qber, SEED)
    leak = plan.told_checks.size / plan.n_key
    assert leak / entropy(qber) < 1.16
    share = plan.punctured.size / plan.code.n_checks
    assert leak >= leak_per_bit(qber, plan.n_key, share) * (1 - 1e-3)


def test_an_empty_string_is_finished_at_once():
    alice, bob = halves(BitArray.zeros(0), BitArray.zeros(0), 0.02)
    assert alice.finished
    assert bob.finished
    assert bob.corrected() == BitArray.zeros(0)


def test_nothing_to_plan_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        plan_frames(0, 0.02, SEED)


def test_no_copy_of_a_string_or_of_its_errors_stays_behind(monkeypatch):
    held = []
    decode, laid = Decoder.decode, half_module.from_string

    def decoding(decoder, difference, *others):
        found = decode(decoder, difference, *others)
        assert found.errors.any()
        held.extend([difference, found.errors])
        return found

    workspace = Decoder._workspace

    def working(decoder):
        space = workspace(decoder)
        held.extend(space)
        return space

    def laying(*arguments):
        held.append(laid(*arguments))
        return held[-1]

    monkeypatch.setattr(Decoder, "decode", decoding)
    monkeypatch.setattr(Decoder, "_workspace", working)
    monkeypatch.setattr(half_module, "from_string", laying)
    a, b = strings(120_000, 0.0325, 3)
    both = halves(a, b, 0.03)
    held.extend(one._lanes for one in both)
    run(*both)
    assert both[1].messages > 2  # some frames failed, and were laid out anew
    for one in both:
        one.wipe()
    assert not any(copy.any() for copy in held)
