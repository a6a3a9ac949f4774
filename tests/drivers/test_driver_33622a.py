"""The Keysight 33622A driver on its simulator."""

import numpy as np
import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance, PatternGeneratorConformance

from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab_drivers.keysight.spec import SPECS
from qkdlab_sims.instruments.keysight_33622a import Simulator

(SPEC,) = SPECS
PATTERN = np.repeat([0.8, 0.37, 0.05, 0.8], 25)


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, PatternGeneratorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make({"max_samples": 5000}, faults)

    def use(self, driver):
        driver.load_waveforms({1: PATTERN}, 1e9)

    def output(self, mounted, channel):
        out = mounted.simulator.output(channel)
        return out.volts, out.sample_rate_hz, out.enabled, out.start_ps


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_the_reference_pattern_plays_at_one_gigasample(mounted):
    volts = np.repeat(PATTERN, 8000)
    mounted.driver.load_waveforms({1: volts, 2: -volts}, 1e9)
    mounted.driver.start()
    out = mounted.simulator.output(1)
    assert (len(out.volts), out.sample_rate_hz, out.filter) == (800_000, 1e9, "STEP")
    assert mounted.simulator.sync_period_ps() == 800_000_000


def test_binary_data_with_line_feeds_inside_arrives_whole(mounted):
    # codes 0x0A0A are line feeds on the wire
    volts = np.full(4000, 0.0)
    volts[::2] = 1.0
    volts[1::4] = 1.0 * 0x0A08 / 32764
    given = mounted.driver.load_waveforms({1: volts}, 1e9)
    np.testing.assert_allclose(given[1], volts, atol=1e-4)
    np.testing.assert_allclose(mounted.simulator.output(1).volts, given[1], atol=1e-9)


def test_the_whole_range_of_the_converter_is_used(mounted):
    mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    codes = mounted.simulator.channels[1].memory.get("QKDLAB1")
    assert codes.max() > 32700
    assert codes.min() < -32600


def test_the_full_output_voltage_can_be_had(mounted):
    volts = np.tile([-5.0, 5.0], 50)
    given = mounted.driver.load_waveforms({1: volts}, 1e6)
    np.testing.assert_allclose(given[1], volts, atol=0.6e-3)
    np.testing.assert_allclose(mounted.simulator.output(1).volts, given[1], atol=1e-9)


def test_a_constant_at_the_end_of_the_range_can_be_had(mounted):
    given = mounted.driver.load_waveforms({1: np.full(100, -5.0)}, 1e6)
    np.testing.assert_allclose(given[1], -5.0, atol=1.1e-3)


def test_what_somebody_set_before_does_no_harm(mounted):
    machine = mounted.simulator.endpoints["control"]
    machine.feed(
        b"OUTP1:LOAD INF;POL INV;:VOLT 3;VOLT:OFFS 8;:VOLT:UNIT VRMS;"
        b":FUNC:ARB:FILT OFF;:BURS:STAT OFF;:NOPE\n",
        0,
    )
    given = mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    np.testing.assert_allclose(mounted.simulator.output(1).volts, given[1], atol=1e-9)


@pytest.mark.parametrize(
    "left_on",
    [
        "SOUR2:BURS:STAT ON",
        "SOUR2:SWE:STAT ON",
        "SOUR2:AM:STAT ON",
        "SOUR2:FM:STAT ON",
        "SOUR2:PM:STAT ON",
        "SOUR2:FSK:STAT ON",
        "SOUR2:BPSK:STAT ON",
        "SOUR2:PWM:STAT ON",
        "SOUR2:SUM:STAT ON",
        "SOUR2:FUNC:ARB:ADV TRIG",
        "OUTP2:MODE GAT",
        "SOUR1:TRAC ON",
        "SOUR2:COMB:FEED CH1",
    ],
)
def test_nothing_that_was_left_on_acts_on_the_pattern(mounted, left_on):
    mounted.simulator.endpoints["control"].feed(f"{left_on}\n".encode(), 0)
    given = mounted.driver.load_waveforms({1: -PATTERN, 2: PATTERN}, 1e9)
    mounted.driver.start()
    out = mounted.simulator.output(2)
    assert out.enabled
    np.testing.assert_allclose(out.volts, given[2], atol=1e-9)


def test_a_memory_full_of_old_waveforms_is_cleared():
    mounted = make(memory_points=150)
    old = ",".join(["0.5"] * 120)
    machine = mounted.simulator.endpoints["control"]
    machine.feed(f"SOUR1:DATA:ARB OLD,{old};:SOUR1:FUNC:ARB OLD\n".encode(), 0)
    assert mounted.simulator.channels[1].memory.free() == 30
    mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    assert mounted.simulator.channels[1].arb_name == "QKDLAB1"
    mounted.driver.close()


def test_one_span_means_one_setting_of_the_output_stage(mounted):
    settings = []
    for level in (0.0, 0.03, 0.8):
        volts = {1: np.full(100, level)}
        given = mounted.driver.load_waveforms(volts, 1e9, {1: (0.0, 0.8)})
        np.testing.assert_allclose(given[1], level, atol=0.1e-3)
        channel = mounted.driver.ch1
        settings.append((channel.amplitude_v(), channel.offset_v()))
    mounted.driver.load_waveforms({1: np.tile([0.0, 0.8], 50)}, 1e9)
    settings.append((channel.amplitude_v(), channel.offset_v()))
    assert settings == [pytest.approx((0.801, 0.4))] * 4


@pytest.mark.parametrize("span", [(0.1, 0.8), (0.0, 0.7), (0.8, 0.0), (-6.0, 0.8)])
def test_a_waveform_outside_its_span_is_refused_before_anything_is_sent(mounted, span):
    heard = len(mounted.heard())
    with pytest.raises(InstrumentError, match="outside its span"):
        mounted.driver.load_waveforms({1: PATTERN}, 1e9, {1: span})
    assert len(mounted.heard()) == heard


def test_errors_of_the_instrument_come_with_its_words(mounted):
    mounted.driver.line.command("OUTP1 OFF")
    with pytest.raises(InstrumentError, match=r'-222 "Data out of range.*after VOLT'):
        mounted.driver.line.command("VOLT 100")


def test_a_full_memory_is_reported():
    mounted = make(memory_points=50)
    with pytest.raises(InstrumentError, match="Not enough memory"):
        mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    mounted.driver.close()


def test_filter_off_holds_less():
    mounted = make({"filter": "OFF"})
    with pytest.raises(InstrumentError, match="filter OFF; use at most 250000000 Hz"):
        mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    mounted.driver.load_waveforms({1: PATTERN}, 250e6)
    assert mounted.simulator.output(1).filter == "OFF"
    mounted.driver.close()


def test_outputs_that_restart_when_switched_on_still_run_in_step():
    mounted = make(output_on_restarts=True)
    mounted.driver.load_waveforms({1: PATTERN, 2: PATTERN}, 1e9)
    mounted.driver.start()
    first, second = mounted.simulator.output(1), mounted.simulator.output(2)
    assert first.start_ps == second.start_ps
    mounted.driver.close()


def test_an_external_reference_is_asked_for_by_option():
    mounted = make({"reference": "external"}, reference_present=False)
    with pytest.raises(InstrumentError, match="Reference phase-locked loop"):
        mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    mounted.driver.close()


def test_nothing_is_started_when_the_external_reference_was_lost():
    mounted = make({"reference": "external"})
    mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    mounted.simulator.reference_present = False
    with pytest.raises(InstrumentError, match="not locked to its external reference"):
        mounted.driver.start()
    assert not mounted.simulator.output(1).enabled
    mounted.driver.close()


def test_without_an_external_reference_nobody_asks_for_its_lock():
    mounted = make(reference_present=False)
    mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    mounted.driver.start()
    assert mounted.simulator.output(1).enabled
    mounted.driver.close()


def test_outputs_go_off_even_when_answers_are_garbage():
    mounted = make(faults=[{"kind": "garbage", "after_s": 0.01}])
    mounted.driver.ch1.output(True)
    mounted.clock.sleep_until(10_000_000_000)
    with pytest.raises(InstrumentReplyError):
        mounted.driver.safe_state()
    assert not mounted.simulator.output(1).enabled
    mounted.driver.close()


def test_an_output_that_stays_on_is_told(mounted):
    mounted.driver.ch2.output(True)
    mounted.simulator.machine.commands.find = lambda typed, query: (
        (lambda call: "1"),
        (2,),
    )
    with pytest.raises(InstrumentError, match="output 1 stays on"):
        mounted.driver.safe_state()


def test_parameters_reach_the_instrument(mounted):
    channel = mounted.driver.ch2
    channel.amplitude_v(2.5)
    channel.sample_rate_hz(1e8)
    channel.output(True)
    assert channel.amplitude_v() == 2.5
    assert channel.sample_rate_hz() == 1e8
    assert channel.output() is True
    assert channel.function() == "SIN"
    assert mounted.simulator.output(2).enabled


def test_another_model_is_named():
    mounted = make()
    mounted.simulator.machine.identity = "Keysight Technologies,33522B,MY1,1"
    with pytest.raises(InstrumentError, match="found Keysight Technologies 33522B"):
        mounted.driver.identify()
    mounted.driver.close()


def test_no_waveform_is_in_a_snapshot(mounted):
    mounted.driver.load_waveforms({1: PATTERN}, 1e9)
    assert len(str(mounted.driver.snapshot(update=False))) < 20_000
