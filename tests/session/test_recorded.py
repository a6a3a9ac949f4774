"""Tags read from the record come in any stretches, and are always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.transcript import Transcript
from qkdlab.randomness import (
    OperatingSystemRandomness,
    RecordedRandomness,
    RecordingRandomness,
)
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.session.recorded import RecordedReceiver
from qkdlab.timetags.block import TagBlock

END_PS = 1000
T_PS = np.arange(3, END_PS, 7)
CHANNELS = (T_PS % 4).astype(np.uint8)
END = SecurityAbort(AbortCode.COVERAGE_GAP, "the record ends here")


def blocks(edges: list[int], lost: tuple[tuple[int, int], ...] = ()) -> list[TagBlock]:
    """Cut the tags at `edges`; what was lost is in the block that holds it."""
    made = []
    for begin, end in zip([0, *edges], [*edges, END_PS], strict=True):
        inside = slice(*np.searchsorted(T_PS, [begin, end]).tolist())
        mine = tuple((a, b) for a, b in lost if begin <= a < end)
        made.append(TagBlock(T_PS[inside], CHANNELS[inside], begin, end, mine))
    return made


def receiver(made: list[TagBlock]) -> RecordedReceiver:
    return RecordedReceiver(((0, 0), (0, 1), (1, 0), (1, 1)), made, END)


edges = st.lists(st.integers(1, END_PS - 1), unique=True, max_size=8).map(sorted)


@given(edges, edges)
def test_any_stretches_hold_the_same_tags(recorded: list[int], asked: list[int]):
    source = receiver(blocks(recorded))
    read = [
        source.read(end - begin)
        for begin, end in zip([0, *asked], [*asked, END_PS], strict=True)
    ]
    assert np.array_equal(np.concatenate([b.t for b in read]), T_PS)
    assert np.array_equal(np.concatenate([b.ch for b in read]), CHANNELS)
    assert [b.t_begin for b in read] == [0, *asked]
    assert [b.t_end for b in read] == [*asked, END_PS]


def test_a_recorded_stretch_comes_back_as_it_was():
    made = blocks([300, 600], lost=((310, 320),))
    source = receiver(made)
    assert [source.read(300), source.read(300), source.read(400)] == made


def test_what_was_lost_stays_lost_however_it_is_read():
    source = receiver(blocks([500], lost=((310, 390),)))
    assert source.read(350).lost == ((310, 350),)
    assert source.read(650).lost == ((350, 390),)


def test_a_gap_of_the_record_is_seen():
    first, last = blocks([500])
    source = receiver([first, TagBlock(last.t[6:], last.ch[6:], 530, END_PS)])
    source.read(500)
    assert source.read(500).t_begin == 530


def test_the_end_of_the_record_is_raised():
    source = receiver(blocks([]))
    source.read(END_PS)
    with pytest.raises(SecurityAbort, match="the record ends here"):
        source.read(1)


messages = st.lists(
    st.tuples(st.sampled_from(["alice-to-bob", "bob-to-alice"]), st.binary(min_size=1))
)


def transcript(said: list[tuple[str, bytes]]) -> str:
    hashing = Transcript()
    for way, data in said:
        hashing.add(way, data)
    return hashing.sha256


@given(messages)
def test_a_transcript_does_not_depend_on_who_saw_it(said: list[tuple[str, bytes]]):
    sorted_by_way = sorted(said, key=lambda m: m[0])
    assert transcript(said) == transcript(sorted_by_way)


@given(messages, st.binary(min_size=1, max_size=3).filter(lambda d: d[:1] != b"{"))
def test_a_transcript_tells_every_message(said: list[tuple[str, bytes]], more: bytes):
    assert transcript(said) != transcript([*said, ("bob-to-alice", more)])


def test_plain_messages_are_no_part_of_a_transcript():
    assert transcript([("bob-to-alice", b'{"kind":"hello"}')]) == transcript([])


def test_recorded_bits_are_those_that_were_drawn(tmp_path: Path):
    writer = RunFileWriter(
        tmp_path / "a.h5",
        party="alice",
        config={},
        config_hash="",
        key_class="lab",
        run_id="00",
        mode="sim",
    )
    drawing = RecordingRandomness(
        OperatingSystemRandomness(),
        lambda label, bits: writer.random_bits(0, label, bits),
    )
    sizes = [3, 64, 0, 100_003]
    drawn = [drawing.secret("pattern", n) for n in sizes]
    public = drawing.public("block 0 seed", 17)
    with open_run(writer.finish()) as file:
        again = RecordedRandomness(file.random_bits(), seeded=False)
    assert [again.secret("pattern", n) for n in sizes] == drawn
    assert again.public("block 0 seed", 17) == public
    with pytest.raises(LookupError, match="17 bits of 'public/block 0 seed'"):
        again.public("block 0 seed", 17)


def test_another_number_of_bits_is_not_on_record():
    again = RecordedRandomness([("secret/x", BitArray.zeros(8))], seeded=True)
    with pytest.raises(LookupError):
        again.secret("x", 9)
    assert "secret" not in repr(again)
