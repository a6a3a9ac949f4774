from __future__ import annotations

import math

import pytest

from qkdlab_sims.optics.ranges import in_range


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_range_holds_its_ends(value):
    in_range("efficiency", value, 0.0, 1.0, "1")


@pytest.mark.parametrize("value", [-0.1, 1.2, math.nan, math.inf, -math.inf])
def test_values_outside_are_refused(value):
    with pytest.raises(ValueError, match="efficiency is"):
        in_range("efficiency", value, 0.0, 1.0, "1")


def test_the_message_names_field_value_range_and_unit():
    with pytest.raises(ValueError, match="must be") as refused:
        in_range("jitter_fwhm_ps", -3.0, 0.0, 1e6, "ps")
    expected = "jitter_fwhm_ps is -3 ps, but must be between 0 and 1e+06 ps"
    assert str(refused.value) == expected


@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_an_open_range_still_wants_a_number(value):
    with pytest.raises(ValueError, match="at least 0 dB"):
        in_range("extinction_db", value, 0.0, math.inf, "dB")
