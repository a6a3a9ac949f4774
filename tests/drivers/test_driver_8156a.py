"""The HP 8156A driver on its simulator."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import AttenuatorConformance, DriverConformance

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab_drivers.hp.spec import SPECS
from qkdlab_sims.instruments import hp_8156a
from qkdlab_sims.instruments.hp_8156a import Simulator

(SPEC,) = SPECS


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, AttenuatorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_attenuation_db(10.0)

    def truth(self, mounted):
        now_ps = mounted.clock.now_ps()
        simulator = mounted.simulator
        return simulator.attenuation_db(now_ps), simulator.shutter_open(now_ps)


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_settling_takes_the_time_of_the_move(mounted):
    mounted.driver.set_attenuation_db(60.0)
    assert 0.5 < mounted.now_s() < 0.7


def test_a_filter_that_never_settles_is_told():
    mounted = make(settle_base_ps=100_000_000_000_000)
    with pytest.raises(InstrumentTimeout, match="still settling after 5 s"):
        mounted.driver.set_attenuation_db(1.0)
    mounted.driver.close()


def test_a_calibration_factor_at_the_front_panel_is_refused(mounted):
    mounted.simulator.offset_db = 3.0
    with pytest.raises(InstrumentError, match="calibration factor of 3 dB"):
        mounted.driver.set_attenuation_db(10.0)
    assert mounted.simulator.attenuation_db(mounted.clock.now_ps()) == 0.0


def test_a_unit_left_in_dbm_attenuates_in_db(mounted):
    for command in (b"INP:ATT 20\n", b"OUTP:APM ON\n", b"OUTP:POW 15\n"):
        mounted.simulator.machine.feed(command, mounted.clock.now_ps())
    mounted.driver.set_attenuation_db(33.972)
    now_ps = mounted.clock.now_ps()
    assert mounted.simulator.attenuation_db(now_ps) == pytest.approx(33.972)
    assert mounted.driver.get_attenuation_db() == pytest.approx(33.972)


def test_a_unit_left_in_dbm_becomes_safe(mounted):
    for command in (b"INP:ATT 20\n", b"OUTP:APM ON\n", b"OUTP ON\n"):
        mounted.simulator.machine.feed(command, mounted.clock.now_ps())
    mounted.driver.safe_state()
    now_ps = mounted.clock.now_ps()
    assert not mounted.simulator.shutter_open(now_ps)
    assert mounted.simulator.attenuation_db(now_ps) == 60.0


def test_a_shutter_that_is_stuck_is_told(mounted):
    mounted.simulator._move_shutter = lambda is_open, call: None
    with pytest.raises(InstrumentError, match="did not open its shutter"):
        mounted.driver.set_shutter_open(True)


def test_the_wavelength_is_written_when_it_is_identified():
    mounted = make({"wavelength_nm": 1550.12})
    mounted.driver.identify()
    assert mounted.simulator.wavelength_m == pytest.approx(1550.12e-9)
    assert mounted.driver.wavelength_nm() == pytest.approx(1550.12)
    mounted.driver.close()


def test_nothing_is_written_to_another_model():
    mounted = make({"wavelength_nm": 1550.12})
    mounted.simulator.machine.identity = "EXFO,FVA-3150,1,2"
    with pytest.raises(InstrumentError, match="found EXFO FVA-3150"):
        mounted.driver.identify()
    assert mounted.heard() == [b"*IDN?\n"]
    mounted.driver.close()


def test_a_refused_option_does_not_look_like_another_model(monkeypatch):
    monkeypatch.setattr(hp_8156a, "MAX_WAVELENGTH_M", 1400e-9)
    mounted = make({"wavelength_nm": 1550.12})
    with pytest.raises(InstrumentReplyError, match="-222"):
        mounted.driver.identify()
    mounted.driver.close()


def test_safe_state_closes_the_shutter_first(mounted):
    mounted.driver.safe_state()
    assert mounted.heard()[:2] == [b":OUTP OFF\n", b":INP:ATT MAX\n"]


def test_parameters_reach_the_instrument(mounted):
    mounted.driver.attenuation_db(12.5)
    mounted.driver.shutter_open(True)
    assert mounted.driver.attenuation_db() == 12.5
    assert mounted.driver.shutter_open() is True


def test_old_errors_of_the_instrument_are_not_taken_for_ours(mounted):
    mounted.simulator.machine.feed(b"NOPE\n" * 40, 0)
    mounted.driver.set_attenuation_db(1.0)
