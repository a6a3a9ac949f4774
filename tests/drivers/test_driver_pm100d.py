"""The Thorlabs PM100D driver on its simulator."""

import numpy as np
import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance, PowerMeterConformance

from qkdlab.errors import InstrumentError, InstrumentTimeout
from qkdlab_drivers.thorlabs.spec import SPECS
from qkdlab_sims.bench.power import PowerHistory
from qkdlab_sims.instruments.thorlabs_pm100d import Simulator

SPEC = next(spec for spec in SPECS if spec.name == "thorlabs.pm100d")


def make(options=None, faults=(), power_w=2e-6, **sim_options):
    sim_options.setdefault("rng", np.random.default_rng(3))
    simulator = Simulator(**sim_options)
    simulator.light = lambda t0_ps, t1_ps, lag_ps: power_w
    return mount(SPEC, simulator, options, faults)


class TestConformance(DriverConformance, PowerMeterConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.read_power_w()

    def shine(self, mounted, power_w):
        mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: power_w


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_readings_average_as_the_options_say():
    mounted = make({"average": 100})
    mounted.driver.read_power_w(3)
    assert mounted.now_s() == pytest.approx(0.9, abs=0.05)
    assert mounted.driver.averages() == 100
    mounted.driver.close()


def test_long_averages_do_not_time_out():
    mounted = make({"average": 5000, "timeout_s": 1.0})
    assert mounted.driver.read_power_w()
    mounted.driver.close()


def test_the_true_scale_error_stays_in_the_reading():
    mounted = make(scale_error=-0.02, dark_current_a=0.0)
    (reading,) = mounted.driver.read_power_w()
    assert reading == pytest.approx(2e-6 * 0.98, rel=1e-3)
    mounted.driver.close()


def test_the_dark_offset_is_gone_after_zeroing(mounted):
    light = mounted.simulator.light
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 0.0
    mounted.driver.zero()
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 1e-8
    (reading,) = mounted.driver.read_power_w()
    assert reading == pytest.approx(1e-8, rel=1e-3)
    assert light(0, 1, 0.0) == 2e-6


def test_zeroing_that_never_ends_is_told():
    mounted = make({"zero_timeout_s": 1.0}, zero_ps=10**16)
    with pytest.raises(InstrumentTimeout, match="still zeroing after 1 s"):
        mounted.driver.zero()
    mounted.driver.close()


def test_zeroing_in_light_says_what_to_look_at(mounted):
    with pytest.raises(InstrumentError, match="is the light off"):
        mounted.driver.zero()


def test_readings_are_in_watts_whatever_was_set_before(mounted):
    mounted.simulator.machine.feed(
        b"SENS:POW:UNIT DBM;:CONF:CURR;:SENS:POW:RANG MIN\n", 0
    )
    (reading,) = mounted.driver.read_power_w()
    assert reading == pytest.approx(2e-6, rel=1e-2)


@pytest.mark.parametrize(
    "left_set",
    [
        "SENS:CORR:LOSS:INP:MAGN 30",
        "SENS:POW:REF 1E-6;REF:STAT 1",
        "SENS:POW:RANG 1E-3",
        "CONF:CURR",
        "SENS:AVER 1;:SENS:POW:UNIT DBM",
    ],
)
def test_nothing_that_was_left_set_falsifies_the_power(left_set):
    mounted = make()
    mounted.simulator.machine.feed(left_set.encode() + b"\n", 0)
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 0.0
    mounted.driver.zero()
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 2e-6
    assert mounted.driver.read_power_w(3) == pytest.approx([2e-6] * 3, rel=2e-4)
    mounted.driver.close()


def test_too_much_light_says_what_to_do(mounted):
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 1.0
    with pytest.raises(InstrumentError, match="attenuate the light"):
        mounted.driver.read_power_w()


def test_darkness_can_be_read(mounted):
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 0.0
    mounted.driver.zero()
    assert abs(mounted.driver.read_power_w()[0]) < 1e-11


def test_a_zero_taken_in_the_light_is_noticed_in_the_dark(mounted):
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 5e-9
    mounted.driver.zero()
    mounted.simulator.light = lambda t0_ps, t1_ps, lag_ps: 0.0
    with pytest.raises(InstrumentError, match="zero it again"):
        mounted.driver.read_power_w()


def test_the_sensor_is_part_of_the_identity(mounted):
    identity = mounted.driver.identify()
    assert identity["sensor"] == "S155C"


@pytest.mark.parametrize("quoted", [True, False])
def test_the_sensor_may_answer_with_quotes(quoted):
    mounted = make(quoted_sensor=quoted)
    assert mounted.driver.identify()["sensor_serial"] == "210101101"
    mounted.driver.close()


def test_a_meter_without_a_photodiode_is_refused(mounted, monkeypatch):
    from qkdlab_sims.instruments.thorlabs_pm100d import simulator

    monkeypatch.setattr(simulator, "POWER_FLAGS", 2)
    with pytest.raises(InstrumentError, match="no photodiode for power"):
        mounted.driver.identify()


def test_the_wavelength_is_written_when_it_is_identified():
    mounted = make({"wavelength_nm": 1310.0})
    mounted.driver.identify()
    assert mounted.driver.wavelength_nm() == 1310.0
    mounted.driver.close()


def test_power_is_a_parameter(mounted):
    assert mounted.driver.power_w() == pytest.approx(2e-6, rel=1e-2)


def test_a_reading_off_the_range_is_taken_again_while_the_range_is_looked_for(mounted):
    simulator, measured = mounted.simulator, mounted.simulator._measure
    found_ps = mounted.clock.now_ps() + 5 * 10**11

    def measure(begin_ps, end_ps):
        return 9.9e37 if end_ps < found_ps else measured(begin_ps, end_ps)

    simulator._measure = measure
    assert mounted.driver.read_power_w(2) == pytest.approx([2e-6] * 2, rel=0.1)


def test_light_that_no_range_takes_is_told_after_a_while(mounted):
    mounted.simulator._measure = lambda begin_ps, end_ps: 9.9e37
    with pytest.raises(InstrumentError, match="more than its sensor takes"):
        mounted.driver.read_power_w()
    assert 2.0 <= mounted.now_s() < 4.0


@pytest.mark.parametrize("low_pass", [True, False])
def test_readings_after_the_settling_time_are_true_to_a_ten_thousandth(low_pass):
    mounted = make(
        {"low_pass": low_pass}, dark_current_a=0.0, noise_of_range=0.0, power_w=0.0
    )
    power = PowerHistory()
    mounted.simulator.light = power.lagging_w
    wait_s = mounted.driver.settling_time_s()
    clock = mounted.clock
    power.set(clock.now_ps(), 2e-6)
    clock.sleep_until(clock.now_ps() + round(wait_s * 1e12))
    (reading,) = mounted.driver.read_power_w()
    assert reading == pytest.approx(2e-6, rel=1e-4)
    mounted.driver.close()


def test_the_instrument_itself_says_whether_its_low_pass_is_on():
    slow, fast = make({"low_pass": True}), make({"low_pass": False})
    assert slow.driver.settling_time_s() == pytest.approx(0.098, rel=0.01)
    assert fast.driver.settling_time_s() < 0.002
    assert slow.simulator.filtered
    assert not fast.simulator.filtered
    slow.driver.close()
    fast.driver.close()
