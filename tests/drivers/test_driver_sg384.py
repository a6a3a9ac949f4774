"""The SG384 driver on its simulator."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_sources import ClockSourceConformance

from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab_drivers.srs.spec import SPECS
from qkdlab_sims.instruments.srs_sg384 import Simulator

SPEC = next(spec for spec in SPECS if spec.name == "srs.sg384")


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, ClockSourceConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_power_dbm(3.0)

    def sine(self, mounted):
        sim = mounted.simulator
        return sim.frequency_hz(), sim.phase_deg(), sim.power_dbm(), sim.output_on()


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_the_options_for_opening_are_written_when_it_is_identified():
    mounted = make(
        {
            "frequency_hz_on_open": 1e8,
            "phase_deg_on_open": 45.5,
            "power_dbm_on_open": 13.0,
            "output_on_open": True,
        }
    )
    mounted.simulator.machine.feed(b"ENBR 0;MODL 1\n", 0)
    mounted.driver.identify()
    sim = mounted.simulator
    assert (sim.frequency_hz(), sim.phase_deg(), sim.power_dbm()) == (1e8, 45.5, 13.0)
    assert sim.output_on()
    assert not sim.modulated()
    mounted.driver.close()


def test_without_options_opening_changes_nothing(mounted):
    changes = []
    mounted.simulator.on_change = changes.append
    mounted.driver.identify()
    assert changes == []
    assert mounted.heard() == [b"*IDN?\n"]


def test_nothing_is_written_to_another_model():
    mounted = make({"frequency_hz_on_open": 1e8})
    mounted.simulator.machine.identity = "Stanford Research Systems,SG382,s/n1,ver1"
    with pytest.raises(InstrumentError, match="found Stanford Research Systems SG382"):
        mounted.driver.identify()
    assert mounted.heard() == [b"*IDN?\n"]
    mounted.driver.close()


def test_a_refused_option_does_not_look_like_another_model():
    mounted = make({"power_dbm_on_open": 15.0, "output": "bnc"})
    with pytest.raises(InstrumentReplyError, match="15 dBm at its bnc output"):
        mounted.driver.identify()
    mounted.driver.close()


def test_the_instruments_errors_are_told_in_words(mounted):
    mounted.simulator.machine.add("FREQ", ask=lambda call: "1")
    with pytest.raises(InstrumentError, match=r"error 113 \(illegal set\) after FREQ"):
        mounted.driver.set_frequency_hz(1e8)


def test_a_clock_is_not_modulated(mounted):
    mounted.simulator.machine.feed(b"MODL 1\n", 0)
    mounted.driver.set_output_on(True)
    assert not mounted.simulator.modulated()


@pytest.mark.parametrize("left_at", [-360.0, -200.0, 0.0, 200.0, 360.0])
def test_a_phase_left_by_somebody_else_can_be_changed(mounted, left_at):
    # in two steps, since one of more than 360 degrees is refused
    mounted.simulator.machine.feed(b"PHAS 0;PHAS %.1f\n" % left_at, 0)
    for angle_deg in (1.0, 181.0, 359.0):
        mounted.driver.set_phase_deg(angle_deg)
        assert mounted.driver.get_phase_deg() == pytest.approx(angle_deg)


def test_the_bnc_output_has_commands_of_its_own():
    mounted = make({"output": "bnc"})
    mounted.driver.set_power_dbm(-7.0)
    mounted.driver.set_output_on(False)
    assert mounted.simulator.bnc_power_dbm() == -7.0
    assert not mounted.simulator.bnc_on()
    assert mounted.simulator.power_dbm() == 0.0
    assert mounted.driver.clock_capabilities().max_frequency_hz == 62.5e6
    mounted.driver.close()


def test_the_timebase_is_told(mounted):
    assert mounted.driver.get_timebase() == "internal"
    mounted.simulator.external_reference = True
    assert mounted.driver.get_timebase() == "external"
    mounted.simulator.reference_is_good = False
    assert mounted.driver.get_timebase() == "unlocked"


def test_a_loss_of_lock_that_is_over_is_not_told_as_one_that_lasts(mounted):
    mounted.simulator.lose_reference()
    assert mounted.driver.get_timebase() == "internal"


def test_parameters_reach_the_instrument(mounted):
    mounted.driver.frequency_hz(1e8)
    mounted.driver.phase_deg(12.5)
    mounted.driver.power_dbm(7.0)
    mounted.driver.output_on(True)
    assert mounted.driver.frequency_hz() == 1e8
    assert mounted.driver.phase_deg() == 12.5
    assert mounted.driver.power_dbm() == 7.0
    assert mounted.driver.output_on() is True
    assert mounted.driver.timebase() == "internal"
