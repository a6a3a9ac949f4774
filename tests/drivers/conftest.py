"""What the tests of drivers by typed exchanges share."""

from __future__ import annotations

import itertools

import pytest
from drivers.scripted import ScriptedTransport

from qkdlab.clock import VirtualClock

NUMBERS = itertools.count()


@pytest.fixture
def play():
    """Open drivers on scripts of bytes; in the end every script must be at its end."""
    drivers = []

    def make(driver_class, options, script):
        line = ScriptedTransport(script)
        name = f"golden_{next(NUMBERS)}"
        driver = driver_class(name, {"control": line}, options, VirtualClock())
        drivers.append((driver, line))
        return driver

    yield make
    for driver, line in drivers:
        line.assert_finished()
        driver.close()
        assert line.closed
