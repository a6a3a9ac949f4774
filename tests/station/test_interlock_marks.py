"""Marks at the tagger are no clicks: they hide no detector that is silent."""

from __future__ import annotations

import numpy as np
import pytest
from station_fakes import FakeBias, FakeTagger, Options

from qkdlab.clock import PS_PER_S
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.station.interlocks import GuardedTagger
from qkdlab.timetags.block import TagBlock

MARKS = 2


def stretch(begin, clicks):
    """A second with 1000 marks, and clicks of detector 0."""
    steps = np.arange(clicks) * (10**12 // clicks)
    t = np.concatenate([np.arange(1000) * 10**9, steps])
    ch = np.repeat([MARKS, 0], [1000, clicks])
    order = np.argsort(t, kind="stable")
    return TagBlock(
        t[order] + begin, ch[order].astype(np.uint8), begin, begin + PS_PER_S
    )


def read_all(monkeypatch, marks):
    blocks = [stretch(0, 50_000), stretch(PS_PER_S, 1)]
    monkeypatch.setattr(FakeTagger, "blocks", list(blocks))
    monkeypatch.setattr(FakeBias, "voltages_mv", [1.0, 1.0])
    tagger = FakeTagger("tagger", {}, Options(), None)
    guard = GuardedTagger(
        tagger, FakeBias("bias", {}, Options(), None), list, marks=marks
    )
    guard.start(800, 1e5)
    return [guard.read(PS_PER_S) for _ in blocks], blocks


def test_detectors_that_fall_silent_are_seen_behind_marks(monkeypatch):
    with pytest.raises(SecurityAbort, match="no counts") as abort:
        read_all(monkeypatch, MARKS)
    assert abort.value.code is AbortCode.DETECTOR_ALARM


def test_marks_are_handed_out(monkeypatch):
    read, blocks = read_all(monkeypatch, None)
    assert read == blocks
