"""Seeded streams are reproducible and apart; nothing shows its bits."""

import numpy as np
import pytest

from qkdlab.randomness import OperatingSystemRandomness, SeededRandomness

SOURCES = [OperatingSystemRandomness(), SeededRandomness(7, "alice")]


def draw(seed: int, party: str, kind: str, label: str, n_bits: int = 256) -> bytes:
    source = SeededRandomness(seed, party)
    return getattr(source, kind)(label, n_bits).to_bytes()


def test_the_same_seed_party_and_label_give_the_same_bits():
    assert draw(7, "alice", "secret", "bases") == draw(7, "alice", "secret", "bases")


@pytest.mark.parametrize(
    "other",
    [
        (8, "alice", "secret", "bases"),
        (7, "bob", "secret", "bases"),
        (7, "alice", "public", "bases"),
        (7, "alice", "secret", "bits"),
    ],
)
def test_seed_party_kind_and_label_each_change_the_bits(other):
    assert draw(*other) != draw(7, "alice", "secret", "bases")


def test_a_second_call_continues_with_new_bits():
    source = SeededRandomness(7, "alice")
    assert source.secret("bases", 256) != source.secret("bases", 256)


def test_calls_with_other_labels_do_not_disturb_a_stream():
    source = SeededRandomness(7, "alice")
    source.secret("bits", 1000)
    source.public("bases", 64)
    assert source.secret("bases", 256).to_bytes() == draw(7, "alice", "secret", "bases")


def test_seeded_bits_are_fair():
    """10^6 bits; p > 1e-4 two-sided is 3.89 standard deviations of 500."""
    ones = SeededRandomness(7, "alice").secret("fair", 1_000_000).count()
    assert abs(ones - 500_000) < 3.89 * 500


def test_the_operating_system_gives_new_bits_each_time():
    source = OperatingSystemRandomness()
    assert source.secret("bases", 256) != source.secret("bases", 256)


@pytest.mark.parametrize("source", SOURCES, ids=repr)
@pytest.mark.parametrize("n_bits", [0, 1, 63, 64, 65, 1000])
def test_every_length_is_possible(source, n_bits):
    for bits in (source.secret("x", n_bits), source.public("x", n_bits)):
        assert len(bits) == n_bits
        assert bits.words.size == -(-n_bits // 64)


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_a_negative_length_is_refused(source):
    with pytest.raises(ValueError, match="n_bits"):
        source.secret("x", -1)


def test_only_seeded_sources_say_that_they_are():
    assert SeededRandomness(7, "alice").seeded
    assert not OperatingSystemRandomness().seeded


def test_repr_shows_no_seed():
    source = SeededRandomness(123456789, "alice")
    assert "123456789" not in repr(source)
    assert "alice" in repr(source)


def test_words_are_read_only():
    words = SeededRandomness(7, "alice").secret("x", 64).words
    with pytest.raises(ValueError, match="read-only"):
        words[0] = np.uint64(1)
