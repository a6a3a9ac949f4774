"""Slotting, gate and live-time mask against a plain reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.timetags._kernels import correct_and_sort, floor_divide
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import Alignment, SlotClicks, SlotState, slot_block

FRAME_PS = 200 * 10_000
ALIGNMENT = Alignment(
    reference_ps=FRAME_PS,
    slot_ps=10_000,
    stretch=0.0,
    offset_ps=(123_000, 123_310, 122_740, 123_150),
    gate_ps=2000,
    blank_ps=60_000,
)


def make_block(
    t: np.ndarray, ch: np.ndarray, begin: int, end: int, seq: int = 0
) -> TagBlock:
    order = np.argsort(t, kind="stable")
    return TagBlock(
        t[order].astype(np.int64), ch[order].astype(np.uint8), begin, end, seq=seq
    )


def run(blocks: list[TagBlock], alignment: Alignment = ALIGNMENT):
    state = SlotState()
    slots: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    for i, block in enumerate(blocks):
        state, clicks = slot_block(state, block, alignment, last=i == len(blocks) - 1)
        slots.append(clicks.slot)
        masks.append(clicks.mask)
    return state, SlotClicks(np.concatenate(slots), np.concatenate(masks))


def plain_reference(t: np.ndarray, ch: np.ndarray, a: Alignment):
    """Judge every slot on its own, by the words of the rule."""
    corrected = sorted(
        (int(x) + round((int(x) % a.reference_ps) * a.stretch) - a.offset_ps[c], int(c))
        for x, c in zip(t, ch, strict=True)
    )
    times = [x for x, _ in corrected]
    found: dict[int, int] = {}
    for x, c in corrected:
        k = (x + a.slot_ps // 2) // a.slot_ps
        opening = k * a.slot_ps - a.gate_ps // 2
        if not opening <= x < opening + a.gate_ps:
            continue
        if any(opening - a.blank_ps <= y < opening for y in times):
            continue
        lead = min(a.offset_ps) // a.slot_ps
        position = (k + lead) % a.slots_per_frame
        if 4 <= position < a.slots_per_frame - 4:
            found[k] = found.get(k, 0) | (1 << c)
    return sorted(found), [found[k] for k in sorted(found)]


def random_tags(seed: int, n: int, frames: int):
    rng = np.random.default_rng(seed)
    slot = rng.integers(0, 200 * frames, n)
    ch = rng.integers(0, 4, n)
    offsets = np.array(ALIGNMENT.offset_ps)
    t = slot * 10_000 + offsets[ch] + np.rint(rng.normal(0, 600, n)).astype(np.int64)
    return t, ch


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clicks_are_those_of_the_rule_read_slot_by_slot(seed: int) -> None:
    t, ch = random_tags(seed, 800, 30)
    _, clicks = run([make_block(t, ch, 0, 40 * FRAME_PS)])
    slots, masks = plain_reference(t, ch, ALIGNMENT)
    assert clicks.slot.tolist() == slots
    assert clicks.mask.tolist() == masks


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(1, 40 * FRAME_PS - 1), max_size=6, unique=True),
)
def test_any_split_of_the_stream_gives_the_same_clicks(
    seed: int, cuts: list[int]
) -> None:
    t, ch = random_tags(seed, 700, 30)
    whole_state, whole = run([make_block(t, ch, 0, 40 * FRAME_PS)])
    edges = [0, *sorted(cuts), 40 * FRAME_PS]
    parts = []
    for i, (begin, end) in enumerate(itertools.pairwise(edges)):
        inside = (t >= begin) & (t < end)
        parts.append(make_block(t[inside], ch[inside], begin, end, i))
    state, split = run(parts)
    assert split.slot.tolist() == whole.slot.tolist()
    assert split.mask.tolist() == whole.mask.tolist()
    assert state.counts == whole_state.counts


def test_a_click_out_of_gate_blanks_the_slots_after_it() -> None:
    base = 123_000
    t = np.array([base + 10 * 10_000 + 3000, base + 14 * 10_000, base + 30 * 10_000])
    ch = np.array([0, 0, 0])
    state, clicks = run([make_block(t, ch, 0, FRAME_PS)])
    assert clicks.slot.tolist() == [30]
    assert state.counts.out_of_gate == 1
    assert state.counts.clicks_in_dead_slots == 1


def test_a_click_in_a_dead_slot_blanks_further_slots() -> None:
    base = 123_000
    t = base + np.array([20, 24, 28, 40]) * 10_000
    _, clicks = run([make_block(t, np.zeros(4, int), 0, FRAME_PS)])
    assert clicks.slot.tolist() == [20, 40]


def test_dead_slots_are_counted_once() -> None:
    base = 123_000
    t = base + np.array([50, 53]) * 10_000
    state, _ = run([make_block(t, np.zeros(2, int), 0, FRAME_PS)])
    # 51..56 after the first click, 54..59 after the second
    assert state.counts.dead_slots == 9


def test_two_channels_in_one_slot_are_judged_together() -> None:
    t = np.array([123_000 + 500_000, 122_740 + 500_000 + 400])
    _, clicks = run([make_block(t, np.array([0, 2]), 0, FRAME_PS)])
    assert clicks.slot.tolist() == [50]
    assert clicks.mask.tolist() == [0b0101]


def test_the_stretch_brings_a_fast_tagger_back_into_the_gate() -> None:
    stretch = -20e-6
    big = Alignment(800_000_000, 10_000, stretch, (0,), 2000, 60_000)
    true = 60_000 * 10_000
    t = np.array([round(true / (1 + stretch))])
    _, clicks = run([make_block(t, np.zeros(1, int), 0, 800_000_000)], big)
    assert clicks.slot.tolist() == [60_000]


def test_slots_beside_a_reference_are_left_out() -> None:
    t = np.array([FRAME_PS + 10_000, FRAME_PS + 100_000, 2 * FRAME_PS - 15_000])
    single = Alignment(FRAME_PS, 10_000, 0.0, (0,), 10_000, 0)
    _, clicks = run([make_block(t, np.zeros(3, int), 0, 3 * FRAME_PS)], single)
    assert clicks.slot.tolist() == [210]


def test_slots_are_left_out_where_any_channel_meets_a_reference() -> None:
    apart = Alignment(FRAME_PS, 10_000, 0.0, (0, 200_000), 2000, 0)
    # slots 2, 4 and 175, 176 of frame 1, on both channels
    slots = np.array([202, 204, 375, 376])
    t = np.concatenate([slots * 10_000, slots * 10_000 + 200_000])
    ch = np.repeat([0, 1], 4)
    _, clicks = run([make_block(t, ch, 0, 4 * FRAME_PS)], apart)
    # 176 + 20 slots of delay are 4 slots before the next reference
    assert clicks.slot.tolist() == [204, 375]
    assert clicks.mask.tolist() == [0b11, 0b11]


@given(
    quotient=st.integers(-(1 << 40), 1 << 40),
    rest=st.integers(-3, 3),
    divisor=st.integers(1, 1 << 20),
)
def test_a_quotient_by_product_is_that_of_the_division(
    quotient: int, rest: int, divisor: int
) -> None:
    value = quotient * divisor + rest
    assert floor_divide(value, divisor, 1 / divisor) == value // divisor


@given(
    times=st.lists(st.integers(0, 5_000), max_size=40).map(sorted),
    before=st.lists(st.integers(0, 3_000), max_size=5).map(sorted),
    stretch=st.sampled_from([0.0, 2e-3, -2e-3]),
)
def test_corrected_tags_come_in_order_behind_those_before(
    times: list[int], before: list[int], stretch: float
) -> None:
    offsets = (700, 705, 690)
    ch = [i % 3 for i in range(len(times))]
    corrected = [
        x + round(x % 1_000 * stretch) - offsets[c]
        for x, c in zip(times, ch, strict=True)
    ]
    wanted = sorted(
        zip([*before, *corrected], [9] * len(before) + ch, strict=True),
        key=lambda tag: tag[0],
    )
    t, c = np.zeros(len(wanted), np.int64), np.full(len(wanted), 9, np.uint8)
    t[: len(before)] = before
    correct_and_sort(
        np.array(times, np.int64),
        np.array(ch, np.uint8),
        1_000,
        stretch,
        np.array(offsets, np.int64),
        len(before),
        t,
        c,
    )
    assert list(zip(t.tolist(), c.tolist(), strict=True)) == wanted
