"""Snapshots show what drivers remember, as JSON, and ask no instrument anything."""

import json

import numpy as np
import pytest
from qcodes.instrument import Instrument

from qkdlab.station.qcodes_station import snapshot


class Thing(Instrument):
    """An instrument that counts how often it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.asked = 0
        self.power_w = self.add_parameter("power_w", get_cmd=self._ask, unit="W")
        self.curve = self.add_parameter("curve", set_cmd=None, get_cmd=None)

    def _ask(self) -> float:
        self.asked += 1
        return 1e-6

    def get_idn(self) -> dict[str, str | None]:
        return {"vendor": "none", "model": "thing", "serial": None, "firmware": None}


@pytest.fixture
def thing():
    made = Thing("alice_thing")
    yield made
    made.close()


def test_it_shows_remembered_values_by_the_names_of_the_configuration(thing):
    thing.power_w.get()
    shot = snapshot({"thing": thing})
    assert shot["thing"]["parameters"]["power_w"]["value"] == 1e-6
    assert shot["thing"]["parameters"]["power_w"]["unit"] == "W"


def test_it_asks_no_instrument_anything(thing):
    snapshot({"thing": thing})
    assert thing.asked == 0


def test_it_is_fit_for_json_even_with_arrays(thing):
    thing.curve.set(np.arange(3))
    text = json.dumps(snapshot({"thing": thing}))
    assert "alice_thing" in text


def test_of_no_instruments_it_is_empty():
    assert snapshot({}) == {}
