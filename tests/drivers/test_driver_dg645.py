"""The SRS DG645 driver on its simulator."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import DelayGeneratorConformance, DriverConformance
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab_drivers.srs.delay_generator_dg645 import MAX_DELAY_PS, _as_seconds
from qkdlab_drivers.srs.spec import SPECS
from qkdlab_sims.instruments.srs_dg645 import Simulator

SPEC = next(spec for spec in SPECS if spec.name == "srs.dg645")


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, DelayGeneratorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_pulse("AB", 1000, 100_000)

    def truth(self, mounted, output):
        pulse = mounted.simulator.pulse(output)
        assert pulse.positive
        return pulse.delay_ps, pulse.width_ps, pulse.amplitude_v, pulse.offset_v

    def trigger_at(self, mounted, rate_hz):
        mounted.simulator.trigger_rate = lambda now_ps: rate_hz


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def say(mounted, *commands):
    """Turn the unit's knobs."""
    for command in commands:
        mounted.simulator.machine.feed(command + b"\n", mounted.clock.now_ps())


def test_delays_keep_five_picoseconds_up_to_the_longest(mounted):
    delay_ps = MAX_DELAY_PS - 100_005
    mounted.driver.set_pulse("GH", delay_ps, 100_000)
    assert mounted.driver.get_pulse("GH") == (delay_ps, 100_000)


def test_delays_are_rounded_to_what_the_unit_resolves(mounted):
    mounted.driver.set_pulse("CD", 1_003, 99_999)
    assert mounted.driver.get_pulse("CD") == (1_005, 100_000)


def test_edges_linked_in_any_way_are_understood(mounted):
    say(mounted, b"DLAY 3,0,5e-6", b"DLAY 5,3,1e-6", b"DLAY 2,5,1e-6")
    assert mounted.driver.get_pulse("AB") == (5_000_000, 2_000_000)


def test_a_pulse_is_positive_whatever_it_was(mounted):
    say(mounted, b"LPOL 1,0")
    mounted.driver.set_pulse("AB", 0, 100_000)
    assert mounted.simulator.pulse("AB").positive


def test_each_trigger_counts_whatever_somebody_left_behind(mounted):
    say(mounted, b"ADVT 1", b"HOLD 1e-3", b"BURM 1", b"TSRC 0")
    mounted.driver.set_external_trigger(0.7, rising=False)
    simulator = mounted.simulator
    assert simulator.trigger_source() == "external falling"
    assert simulator.trigger_threshold_v() == pytest.approx(0.7)
    assert [simulator.settings.get(name) for name in ("ADVT", "HOLD", "BURM")] == [
        0
    ] * 3


def test_levels_may_change_places_near_the_limit(mounted):
    mounted.driver.set_level("AB", 5.0, -2.0)
    mounted.driver.set_level("AB", 4.0, 2.0)
    mounted.driver.set_level("AB", 5.0, -2.0)
    assert mounted.driver.get_level("AB") == (5.0, -2.0)


def test_levels_together_above_six_volts_are_refused(mounted):
    with pytest.raises(InstrumentError, match="cannot step by 5 V from 2 V"):
        mounted.driver.set_level("AB", 5.0, 2.0)


def test_what_the_unit_refuses_is_told_in_words(mounted):
    say(mounted, b"DLAY 4,2,0")
    mounted.driver.set_pulse("AB", 1_000_000, 1000)
    say(mounted, b"DLAY 4,2,-1e-6")
    with pytest.raises(InstrumentError, match=r"error 12 \(illegal delay\) after DLAY"):
        mounted.driver.set_pulse("AB", 0, 1000)


def test_old_errors_of_the_instrument_are_not_taken_for_ours(mounted):
    say(mounted, *[b"NOPE"] * 40)
    mounted.driver.set_pulse("AB", 0, 1000)


def test_an_earlier_trigger_does_not_count(mounted):
    mounted.driver.set_external_trigger(0.5)
    mounted.simulator.trigger_rate = lambda now_ps: 1250.0
    mounted.clock.sleep_until(mounted.clock.now_ps() + 10**12)
    assert mounted.driver.is_triggered()
    mounted.simulator.trigger_rate = lambda now_ps: 0.0
    assert not mounted.driver.is_triggered()


def test_parameters_reach_the_instrument(mounted):
    driver = mounted.driver
    driver.set_pulse("AB", 1000, 2000)
    driver.ab_delay_ps(5000)
    driver.ab_width_ps(100_000)
    driver.ab_amplitude_v(1.5)
    driver.ab_offset_v(-0.5)
    driver.trigger_source("external rising")
    driver.trigger_threshold_v(1.25)
    assert (driver.ab_delay_ps(), driver.ab_width_ps()) == (5000, 100_000)
    assert (driver.ab_amplitude_v(), driver.ab_offset_v()) == (1.5, -0.5)
    assert driver.trigger_source() == "external rising"
    assert driver.trigger_threshold_v() == 1.25


@pytest.mark.parametrize(("present", "name"), [(False, "internal"), (True, "external")])
def test_the_timebase_is_told(present, name):
    mounted = make(reference_present=present)
    assert mounted.driver.timebase() == name
    mounted.driver.close()


def test_triggers_are_refused_without_the_timebase_that_is_wanted():
    mounted = make({"timebase": "external"}, reference_present=False)
    with pytest.raises(InstrumentError, match="external timebase"):
        mounted.driver.set_external_trigger(1.0)
    mounted.simulator.reference_present = True
    mounted.driver.set_external_trigger(1.0)
    mounted.driver.close()


@pytest.mark.parametrize("answer", ["x", "7", "2,abc", "2;1"])
def test_answers_that_are_no_delay_are_told(mounted, answer):
    mounted.simulator.machine.add("DLAY", ask=lambda call: answer)
    with pytest.raises(InstrumentReplyError):
        mounted.driver.get_pulse("AB")


def test_links_in_a_circle_are_told(mounted):
    mounted.simulator.machine.add("DLAY", ask=lambda call: "2,+0.0")
    with pytest.raises(InstrumentReplyError, match="in a circle"):
        mounted.driver.get_pulse("AB")


@given(st.integers(0, MAX_DELAY_PS))
def test_delays_are_written_exactly(value_ps):
    whole, _, rest = _as_seconds(value_ps).partition(".")
    assert int(whole) * 10**12 + int(rest) == value_ps
    assert len(rest) == 12
