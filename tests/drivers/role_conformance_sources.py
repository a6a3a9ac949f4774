"""What every driver of a clock, a laser or a voltage source must do, by role."""

from __future__ import annotations

import math

import pytest

from qkdlab.errors import InstrumentError


class ClockSourceConformance:
    """For the role ClockSource; `sine(mounted)` is what leaves it.

    It returns (frequency_hz, phase_deg, power_dbm, is_on).
    """

    def sine(self, mounted):
        raise AssertionError("give the class a method `sine`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.clock_capabilities()
        assert 0 < capabilities.min_frequency_hz < capabilities.max_frequency_hz
        assert 0 < capabilities.phase_resolution_deg < 360
        assert capabilities.max_power_dbm > 0

    def test_the_sine_is_as_set(self, mounted):
        driver = mounted.driver
        driver.set_frequency_hz(12_345_678.5)
        driver.set_power_dbm(-3.25)
        driver.set_output_on(True)
        frequency_hz, _, power_dbm, is_on = self.sine(mounted)
        assert frequency_hz == driver.get_frequency_hz() == pytest.approx(12_345_678.5)
        assert power_dbm == driver.get_power_dbm() == pytest.approx(-3.25)
        assert is_on is driver.get_output_on() is True

    def test_the_sine_goes_off(self, mounted):
        mounted.driver.set_output_on(True)
        mounted.driver.set_output_on(False)
        assert self.sine(mounted)[3] is mounted.driver.get_output_on() is False

    @pytest.mark.parametrize(
        "angles_deg",
        [(0.0, 90.0, 359.9, 0.1), (720.5,), (-30.0,), (350.0, -350.0, 350.0), (179, 5)],
    )
    def test_any_phase_is_taken_modulo_360(self, mounted, angles_deg):
        mounted.driver.set_frequency_hz(1e8)
        resolution_deg = mounted.driver.clock_capabilities().phase_resolution_deg
        for angle_deg in angles_deg:
            mounted.driver.set_phase_deg(angle_deg)
            for actual_deg in (self.sine(mounted)[1], mounted.driver.get_phase_deg()):
                off_by_deg = math.remainder(actual_deg - angle_deg, 360.0)
                assert abs(off_by_deg) <= resolution_deg / 2 + 1e-9
            assert 0 <= mounted.driver.get_phase_deg() < 360

    def test_values_outside_the_limits_are_refused_before_anything_is_sent(
        self, mounted
    ):
        driver = mounted.driver
        capabilities = driver.clock_capabilities()
        bad = [
            (driver.set_frequency_hz, capabilities.max_frequency_hz * 1.01),
            (driver.set_frequency_hz, 0.0),
            (driver.set_frequency_hz, math.nan),
            (driver.set_power_dbm, capabilities.max_power_dbm + 0.1),
            (driver.set_power_dbm, math.nan),
            (driver.set_phase_deg, math.inf),
        ]
        for method, value in bad:
            with pytest.raises(InstrumentError) as caught:
                method(value)
            assert caught.value.hint
        assert mounted.heard() == []

    def test_safe_state_switches_the_sine_off(self, mounted):
        """Its pulses make light in a laser that has no direct current."""
        mounted.driver.set_frequency_hz(2e7)
        mounted.driver.set_output_on(True)
        mounted.driver.safe_state()
        assert not mounted.driver.get_output_on()
        assert mounted.driver.get_frequency_hz() == 2e7

    def test_it_tells_what_it_is_locked_to(self, mounted):
        assert mounted.driver.get_timebase() in ("internal", "external", "unlocked")


class VoltageSourceConformance:
    """For the role VoltageSource; `volts(mounted)` is what stands at the output."""

    def volts(self, mounted):
        raise AssertionError("give the class a method `volts`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.voltage_capabilities()
        assert capabilities.min_v < capabilities.max_v
        assert 0 < capabilities.resolution_v < capabilities.max_v

    def test_the_voltage_has_settled_when_setting_returns(self, mounted):
        resolution_v = mounted.driver.voltage_capabilities().resolution_v
        mounted.driver.set_output_on(True)
        for value_v in (0.6, -0.25, 0.0):
            mounted.driver.set_voltage_v(value_v)
            assert self.volts(mounted) == pytest.approx(value_v, abs=resolution_v)
            assert mounted.driver.get_voltage_v() == pytest.approx(
                value_v, abs=resolution_v
            )

    def test_no_voltage_leaves_it_while_it_is_off(self, mounted):
        mounted.driver.set_voltage_v(0.5)
        assert self.volts(mounted) == 0.0
        mounted.driver.set_output_on(True)
        assert self.volts(mounted) == pytest.approx(0.5, abs=1e-4)
        mounted.driver.set_output_on(False)
        assert self.volts(mounted) == pytest.approx(0.0, abs=1e-9)
        assert mounted.driver.get_output_on() is False

    def test_both_ends_of_the_range_are_reached(self, mounted):
        capabilities = mounted.driver.voltage_capabilities()
        mounted.driver.set_output_on(True)
        for value_v in (capabilities.max_v, capabilities.min_v):
            mounted.driver.set_voltage_v(value_v)
            assert self.volts(mounted) == pytest.approx(value_v)

    def test_values_outside_the_range_are_refused_before_anything_is_sent(
        self, mounted
    ):
        capabilities = mounted.driver.voltage_capabilities()
        for value_v in (capabilities.min_v - 0.1, capabilities.max_v + 0.1, math.nan):
            with pytest.raises(InstrumentError):
                mounted.driver.set_voltage_v(value_v)
        assert mounted.heard() == []

    def test_safe_state_sets_zero_and_switches_off(self, mounted):
        mounted.driver.set_output_on(True)
        mounted.driver.set_voltage_v(0.7)
        mounted.driver.safe_state()
        assert mounted.driver.get_output_on() is False
        assert mounted.driver.get_voltage_v() == 0.0


class LaserDriverConformance:
    """For the role LaserDriver.

    `laser(mounted)` is (current_ma, thermistor_ohm) as they truly are, the start delay
    over; `limit_ma` is the limit that the configuration allows.
    """

    limit_ma = math.nan

    def laser(self, mounted):
        raise AssertionError("give the class a method `laser`")

    def warm(self, mounted):
        mounted.driver.set_cooler_on(True)
        mounted.driver.set_thermistor_ohm(10_500.0)

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.laser_capabilities()
        assert 0 < capabilities.current_resolution_ma < capabilities.max_current_ma

    def test_the_current_is_as_set(self, mounted):
        self.warm(mounted)
        mounted.driver.set_current_ma(12.5)
        mounted.driver.set_laser_on(True)
        assert mounted.driver.get_laser_on() is True
        assert mounted.driver.get_current_ma() == pytest.approx(12.5)
        assert self.laser(mounted)[0] == pytest.approx(12.5)

    def test_no_current_flows_while_it_is_off(self, mounted):
        self.warm(mounted)
        mounted.driver.set_current_ma(12.5)
        assert self.laser(mounted)[0] == 0.0
        mounted.driver.set_laser_on(True)
        mounted.driver.set_laser_on(False)
        assert self.laser(mounted)[0] == 0.0

    def test_the_limit_is_in_the_instrument_before_the_laser_is_on(self, mounted):
        self.warm(mounted)
        mounted.driver.set_laser_on(True)
        assert mounted.driver.get_current_limit_ma() == pytest.approx(self.limit_ma)

    def test_more_than_the_limit_is_refused(self, mounted):
        mounted.driver.set_current_limit_ma(10.0)
        for value_ma in (10.1, -0.1, math.nan):
            with pytest.raises(InstrumentError):
                mounted.driver.set_current_ma(value_ma)
        assert mounted.driver.get_current_ma() <= 10.0

    def test_a_limit_above_that_of_the_configuration_is_refused(self, mounted):
        for value_ma in (self.limit_ma + 0.1, 0.0, math.nan):
            with pytest.raises(InstrumentError):
                mounted.driver.set_current_limit_ma(value_ma)
        assert mounted.heard() == []

    def test_the_laser_stays_off_without_cooler(self, mounted):
        with pytest.raises(InstrumentError, match="cooler"):
            mounted.driver.set_laser_on(True)
        assert mounted.driver.get_laser_on() is False

    def test_the_temperature_is_there_when_setting_returns(self, mounted):
        mounted.driver.set_cooler_on(True)
        for value_ohm in (12_000.0, 9_000.0):
            mounted.driver.set_thermistor_ohm(value_ohm)
            assert self.laser(mounted)[1] == pytest.approx(value_ohm, rel=0.01)
            assert mounted.driver.get_thermistor_ohm() == pytest.approx(
                value_ohm, rel=0.01
            )

    def test_the_cooler_stays_on_while_the_laser_is(self, mounted):
        self.warm(mounted)
        mounted.driver.set_laser_on(True)
        with pytest.raises(InstrumentError, match="laser off first"):
            mounted.driver.set_cooler_on(False)
        mounted.driver.set_laser_on(False)
        mounted.driver.set_cooler_on(False)

    def test_safe_state_takes_the_current_away_and_leaves_the_cooler(self, mounted):
        self.warm(mounted)
        mounted.driver.set_current_ma(12.5)
        mounted.driver.set_laser_on(True)
        mounted.driver.safe_state()
        current_ma, thermistor_ohm = self.laser(mounted)
        assert current_ma == mounted.driver.get_current_ma() == 0.0
        assert mounted.driver.get_laser_on() is False
        assert thermistor_ohm == pytest.approx(10_500.0, rel=0.01)
