"""Framing of the simulators' SCPI parser."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.scpi.framing import MessageFramer

STREAM = (
    b"*IDN?\n"
    b"DATA:ARB a,#212ab\ncd\n\"#'ef;\n"
    b"X '#9';Y \"a\nb\"\n"
    b"\r\n"
    b"Z #H1F\n"
    b"D #0one\n"
    b"LAST?\n"
)
MESSAGES = [
    b"*IDN?",
    b"DATA:ARB a,#212ab\ncd\n\"#'ef;",
    b"X '#9';Y \"a",
    b'b"',
    b"\r",
    b"Z #H1F",
    b"D #0one",
    b"LAST?",
]


def test_line_feeds_in_blocks_are_data():
    # the quote opened by `b"` runs to the end of its line only
    assert MessageFramer(1000).feed(STREAM) == MESSAGES


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_any_split_gives_the_same_messages(cuts):
    framer = MessageFramer(1000)
    edges = [0, *sorted(cuts), len(STREAM)]
    got = []
    for begin, end in itertools.pairwise(edges):
        got += framer.feed(STREAM[begin:end])
    assert got == MESSAGES


@given(
    st.lists(st.binary(max_size=40), max_size=5),
    st.lists(st.integers(1, 40), min_size=1, max_size=200),
)
def test_any_bytes_travel_in_definite_blocks(payloads, sizes):
    parts = [b"D #%d%d%s" % (len(str(len(p))), len(p), p) for p in payloads]
    stream = b"".join(part + b"\n" for part in parts)
    framer = MessageFramer(10_000)
    got, at = [], 0
    for size in sizes * (len(stream) + 1):
        if at >= len(stream):
            break
        got += framer.feed(stream[at : at + size])
        at += size
    assert got == parts


@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_message_over_the_limit_is_lost_and_the_next_is_not(step):
    stream = b"A" * 21 + b"\nB?\n"
    framer = MessageFramer(20)
    got = []
    for at in range(0, len(stream), step):
        got += framer.feed(stream[at : at + step])
    assert got == [None, b"B?"]
