"""Frames of the TCP channel: any cut of the bytes gives the same messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.link.frames import (
    MAX_FRAME_BYTES,
    SIGN_OF_LIFE,
    DamagedFrame,
    Farewell,
    FrameReader,
    farewell_frame,
    message_head,
)


def framed(message: bytes) -> bytes:
    return message_head(len(message)) + message


@given(st.lists(st.binary(min_size=1, max_size=40)), st.data())
def test_messages_come_out_however_the_stream_is_cut(messages, data):
    stream = b"".join(SIGN_OF_LIFE + framed(m) for m in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    reader = FrameReader()
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found.extend(reader.feed(stream[begin:end]))
    assert found == messages


@pytest.mark.parametrize("at", range(9))
@pytest.mark.parametrize("bit", range(8))
def test_every_flip_in_a_head_is_noticed_at_once(at, bit):
    head = bytearray(message_head(5) + b"hello")
    head[at] ^= 1 << bit
    reader = FrameReader()
    if head[0] == 0:
        # A head that turns into a sign of life leaves bytes that are no head.
        head += b"\1" * 9
    with pytest.raises(DamagedFrame):
        list(reader.feed(bytes(head)))


def test_a_message_beyond_the_limit_is_refused_before_its_bytes_come():
    with pytest.raises(ValueError, match="too long"):
        message_head(MAX_FRAME_BYTES + 1)


def test_the_announced_length_is_awaited_and_nothing_set_aside():
    reader = FrameReader()
    assert list(reader.feed(message_head(MAX_FRAME_BYTES))) == []
    assert reader.awaited_bytes == MAX_FRAME_BYTES
    assert len(reader._bytes) == 0


def test_a_farewell_is_the_last_thing_heard():
    reader = FrameReader()
    stream = framed(b"bye") + farewell_frame(Farewell.STOPPED) + framed(b"more")
    assert list(reader.feed(stream)) == [b"bye"]
    assert reader.farewell is Farewell.STOPPED
