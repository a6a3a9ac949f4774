"""The maker's own package for the DG645, on the served bench."""

import pytest
from srsinst.dg645 import DG645

DELAY = "alice.sync_delay"


@pytest.fixture
def delay(served):
    host, port = served.host_and_port(DELAY)
    unit = DG645("tcpip", host, port)
    unit.interface.clear_status()
    yield unit
    unit.system.reset()
    unit.disconnect()


def test_it_knows_its_model(delay):
    assert "DG645" in delay.interface.id_string


def test_delays_and_links_come_back(delay):
    delay.delays.delay["A"]["T0"] = 1.25e-6
    delay.delays.delay["B"]["A"] = 100e-9
    reference, after_s = delay.delays.delay["B"]
    assert (reference, after_s) == (2, pytest.approx(100e-9))
    delay.delays.link["B"] = 0
    assert delay.delays.delay["B"]._query_raw().startswith("0,+0.000001350000")
    assert delay.status.get_last_error() == 0


def test_levels_come_back(delay):
    delay.outputs.amplitude["AB"] = 1.0
    delay.outputs.offset["AB"] = -0.5
    delay.outputs.polarity["AB"] = False
    assert delay.outputs.amplitude["AB"] == pytest.approx(1.0)
    assert delay.outputs.offset["AB"] == pytest.approx(-0.5)
    assert delay.outputs.polarity["AB"] is False


def test_the_trigger_is_set_in_its_words(delay):
    delay.trigger.trigger_source = "ext rising"
    delay.trigger.trigger_level = 0.75
    delay.trigger.advanced_trigger = True
    delay.trigger.prescale_factor[0] = 10
    assert delay.trigger.trigger_source == "ext rising"
    assert delay.trigger.trigger_level == pytest.approx(0.75)
    assert delay.trigger.prescale_factor[0] == 10


def test_bursts_are_set(delay):
    delay.burst.burst_mode = True
    delay.burst.burst_count = 7
    delay.burst.burst_period = 2e-6
    assert delay.burst.burst_mode is True
    assert delay.burst.burst_count == 7
    assert delay.burst.burst_period == pytest.approx(2e-6)


def test_a_single_shot_shows_in_the_status(delay):
    delay.trigger.trigger_source = "single shot"
    delay.trigger_now()
    assert delay.status.instrument_status_bit["TRIG"]
    assert delay.get_status().endswith("OK")


def test_errors_come_by_number(delay):
    delay.comm.send("LAMP 1,9")
    delay.comm.send("NOPE")
    assert delay.status.drain_errors() == [10, 111]


def test_the_timebase_is_the_clocks(delay):
    assert delay.network.timebase == 3
