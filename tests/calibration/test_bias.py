"""The working bias keeps away from switching and from dark counts."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.bias import (
    BiasSweep,
    dark_rate,
    switching_current_ua,
    working_bias_ua,
)

LATCH_MV = 100.0


def sweep(switching_ua: float = 28.1, dark_knee_ua: float = 26.0) -> BiasSweep:
    bias_ua = np.arange(10.0, 35.0)
    bias_ua = bias_ua[: np.searchsorted(bias_ua, switching_ua) + 1]
    voltages_mv = np.where(bias_ua > switching_ua, 2300.0, 9.0)
    rates_hz = 100.0 + np.exp(2.0 * (bias_ua - dark_knee_ua))
    rates_hz[bias_ua > switching_ua] = 0.0
    return BiasSweep(bias_ua, voltages_mv, rates_hz, 1.0)


def chosen(one: BiasSweep, **changes: float) -> float | None:
    wishes = {
        "greatest_ua": 40.0,
        "share_of_switching": 0.8,
        "max_dark_rate_hz": 1e9,
        **changes,
    }
    return working_bias_ua(one, latch_mv=LATCH_MV, **wishes)


def test_the_switching_current_lies_between_two_points():
    found = switching_current_ua(sweep(28.1), LATCH_MV)
    assert found is not None
    assert found.value == 28.5
    assert found.uncertainty == pytest.approx(1 / 12**0.5)


def test_a_wire_that_never_latches_has_no_known_switching_current():
    assert switching_current_ua(sweep(50.0), LATCH_MV) is None


def test_a_wire_that_is_latched_from_the_start_is_an_error():
    with pytest.raises(ValueError, match="latched at the first"):
        switching_current_ua(sweep(5.0), LATCH_MV)


def test_the_bias_stays_below_a_share_of_the_last_sound_current():
    assert chosen(sweep(28.1)) == pytest.approx(0.8 * 28.0)


def test_the_bias_never_exceeds_what_was_wished():
    assert chosen(sweep(28.1), greatest_ua=20.0) == 20.0


def test_the_bias_stays_below_the_first_point_that_is_too_dark():
    # 100 + e^4 = 154.6, and twice 12.5 of uncertainty, at 28 uA
    one = sweep(40.0, 26.0)
    assert chosen(one, max_dark_rate_hz=170.0, share_of_switching=1.0) == 27.0


def test_a_wire_that_is_latched_or_too_dark_everywhere_gets_no_bias():
    assert chosen(sweep(5.0)) is None
    assert chosen(sweep(28.1), max_dark_rate_hz=50.0) is None


def test_no_counts_are_not_no_uncertainty():
    assert dark_rate(0.0, 0.5).uncertainty == 2.0
    assert dark_rate(100.0, 1.0).uncertainty == pytest.approx(101**0.5)
