"""Judging clicks, sifting, counts and thresholds of BB84."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode
from qkdlab.protocols import bb84
from qkdlab.protocols.bb84 import Bb84Counts, Bb84Limits, Click

CLICKS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=40)
LIMITS = Bb84Limits(
    qber_x_max=0.08,
    qber_z_max=0.08,
    cross_click_fraction_max=0.05,
    double_click_fraction_max=0.02,
)


def judge(clicks, random_bits=(1, 0) * 20):
    ordered = sorted(clicks, key=lambda click: click[0])
    slot = np.array([s for s, _ in ordered], dtype=np.int64)
    detector = np.array([d for _, d in ordered], dtype=np.uint8)
    return bb84.judge(slot, detector, BitArray.from_bools(random_bits))


@given(CLICKS)
def test_judging_agrees_with_a_plain_rule(clicks):
    got = judge(clicks)
    random_bits = iter((1, 0) * 20)
    expected = []
    for slot in sorted({s for s, _ in clicks}):
        fired = {d for s, d in clicks if s == slot}
        bases = {d // 2 for d in fired}
        if len(bases) == 2:
            expected.append((slot, 0, 0, Click.CROSS))
        elif len(fired) == 2:
            expected.append((slot, bases.pop(), next(random_bits), Click.DOUBLE))
        else:
            detector = fired.pop()
            expected.append((slot, detector // 2, detector % 2, Click.SINGLE))
    columns = (got.slot, got.basis, got.value, got.click)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == expected


def test_two_clicks_of_one_detector_are_one():
    assert judge([(4, 2), (4, 2)]).click.tolist() == [Click.SINGLE]


def test_a_double_click_without_a_random_bit_is_refused():
    with pytest.raises(ValueError, match="random bit"):
        judge([(4, 2), (4, 3)], random_bits=())


def test_clicks_out_of_order_are_refused():
    with pytest.raises(ValueError, match="order of slot"):
        bb84.judge(np.array([2, 1]), np.zeros(2, np.uint8), BitArray.zeros(1))


def test_a_slot_without_a_click_is_refused():
    with pytest.raises(ValueError, match="fired"):
        bb84.judge_fired(np.array([2]), np.zeros(1, np.uint8), BitArray.zeros(1))


def test_sifting_keeps_equal_bases_and_sets_cross_clicks_apart():
    alice, bob, cross = ([0, 1, 0, 1, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1])
    got = bb84.sift(*(BitArray.from_bools(bits) for bits in (alice, bob, cross)))
    assert got.key.ones().tolist() == [0]
    assert got.test.ones().tolist() == [1]
    assert got.cross.ones().tolist() == [4]


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), max_size=300))
def test_sifting_agrees_with_a_plain_rule(slots):
    columns = [BitArray.from_bools([slot[i] for slot in slots]) for i in range(3)]
    got = bb84.sift(*columns)
    wanted = [
        (hers == his == 0 and not cross, hers == his == 1 and not cross, cross)
        for hers, his, cross in slots
    ]
    masks = (got.key.to_bools(), got.test.to_bools(), got.cross.to_bools())
    assert list(zip(*masks, strict=True)) == wanted


@given(st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=300))
def test_what_is_chosen_is_what_a_mask_chooses(slots):
    values = np.array([value for value, _ in slots], np.uint8)
    mask = np.array([wanted for _, wanted in slots], np.bool_)
    assert bb84.chosen(values, mask).tolist() == values[mask].tolist()
    assert bb84.chosen(mask, mask).tolist() == mask[mask].tolist()


def counts(**changes):
    base = {
        "sent_key": (400, 400, 200),
        "sent_test": (60, 60, 30),
        "n_key": (900, 90, 10),
        "n_test": (90, 9, 1),
        "m_test": (1, 1, 0),
        "cross": (3, 1, 0),
        "double_key": (1, 0, 0),
        "double_test": (1, 0, 0),
        "m_key": (9, 1, 0),
    }
    return Bb84Counts(**{**base, **changes})


def test_figures_of_the_counts():
    found = counts()
    assert found.qber_test == 0.02
    assert found.qber_key == 0.01
    assert found.cross_fraction == 4 / 1104
    assert found.double_fraction == 2 / 1100
    assert found.expected_qber == 3 / 102


def test_no_errors_among_few_events_do_not_promise_none():
    assert counts(n_test=(8, 0, 0), m_test=(0, 0, 0)).expected_qber == 0.1


def test_good_counts_pass():
    assert bb84.check_limits(counts(), LIMITS) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"n_key": (0, 0, 0), "m_key": None}, AbortCode.COUNTS_OUTSIDE_LIMITS),
        ({"n_test": (0, 0, 0), "m_test": (0, 0, 0)}, AbortCode.COUNTS_OUTSIDE_LIMITS),
        ({"cross": (60, 0, 0)}, AbortCode.CROSS_CLICKS_ABOVE_LIMIT),
        ({"double_key": (30, 0, 0)}, AbortCode.DOUBLE_CLICKS_ABOVE_LIMIT),
        ({"m_test": (25, 0, 0)}, AbortCode.QBER_ABOVE_LIMIT),
        ({"m_key": (250, 0, 0)}, AbortCode.QBER_ABOVE_LIMIT),
    ],
)
def test_counts_outside_a_threshold_name_its_code(changes, code):
    found = bb84.check_limits(counts(**changes), LIMITS)
    assert found is not None
    assert found.code is code
    assert found.numbers


MANY = 10**30


@pytest.mark.parametrize(
    ("name", "at_limit"),
    [
        ("m_test", {"n_test": (MANY, 0, 0)}),
        ("m_key", {"n_key": (MANY, 0, 0)}),
        ("double_test", {"n_test": (MANY, 0, 0), "n_key": (0, 0, 1)}),
        ("cross", {"n_test": (97 * MANY // 100, 0, 0)}),
    ],
)
def test_figures_and_limits_are_compared_without_rounding(name, at_limit):
    none = {"m_test": (0, 0, 0), "m_key": (0, 0, 0), "cross": (0, 0, 0)}
    none |= {"double_key": (0, 0, 0), "double_test": (0, 0, 0), "n_key": (1, 0, 0)}
    # as a binary fraction 0.03 is less than 3 of 100
    limits = Bb84Limits(0.03, 0.03, 0.03, 0.03)
    at = {**none, **at_limit, name: (3 * MANY // 100, 0, 0)}
    above = {**at, name: (3 * MANY // 100 + 2, 0, 0)}
    assert bb84.check_limits(counts(**at), limits) is None
    assert bb84.check_limits(counts(**above), limits) is not None


def test_unknown_key_errors_are_not_judged():
    assert bb84.check_limits(counts(m_key=None), LIMITS) is None


def test_repr_of_outcomes_shows_no_values():
    assert repr(judge([(1, 0), (2, 3)])) == "Outcomes(2 slots)"
