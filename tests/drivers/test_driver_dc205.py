"""The DC205 driver on its simulator."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_sources import VoltageSourceConformance

from qkdlab.errors import InstrumentError
from qkdlab_drivers.srs.spec import SPECS
from qkdlab_sims.instruments.srs_dc205 import Simulator

SPEC = next(spec for spec in SPECS if spec.name == "srs.dc205")


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, VoltageSourceConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_voltage_v(0.5)

    def volts(self, mounted):
        return mounted.simulator.voltage_v(mounted.clock.now_ps())


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_asking_changes_nothing_at_the_output(mounted):
    mounted.simulator.machine.feed(b"VOLT 0.5;SOUT 1\n", 0)
    changes = []
    mounted.simulator.on_change = changes.append
    mounted.driver.identify()
    assert mounted.driver.get_voltage_v() == 0.5
    assert mounted.driver.get_output_on() is True
    assert changes == []


def test_what_another_client_left_unfinished_does_no_harm(mounted):
    mounted.simulator.machine.feed(b"VOL", 0)
    assert mounted.driver.identify()["model"] == "DC205"


@pytest.mark.parametrize(
    "left", ["TOKN ON", "TERM NONE", "TERM CR", "TERM CRLF", "TERM LFCR"]
)
def test_answers_are_understood_however_they_were_left(mounted, left):
    mounted.simulator.machine.feed(left.encode() + b"\n", 0)
    mounted.driver.identify()
    mounted.driver.set_output_on(True)
    assert mounted.driver.get_output_on() is True


def test_the_range_is_changed_with_the_output_off(mounted):
    mounted.simulator.machine.feed(b"VOLT 0.5;SOUT 1\n", 0)
    mounted.driver.set_voltage_v(5.0)
    assert mounted.driver.get_output_on() is False
    assert mounted.driver.get_voltage_v() == 5.0


def test_a_range_that_is_right_leaves_the_output_on(mounted):
    mounted.simulator.machine.feed(b"RNGE 1;VOLT 0.5;SOUT 1\n", 0)
    mounted.driver.set_voltage_v(5.0)
    assert mounted.driver.get_output_on() is True


def test_what_the_load_does_not_bear_is_refused():
    mounted = make({"range_v": 10, "max_abs_v": 4.0})
    with pytest.raises(InstrumentError, match="use -4 V to 4 V"):
        mounted.driver.set_voltage_v(4.1)
    assert mounted.heard() == []
    mounted.driver.close()


def test_the_100_v_range_needs_its_interlock():
    mounted = make({"range_v": 100, "max_abs_v": 50.0})
    with pytest.raises(InstrumentError, match=r"error 5 \(not compatible\) after SOUT"):
        mounted.driver.set_output_on(True)
    mounted.simulator.interlock_closed = True
    mounted.driver.set_output_on(True)
    mounted.driver.set_voltage_v(42.0)
    now_ps = mounted.clock.now_ps()
    assert mounted.simulator.voltage_v(now_ps) == pytest.approx(42.0)
    mounted.driver.close()


def test_errors_of_reading_are_told_too(mounted):
    mounted.simulator.machine.add("VOLT", ask=lambda call: "0")
    with pytest.raises(InstrumentError, match=r"error 4 \(illegal set\) after VOLT"):
        mounted.driver.set_voltage_v(0.5)


def test_a_knob_that_somebody_turns_is_told(mounted):
    mounted.simulator.machine.add("VOLT", do=lambda call: None, ask=lambda call: "0.1")
    with pytest.raises(InstrumentError, match=r"set 0\.1 V instead of 0\.5 V"):
        mounted.driver.set_voltage_v(0.5)


def test_safe_state_speaks_before_it_asks(mounted):
    mounted.driver.safe_state()
    assert mounted.heard()[:2] == [b"VOLT 0\n", b"SOUT 0\n"]


def test_nothing_but_a_line_feed_is_said_to_another_model(mounted):
    mounted.simulator.machine.identity = "Stanford Research Systems,CS580,s/n1,ver1"
    with pytest.raises(InstrumentError, match="CS580 instead of DC205"):
        mounted.driver.identify()
    assert mounted.heard() == [b"\n", b"*IDN?\n"]


def test_parameters_reach_the_instrument(mounted):
    mounted.driver.voltage_v(1.25)
    mounted.driver.output_on(True)
    assert mounted.driver.voltage_v() == 1.25
    assert mounted.driver.output_on() is True
    assert mounted.driver.overload() is False
    mounted.simulator.overload = True
    assert mounted.driver.overload() is True


def test_it_does_not_go_on_at_more_than_the_load_bears():
    mounted = make({"max_abs_v": 5.0})
    mounted.simulator.machine.feed(b"RNGE 1;VOLT 9\n", 0)
    with pytest.raises(InstrumentError, match="would go on at 9 V") as caught:
        mounted.driver.set_output_on(True)
    assert caught.value.hint == "set the voltage first"
    assert mounted.simulator.voltage_v(mounted.clock.now_ps()) == 0.0
    mounted.driver.set_voltage_v(-5.0)
    mounted.driver.set_output_on(True)
    assert mounted.simulator.voltage_v(mounted.clock.now_ps()) == pytest.approx(-5.0)
    mounted.driver.close()
