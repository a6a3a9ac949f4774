"""Merging by watermark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.timetags.block import Interval, TagBlock
from qkdlab.timetags.merge import ChannelTags, MergeState, merge, merge_sorted

CHANNELS = (0, 1, 2)
T_END = 100


def times(*t: int) -> np.ndarray:
    return np.array(t, np.int64)


def run(pieces: list[ChannelTags], channels: tuple[int, ...] = CHANNELS) -> TagBlock:
    """Merge all pieces and join the blocks, which must follow each other."""
    state = MergeState.begin(channels)
    t: list[int] = []
    ch: list[int] = []
    lost: list[Interval] = []
    covered = number = 0
    for piece in pieces:
        state, block = merge(state, piece)
        assert block.t_begin == covered
        assert block.seq == number
        number += block.t_end > block.t_begin
        covered = block.t_end
        t += block.t.tolist()
        ch += block.ch.tolist()
        for begin, end in block.lost:
            if lost and lost[-1][1] == begin:
                lost[-1] = (lost[-1][0], end)
            else:
                lost.append((begin, end))
    return TagBlock(times(*t), np.array(ch, np.uint8), 0, covered, tuple(lost))


@st.composite
def split_streams(
    draw: st.DrawFn,
) -> tuple[list[list[int]], list[Interval], list[ChannelTags]]:
    """Draw streams, losses, and the pieces of one way to cut and interleave them."""
    stream = st.lists(st.integers(0, T_END - 1), max_size=20).map(sorted)
    streams = [draw(stream) for _ in CHANNELS]
    lost: list[Interval] = []
    queues: list[list[ChannelTags]] = []
    for ch, tags in enumerate(streams):
        cuts = sorted(draw(st.sets(st.integers(1, T_END - 1), max_size=5)))
        begin = 0
        queue = []
        for end in [*cuts, T_END]:
            # the watermark may lag behind the tags of the piece
            inside = times(*(t for t in tags if begin <= t < end))
            mark = draw(st.integers(begin, int(inside[0]) if inside.size else end))
            loss = ((begin, end),) if draw(st.integers(0, 9)) == 0 else ()
            lost += loss
            queue.append(ChannelTags(ch, inside, mark, loss))
            begin = end
        queue.append(ChannelTags(ch, times(), T_END))
        queues.append(_rising(queue))
    pieces = []
    while any(queues):
        k = draw(st.sampled_from([i for i, q in enumerate(queues) if q]))
        pieces.append(queues[k].pop(0))
    return streams, lost, pieces


def _rising(queue: list[ChannelTags]) -> list[ChannelTags]:
    """Cut nothing before a watermark: tags that wait hold it back."""
    out: list[ChannelTags] = []
    mark = 0
    for piece in queue:
        mark = max(mark, piece.watermark)
        out.append(ChannelTags(piece.ch, piece.t, mark, piece.lost))
    return out


@given(split_streams())
def test_any_split_gives_the_same_tags_coverage_and_losses(
    drawn: tuple[list[list[int]], list[Interval], list[ChannelTags]],
) -> None:
    streams, lost, pieces = drawn
    joined = run(pieces)
    expected = sorted((t, ch) for ch, tags in enumerate(streams) for t in tags)
    assert list(zip(joined.t.tolist(), joined.ch.tolist(), strict=True)) == expected
    assert joined.t_end == T_END
    missing = {t for begin, end in lost for t in range(begin, end)}
    assert {t for begin, end in joined.lost for t in range(begin, end)} == missing


@given(st.lists(st.lists(st.integers(0, 50), max_size=30).map(sorted), max_size=5))
def test_merging_sorted_arrays_is_sorting_pairs(streams: list[list[int]]) -> None:
    channels = [7 - i for i in range(len(streams))]
    t, ch = merge_sorted([times(*s) for s in streams], channels)
    pairs = sorted((x, c) for c, s in zip(channels, streams, strict=True) for x in s)
    assert list(zip(t.tolist(), ch.tolist(), strict=True)) == pairs
    assert (t.dtype, ch.dtype) == (np.int64, np.uint8)


def test_the_slowest_channel_holds_the_others_back() -> None:
    state = MergeState.begin((0, 1))
    state, block = merge(state, ChannelTags(0, times(3, 8), 10))
    assert (len(block), block.t_end) == (0, 0)
    state, block = merge(state, ChannelTags(1, times(5), 6))
    assert (block.t.tolist(), block.t_end) == ([3, 5], 6)


def test_a_silent_channel_gives_coverage() -> None:
    state = MergeState.begin((0, 1))
    state, _ = merge(state, ChannelTags(0, times(3), 10))
    _, block = merge(state, ChannelTags(1, times(), 10))
    assert (block.t.tolist(), block.t_begin, block.t_end) == ([3], 0, 10)


def test_tags_beyond_the_watermark_wait() -> None:
    state = MergeState.begin((0,))
    state, block = merge(state, ChannelTags(0, times(3, 12), 10))
    assert block.t.tolist() == [3]
    _, block = merge(state, ChannelTags(0, times(12, 15), 20))
    assert block.t.tolist() == [12, 12, 15]


def test_a_loss_of_the_future_waits_for_its_time() -> None:
    state = MergeState.begin((0,))
    state, block = merge(state, ChannelTags(0, times(), 10, ((8, 25),)))
    assert block.lost == ((8, 10),)
    state, block = merge(state, ChannelTags(0, times(), 20))
    assert block.lost == ((10, 20),)
    _, block = merge(state, ChannelTags(0, times(), 30))
    assert block.lost == ((20, 25),)


@pytest.mark.parametrize(
    "piece",
    [
        ChannelTags(5, times(), 10),
        ChannelTags(0, times(), 3),
        ChannelTags(0, times(4), 10),
        ChannelTags(0, times(9, 8), 10),
    ],
)
def test_a_broken_promise_is_refused(piece: ChannelTags) -> None:
    state = MergeState.begin((0, 1))
    state, _ = merge(state, ChannelTags(0, times(), 5))
    with pytest.raises(ValueError, match="channel"):
        merge(state, piece)
