"""Settings as bit planes: packed, joined, sifted and counted as byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import basis_of, encode, intensity_of

SLOTS = st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=300)


def columns(slots):
    values = np.array([value for value, _ in slots], np.uint8)
    mask = np.array([wanted for _, wanted in slots], np.bool_)
    return values, mask


def intensities(planes):
    return (planes.low.to_bools() + 2 * planes.high.to_bools()).tolist()


@given(SLOTS)
def test_planes_hold_basis_and_intensity(slots):
    values, _ = columns(slots)
    planes = Planes.of(values)
    assert len(planes) == len(slots)
    assert planes.basis.to_bools().tolist() == basis_of(values).tolist()
    assert intensities(planes) == intensity_of(values).tolist()


@given(SLOTS)
def test_counting_under_a_mask_is_counting_what_it_chooses(slots):
    values, mask = columns(slots)
    where = BitArray.from_bools(mask)
    wanted = np.bincount(intensity_of(values[mask]), minlength=3)
    assert Planes.of(values).count(where) == tuple(wanted.tolist())


@given(SLOTS)
def test_sifting_is_that_of_each_plane(slots):
    values, mask = columns(slots)
    assert Planes.of(values).sift(BitArray.from_bools(mask)) == Planes.of(values[mask])


@given(st.lists(SLOTS, max_size=4))
def test_planes_are_joined_in_order(parts):
    values = [columns(part)[0] for part in parts]
    whole = np.concatenate([np.zeros(0, np.uint8), *values])
    assert Planes.concatenate(map(Planes.of, values)) == Planes.of(whole)


def test_a_fourth_intensity_is_refused():
    with pytest.raises(ValueError, match="three intensities"):
        Planes.of(np.array([encode(0, 3, 0)], np.uint8))


@pytest.mark.parametrize("lengths", [(1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_planes_of_different_lengths_are_refused(lengths):
    with pytest.raises(ValueError, match=r"lengths|intensities"):
        Planes(*(BitArray.zeros(n) for n in lengths))


def test_what_is_printed_shows_the_length_only():
    assert repr(Planes.of(np.zeros(7, np.uint8))) == "Planes(7 slots)"
