"""Bytes under way: in order, each in its time, however the line is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.mount.wire import Wire, byte_time_ps

PIECES = st.lists(
    st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=20)), max_size=10
)


def test_a_byte_at_9600_baud_takes_ten_bits():
    assert byte_time_ps(9600) == pytest.approx(1e12 / 960, rel=1e-9)
    assert byte_time_ps(None) == 0


@given(PIECES, st.integers(0, 50), st.lists(st.integers(1, 400), max_size=30))
def test_bytes_come_out_in_order_and_none_before_its_time(pieces, byte_ps, looks):
    wire = Wire()
    sent, due = b"", []
    free_ps = 0
    pieces = sorted(pieces, key=lambda piece: piece[0])
    for now_ps, data in pieces:
        wire.put(data, now_ps, byte_ps)
        sent += data
        begin_ps = max(free_ps, now_ps)
        due += [begin_ps + (k + 1) * byte_ps for k in range(len(data))]
        free_ps = begin_ps + len(data) * byte_ps
    heard, now_ps = b"", 0
    for look in [*looks, 10_000_000]:
        now_ps += look
        for data, at_ps in wire.take(now_ps):
            heard += data
            assert due[len(heard) - 1] == at_ps <= now_ps
        assert len(heard) == sum(t <= now_ps for t in due)
    assert heard == sent
    assert len(wire) == 0
    assert wire.next_arrival_ps() is None


def test_the_next_arrival_is_that_of_the_first_byte_still_under_way():
    wire = Wire()
    wire.put(b"abc", 1000, 10)
    assert wire.next_arrival_ps() == 1010
    assert wire.take(1010) == [(b"a", 1010)]
    assert wire.next_arrival_ps() == 1020
    wire.clear()
    assert wire.take(10_000) == []
