"""Calibrated delays align the gate, and the light of a block is held to them."""

from __future__ import annotations

import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.alignment import with_calibrated_delays

DELAYS_PS = (0.0, 310.0, 740.0, 150.0)


def fit(*offsets_ps: int) -> SyncFit:
    return SyncFit(0.0, 1e-9, offsets_ps, (50.0,) * 4, 30.0, 4.0)


def test_offsets_are_one_common_time_and_the_calibrated_delays():
    found = with_calibrated_delays(fit(5003, 5311, 5738, 5149), DELAYS_PS, 200.0)
    assert found.offset_ps == (5000, 5310, 5740, 5150)


def test_one_detector_that_is_a_little_off_does_not_move_the_others():
    found = with_calibrated_delays(fit(5000, 5310, 5890, 5150), DELAYS_PS, 200.0)
    assert found.offset_ps == (5000, 5310, 5740, 5150)


@pytest.mark.parametrize("channel", range(4))
def test_a_detector_at_another_time_than_calibrated_is_refused(channel):
    offsets = [5000, 5310, 5740, 5150]
    offsets[channel] += 250
    with pytest.raises(SecurityAbort, match="another time") as raised:
        with_calibrated_delays(fit(*offsets), DELAYS_PS, 200.0)
    assert raised.value.code is AbortCode.SYNC_LOST
    assert raised.value.numbers["channel"] == channel


def test_a_detector_one_slot_off_is_refused():
    with pytest.raises(SecurityAbort, match="another time"):
        with_calibrated_delays(fit(5000, 15310, 5740, 5150), DELAYS_PS, 200.0)
