"""The key block's tags: whole frames, no gaps, on record first, blind to detectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.randomness import SeededRandomness
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import slot_block
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments import acquisition
from qkdlab_experiments.acquisition import (
    OnRecord,
    believed_span_s,
    key_block_span_s,
    read_key_block,
)
from qkdlab_experiments.arms import FOUR_ARMS, PassiveArms
from qkdlab_experiments.detections import detections
from qkdlab_experiments.parameters import Bb84Parameters

SYMBOLS, HEADER, SLOT_PS, FRAMES = 1000, 64, 10_000, 10
FRAME_PS = SYMBOLS * SLOT_PS
FIT = SyncFit(0.0, 0.0, (0, 0, 0, 0), (0.0,) * 4, 20.0, 1.0)
PARAMETERS = Bb84Parameters.model_validate(
    {
        "duration_s": FRAMES * FRAME_PS * 1e-12,
        "symbol_period_ps": SLOT_PS,
        "pattern": {"symbols": SYMBOLS, "header_symbols": HEADER},
        "intensities": {
            "signal": {"mean_photon_number": 0.5, "probability": 0.4},
            "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
            "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
        },
        "detection": {
            "bias_ua": [22.0] * 4,
            "gate_ps": 2000,
            "blank_ps": 60_000,
            "tag_block_s": 20e-6,
        },
    }
)


class Receiver:
    """Hands out given tags, and loses what it is told to."""

    def __init__(self, t, ch, begin_ps=2 * FRAME_PS, skip_ps=0, lost_in=None):
        order = np.argsort(t, kind="stable")
        self.t, self.ch = np.asarray(t, np.int64)[order], np.asarray(ch)[order]
        self.position_ps = begin_ps
        self.skip_ps, self.lost_in, self.reads = skip_ps, lost_in, 0
        self.diary: list[str] = []

    def read(self, duration_ps):
        self.reads += 1
        begin = self.position_ps
        if self.reads == 3:
            begin += self.skip_ps
        end = self.position_ps = begin + duration_ps
        inside = (self.t >= begin) & (self.t < end)
        lost = ((begin, begin + 5),) if self.lost_in == self.reads else ()
        return TagBlock(
            self.t[inside], self.ch[inside].astype(np.uint8), begin, end, lost
        )

    def tags(self, block):
        self.diary.append("recorded")


def sync_block(lost=()):
    return TagBlock(
        np.zeros(0, np.int64), np.zeros(0, np.uint8), 0, 2 * FRAME_PS - 7, lost
    )


def key_block(receiver, already=None):
    pieces = []
    already = already or [sync_block()]
    receiver.position_ps = already[-1].t_end
    source = OnRecord(receiver, receiver)
    for piece in read_key_block(source, PARAMETERS, FIT, already):
        receiver.diary.append("used")
        pieces.append(piece)
    pulse = np.concatenate([p.pulse for p in pieces])
    return pulse, np.concatenate([p.mask for p in pieces])


def at(frame, symbol):
    """Time of a symbol; the key block begins with frame 2."""
    return (2 + frame) * FRAME_PS + symbol * SLOT_PS


def test_it_is_exactly_the_frames_that_were_fixed_before():
    times = [at(frame, 500) for frame in range(-1, FRAMES + 2)]
    pulse, _ = key_block(Receiver(times, np.zeros(len(times))))
    assert pulse.tolist() == [500 + SYMBOLS * frame for frame in range(FRAMES)]


def test_header_symbols_are_left_out():
    pulse, _ = key_block(Receiver([at(3, HEADER - 1), at(4, HEADER)], [0, 0]))
    assert pulse.tolist() == [4 * SYMBOLS + HEADER]


def test_tags_are_on_record_before_anything_is_made_of_them():
    receiver = Receiver([at(1, 500)], [0])
    key_block(receiver)
    assert receiver.diary[0::2] == ["recorded"] * receiver.reads
    assert receiver.diary[1::2] == ["used"] * receiver.reads


def test_what_clicks_stand_for_is_overwritten_once_it_is_judged(monkeypatch):
    kept = []

    def watched(function):
        def keep(*arguments):
            kept.append(function(*arguments))
            return kept[-1]

        return keep

    def judged_slots(*arguments, **options):
        state, clicks = slot_block(*arguments, **options)
        kept.append(clicks.mask)
        return state, clicks

    def fired(pulse, mask):
        kept.append(mask)
        return PassiveArms(FOUR_ARMS).fired(pulse, mask)

    arms, bits = PassiveArms(FOUR_ARMS), SeededRandomness(1, "bob")
    arms.fired, bits.secret = watched(fired), watched(bits.secret)
    monkeypatch.setattr(acquisition, "slot_block", judged_slots)
    for copied in ("to_bools", "__getitem__"):
        monkeypatch.setattr(BitArray, copied, watched(getattr(BitArray, copied)))
    receiver = Receiver([at(1, 500), at(1, 600), at(1, 600)], [1, 2, 3])
    receiver.channels, receiver.slots = FOUR_ARMS, lambda *_: None
    source, already = OnRecord(receiver, receiver), [sync_block()]
    receiver.position_ps = already[-1].t_end
    options = {"fit": FIT, "already": already, "progress": lambda _: None}
    told = detections(source, PARAMETERS, bits, 0, **options, arms=arms)
    judged = [int(value) for one in told for value in one.outcomes.value]
    assert len(judged) == 2
    assert len(kept) > 6
    for secret in kept:
        left = secret.words if isinstance(secret, BitArray) else secret
        assert not left.any()


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("second", range(4))
def test_any_click_blanks_the_next_slots_of_all_detectors(first, second):
    times = [at(1, 500), at(1, 503), at(1, 520)]
    pulse, mask = key_block(Receiver(times, [first, second, second]))
    assert (pulse - SYMBOLS).tolist() == [500, 520]
    assert mask.tolist() == [1 << first, 1 << second]


@pytest.mark.parametrize("channel", range(4))
def test_a_click_outside_the_gate_blanks_too(channel):
    times = [at(1, 500) + SLOT_PS // 2 - 100, at(1, 502)]
    pulse, _ = key_block(Receiver(times, [channel, 0]))
    assert pulse.size == 0


def test_all_clicks_of_a_slot_are_judged_together():
    times = [at(1, 500) - 300, at(1, 500), at(1, 500) + 400]
    pulse, mask = key_block(Receiver(times, [0, 1, 3]))
    assert (pulse.tolist(), mask.tolist()) == ([SYMBOLS + 500], [0b1011])


@pytest.mark.parametrize(
    ("receiver", "already"),
    [
        (Receiver([], [], skip_ps=SLOT_PS), None),
        (Receiver([], [], lost_in=2), None),
        (Receiver([], []), [sync_block(lost=((5, 10),))]),
    ],
    ids=["blocks do not join", "tags lost", "tags lost just before"],
)
def test_a_gap_aborts(receiver, already):
    with pytest.raises(SecurityAbort) as caught:
        key_block(receiver, already)
    assert caught.value.code is AbortCode.COVERAGE_GAP


def test_a_span_that_was_worked_out_is_believed():
    late = replace(FIT, offset_ps=(FRAME_PS - 1,) * 4)
    span_s = key_block_span_s(PARAMETERS, late, [sync_block()])
    assert believed_span_s(PARAMETERS, span_s) == span_s


@pytest.mark.parametrize("span_s", [1e300, 2 * FRAMES * FRAME_PS * 1e-12, -1.0])
def test_a_span_that_no_block_takes_is_refused(span_s):
    with pytest.raises(SecurityAbort) as caught:
        believed_span_s(PARAMETERS, span_s)
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION
