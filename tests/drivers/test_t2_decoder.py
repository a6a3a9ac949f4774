"""T2 records: golden vectors, the compiled decoder against a plain one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_t2 import WRAP, decode_plainly, encode_plainly, record

from qkdlab.errors import InstrumentError
from qkdlab_drivers.picoquant.stream import T2Stream
from qkdlab_sims.instruments.picoquant_multiharp._kernels import encode_t2

PERIOD_BINS = 13_000_000
BIN_PS = 5
PERIOD_PS = PERIOD_BINS * BIN_PS


def stream(period_ps=PERIOD_PS):
    return T2Stream("tagger", BIN_PS, period_ps, 100.0)


def hear(one, records):
    one.hear(np.array(records, np.uint32))


def tags(one, t_end=1 << 62):
    t, ch = one.take(t_end)
    return list(zip(t.tolist(), ch.tolist(), strict=True))


def test_golden_records():
    # sync at 16; input 1 at 21; input 4 at 100; overflow; input 2 at 2^25 + 3
    golden = [0x80000010, 0x00000015, 0x06000064, 0xFE000001, 0x02000003]
    one = stream(1 << 40)
    hear(one, golden)
    assert tags(one) == [(25, 0), (420, 3), ((WRAP + 3 - 16) * 5, 1)]


def test_golden_records_of_several_overflows_at_once():
    one = stream(0)
    hear(one, [0xFE000002, 0x00000001, 0xFE000000, 0x00000001])
    assert tags(one) == [((2 * WRAP + 1) * 5, 0), ((3 * WRAP + 1) * 5, 0)]


def test_markers_are_no_tags():
    one = stream(0)
    hear(one, [record(1, 1, 5), record(1, 15, 6), record(0, 0, 7)])
    assert tags(one) == [(35, 0)]


def test_events_before_the_first_reference_have_no_place():
    one = stream()
    hear(one, [record(0, 0, 5), record(1, 0, 10), record(0, 0, 11)])
    assert tags(one) == [(5, 0)]


@pytest.mark.parametrize("gap", [PERIOD_BINS - 4000, PERIOD_BINS + 4000, 1])
def test_references_out_of_step_are_told(gap):
    one = stream()
    with pytest.raises(InstrumentError, match="references"):
        hear(one, [record(1, 0, 10), record(1, 0, 10 + gap)])


def test_overflows_without_references_are_told():
    one = stream()
    with pytest.raises(InstrumentError, match="references"):
        hear(one, [record(1, 0, 10), record(1, 63, 1)])


def test_tags_near_a_reference_come_sorted():
    # the reference comes 800 bins before its nominal time: the device's clock is slow
    one = stream()
    early = PERIOD_BINS - 800
    hear(
        one,
        [
            record(1, 0, 0),
            record(0, 0, early - 5),
            record(1, 0, early),
            record(0, 1, early + 1),
            record(0, 2, early + 5),
        ],
    )
    t = [t for t, _ in tags(one)]
    assert t == sorted(t)


@st.composite
def runs(draw):
    n_periods = draw(st.integers(1, 30))
    events = [(k * PERIOD_BINS + 7, 0) for k in range(n_periods)]
    last = n_periods * PERIOD_BINS
    times = draw(st.lists(st.integers(0, last), max_size=60))
    events += [(t, draw(st.integers(1, 4))) for t in times]
    return events, last


@settings(deadline=None, max_examples=60)
@given(runs(), st.randoms(use_true_random=False))
def test_any_cut_decodes_as_the_plain_one(run, random):
    events, limit = run
    records = encode_plainly(events, limit)
    wanted = sorted(zip(*decode_plainly(records, BIN_PS, PERIOD_PS), strict=True))
    one, found = stream(), []
    while records:
        n = random.randint(1, len(records))
        hear(one, records[:n])
        records = records[n:]
        found += tags(one, one.watermark)
    found += tags(one)
    assert [t for t, _ in found] == sorted(t for t, _ in found)
    assert sorted(found) == wanted


@settings(deadline=None, max_examples=60)
@given(runs(), st.randoms(use_true_random=False))
def test_the_double_encodes_what_the_plain_one_does(run, random):
    events, limit = run
    pieces, base, done = [], 0, 0
    cuts = sorted(random.randint(0, limit) for _ in range(3))
    for cut in [*cuts, limit + 8]:
        streams = [
            np.array(sorted(t for t, s in events if s == k and done <= t < cut))
            for k in range(5)
        ]
        sizes = np.array([s.size for s in streams], np.int64)
        end = np.cumsum(sizes)
        out = np.empty(2 * int(end[-1]) + 1, np.uint32)
        n, base = encode_t2(
            np.concatenate(streams).astype(np.int64), end - sizes, end, cut, base, out
        )
        pieces += out[:n].tolist()
        done = cut
    once = encode_plainly(events, limit)
    assert decode_plainly(pieces, 5, 0) == decode_plainly(once, 5, 0)
    assert decode_plainly(pieces, 5, PERIOD_PS) == decode_plainly(once, 5, PERIOD_PS)


def test_a_wrong_weight_of_overflows_would_show():
    records = encode_plainly([(7, 0), (PERIOD_BINS * 3, 1)], PERIOD_BINS * 3)
    one = stream(0)
    hear(one, records)
    assert tags(one) == [(PERIOD_BINS * 3 * 5, 0)]
