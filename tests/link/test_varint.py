from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.link.varint import Increasing

INCREASING = st.lists(st.integers(0, 2**63 - 1), unique=True, max_size=60).map(sorted)
SMALL_STEPS = st.lists(st.integers(1, 300), max_size=300).map(
    lambda steps: list(np.cumsum(steps, dtype=np.int64))
)


def plain(values):
    """The same bytes from a loop over integers."""
    out, before = bytearray(), -1
    for value in values:
        gap = int(value) - before - 1
        while gap >= 128:
            out.append(gap % 128 + 128)
            gap //= 128
        out.append(gap)
        before = int(value)
    return bytes(out)


@given(INCREASING | SMALL_STEPS)
def test_bytes_are_those_of_a_plain_loop(values):
    assert Increasing.of(np.array(values, np.int64)).data == plain(values)


@given(INCREASING | SMALL_STEPS)
def test_values_come_back(values):
    kept = Increasing.of(np.array(values, np.int64))
    assert Increasing.read(kept.data, len(values)) == kept
    assert kept.values().tolist() == values


@given(INCREASING | SMALL_STEPS)
def test_length_and_ends_are_those_of_the_values(values):
    kept = Increasing.of(np.array(values, np.int64))
    ends = (values[0], values[-1]) if values else (0, -1)
    assert (len(kept), kept.first, kept.last) == (len(values), *ends)


def test_what_is_printed_does_not_grow_with_the_values():
    assert repr(Increasing.of(np.arange(9))) == "Increasing(9 numbers)"


@pytest.mark.parametrize("values", [[3, 3], [3, 2], [-1], [0, -5]])
def test_values_that_do_not_increase_are_refused(values):
    with pytest.raises(ValueError, match="increase"):
        Increasing.of(np.array(values))


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"\x80\x00", 1),  # zero in two groups
        (b"\x80", 1),  # no last group
        (b"\x01\x80", 1),
        (b"\x01\x02", 1),
        (b"\x01", 2),
        (b"", 1),
        (b"\x01", 0),
        (b"\xff" * 9 + b"\x01", 1),  # 70 bits
        (b"\xff" * 8 + b"\x7f\x00", 2),  # one step beyond int64
    ],
)
def test_any_other_form_is_refused(data, count):
    with pytest.raises(ValueError, match=r"gap|slot"):
        Increasing.read(data, count)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_what_is_accepted_has_one_form_only(data, count):
    try:
        kept = Increasing.read(data, count)
    except ValueError:
        return
    assert Increasing.of(kept.values()) == kept
