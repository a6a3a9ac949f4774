"""Composites are built from what the configuration has checked."""

from __future__ import annotations

from typing import Any

import pytest

from qkdlab.config.composites import COMPOSITE_FIELDS
from qkdlab.station.composites.build import COMPOSITES, build


def built(name: str, **fields: Any) -> Any:
    return build(name, fields, {"device": "the device"}, book=None)  # type: ignore[arg-type]


def test_every_composite_that_is_checked_can_be_built():
    assert COMPOSITES.keys() == COMPOSITE_FIELDS.keys()


def test_a_receivers_channels_are_basis_and_bit_by_number():
    channels = {"1": "X1", "0": "Z0", "2": "Z1"}
    receiver = built("receiver", tagger="device", channels=channels)
    assert receiver.channels == ((1, 0), (0, 1), (1, 1))
    assert receiver.tagger == "the device"


@pytest.mark.parametrize(
    ("fields", "channels"),
    [({}, (1, 2)), ({"intensity_channel": 2, "polarization_channel": 1}, (2, 1))],
)
def test_a_transmitter_knows_its_modulators_channels(fields, channels):
    transmitter = built("transmitter", generator="device", **fields)
    found = (transmitter.intensity_channel, transmitter.polarization_channel)
    assert found == channels
