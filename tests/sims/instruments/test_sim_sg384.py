"""The simulated SG384, byte by byte."""

import math

import pytest

from qkdlab_sims.instruments.srs_sg384 import Simulator


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(**options)
        self.changes = []
        self.sim.on_change = self.changes.append

    def say(self, message, now_ps=0):
        self.sim.machine.feed(message.encode() + b"\n", now_ps)
        return self.sim.machine.take(now_ps).decode().strip()


@pytest.fixture
def bench():
    return Bench()


def test_it_says_who_it_is_as_a_real_unit_did():
    bench = Bench(serial="001796", firmware="1.21.26")
    answer = bench.say("*IDN?")
    assert answer == "Stanford Research Systems,SG384,s/n001796,ver1.21.26"


def test_answers_end_with_carriage_return_and_line_feed(bench):
    bench.sim.machine.feed(b"TIMB?\n", 0)
    assert bench.sim.machine.take(0) == b"1\r\n"


def test_it_powers_up_at_10_mhz(bench):
    assert float(bench.say("FREQ?")) == 10e6
    assert bench.sim.frequency_hz() == 10e6


@pytest.mark.parametrize(
    "message", ["FREQ 100 MHz", "FREQ 0.1 GHz", "FREQ100000000.000000", "freq 1e5 khz"]
)
def test_the_frequency_may_be_given_with_its_unit(bench, message):
    bench.say(message)
    assert bench.sim.frequency_hz() == 1e8
    assert bench.say("FREQ? MHz") == "100.000000"
    assert bench.say("LERR?") == "0"


@pytest.mark.parametrize("message", ["FREQ 4.06 GHz", "FREQ -1"])
def test_frequencies_that_it_cannot_make_are_refused(bench, message):
    bench.say(message)
    assert bench.say("LERR?") == "10"
    assert bench.sim.frequency_hz() == 10e6


def test_the_type_n_output_is_silent_below_950_khz(bench):
    bench.say("ENBR 1;FREQ 900 kHz")
    assert not bench.sim.output_on()
    assert bench.sim.bnc_on()
    bench.say("FREQ 950 kHz")
    assert bench.sim.output_on()


def test_the_bnc_output_is_silent_above_62_5_mhz(bench):
    bench.say("FREQ 62.5 MHz")
    assert bench.sim.bnc_on()
    bench.say("FREQ 63 MHz")
    assert not bench.sim.bnc_on()


def test_levels_may_be_given_in_volts(bench):
    bench.say("AMPR 1 VPP")
    assert bench.sim.power_dbm() == pytest.approx(3.98, abs=0.005)
    assert float(bench.say("AMPR? RMS")) == pytest.approx(1 / math.sqrt(8), rel=1e-3)


@pytest.mark.parametrize(
    "message", ["AMPR 16.6", "AMPR -111", "AMPL 13.1", "AMPR 0RMS"]
)
def test_levels_that_it_cannot_make_are_refused(bench, message):
    bench.say(message)
    assert bench.say("LERR?") == "10"


@pytest.mark.parametrize(
    ("frequency", "step_deg"), [("10 MHz", 0.01), ("100 MHz", 0.1), ("2 GHz", 1.0)]
)
def test_the_phase_is_coarser_at_higher_frequencies(bench, frequency, step_deg):
    bench.say(f"FREQ {frequency};PHAS 12.3456")
    assert bench.sim.phase_deg() == pytest.approx(
        round(12.3456 / step_deg) * step_deg, abs=1e-9
    )


def test_one_step_of_the_phase_is_at_most_360_degrees(bench):
    bench.say("PHAS 360;PHAS -1")
    assert bench.say("LERR?;PHAS?") == "10;360.00"
    bench.say("PHAS 0;PHAS -360")
    assert bench.say("LERR?;PHAS?") == "0;-360.00"


def test_a_new_zero_of_the_phase_moves_nothing(bench):
    bench.say("PHAS 30;RPHS;PHAS 15")
    assert bench.say("PHAS?") == "15.00"
    assert bench.sim.phase_deg() == pytest.approx(45.0)


def test_the_world_is_told_of_every_change(bench):
    for now_ps, message in enumerate(["FREQ 1e8", "PHAS 1", "AMPR 1", "ENBR 0"]):
        bench.say(message, now_ps)
    assert bench.changes == [0, 1, 2, 3]


def test_questions_change_nothing(bench):
    for message in ("FREQ?", "PHAS?", "AMPR?", "ENBR?", "TIMB?", "INSR?", "OPTN? 2"):
        assert bench.say(message)
    assert bench.changes == []


def test_the_timebase_is_the_best_that_there_is(bench):
    assert bench.say("TIMB?") == "1"
    assert Bench(timebase="rubidium").say("TIMB?") == "2"
    bench.sim.external_reference = True
    assert bench.say("TIMB?") == "3"


def test_a_reference_that_it_cannot_follow_is_in_the_status(bench):
    bench.sim.external_reference = True
    assert bench.sim.timebase_locked()
    assert bench.say("INSR?") == "0"
    bench.sim.reference_is_good = False
    assert not bench.sim.timebase_locked()
    assert int(bench.say("INSR?")) & 1 << 5
    assert int(bench.say("INSR?")) & 1 << 5


def test_a_passing_loss_is_told_once(bench):
    bench.sim.lose_reference()
    assert bench.say("INSR?;INSR?") == "32;0"


def test_a_reset_brings_the_values_of_the_maker_back(bench):
    bench.say("FREQ 1e8;PHAS 3;AMPR -7;MODL 1;*RST")
    assert bench.say("FREQ?;PHAS?;AMPR?;MODL?") == "10000000.000000;0.00;0.00;0"


@pytest.mark.parametrize(
    "message",
    ["RATE 0.000002", "FDEV 32000000.0", "MFNC 5", "COUP 0", "NOIS 1", "OFSL -1.5"],
)
def test_the_settings_of_modulation_are_kept(bench, message):
    name, value = message.split()
    bench.say(message)
    assert float(bench.say(f"{name}?")) == float(value)
    assert bench.say("LERR?") == "0"
