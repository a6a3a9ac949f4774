"""The simulated HP 8156A, byte by byte."""

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab_sims.instruments.hp_8156a import Simulator

MS = 1_000_000_000


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(**options)
        self.machine = self.sim.endpoints["control"]
        self.changes = []
        self.sim.on_change = self.changes.append

    def say(self, message, now_ps=0, later_ps=None):
        self.machine.feed(message.encode() + b"\n", now_ps)
        return self.machine.take(now_ps if later_ps is None else later_ps)


@pytest.fixture
def bench():
    return Bench()


def test_it_says_who_it_is_without_a_serial_number(bench):
    assert bench.say("*IDN?") == b"HEWLETT-PACKARD, HP8156A, 0, 1.02\n"


def test_it_powers_up_with_its_shutter_closed(bench):
    assert bench.say("OUTP?") == b"0\n"
    assert not bench.sim.shutter_open(0)


def test_the_filter_goes_to_the_value_at_its_pace(bench):
    bench.say(":INP:ATT 30DB")
    # 20 ms + 30 x 8 ms
    assert bench.sim.attenuation_db(0) == 0
    assert bench.sim.attenuation_db(130 * MS) == pytest.approx(15)
    assert bench.sim.attenuation_db(260 * MS) == 30
    assert bench.say("STAT:OPER:COND?", 259 * MS) == b"2\n"
    assert bench.say("STAT:OPER:COND?", 260 * MS) == b"0\n"


def test_a_move_may_be_changed_on_the_way(bench):
    bench.say("INP:ATT 30")
    bench.say("INP:ATT 0", 130 * MS)
    assert bench.sim.attenuation_db(130 * MS) == pytest.approx(15)
    assert bench.sim.attenuation_db((130 + 20 + 120) * MS) == 0


def test_opc_waits_until_the_filter_has_settled(bench):
    bench.say("INP:ATT 10;*OPC?")
    assert bench.machine.next_wake_ps() == 100 * MS
    assert bench.machine.take(100 * MS) == b"1\n"


def test_through_power_begins_as_the_attenuation_shown(bench):
    # the example of the guide, OUTPut:POWer
    for command in ("INP:ATT 10", "INP:OFFS 2", "OUTP:APM ON"):
        bench.say(command)
    assert bench.say("OUTP:APM?") == b"1\n"
    assert bench.say("OUTP:POW?") == b"+12.000\n"
    bench.say("OUTP:POW MAX", 1000 * MS)
    assert bench.say("OUTP:POW?", 1000 * MS) == b"+22.000\n"
    assert bench.sim.attenuation_db(2000 * MS) == 0
    bench.say("OUTP:POW -38", 2000 * MS)
    assert bench.sim.attenuation_db(3000 * MS) == 60


@pytest.mark.parametrize("message", ["INP:ATT?", "INP:OFFS?", "INP:ATT 10"])
def test_attenuation_and_offset_end_the_through_power(bench, message):
    bench.say("INP:ATT 10")
    bench.say("OUTP:APM ON", 1000 * MS)
    bench.say(message, 1000 * MS)
    assert bench.say("OUTP:APM?", 1000 * MS) == b"0\n"
    assert bench.sim.attenuation_db(2000 * MS) == 10


@pytest.mark.parametrize("value", ["60.001", "-0.001", "1E3"])
def test_values_outside_the_range_are_refused(bench, value):
    bench.say(f"INP:ATT {value}")
    assert bench.say("SYST:ERR?") == b'-222,"Data out of range"\n'
    assert bench.say("INP:ATT?") == b"+0.000\n"


def test_values_are_rounded_to_a_thousandth(bench):
    bench.say("INP:ATT 12.34567")
    assert bench.say("INP:ATT?") == b"+12.346\n"


def test_the_calibration_factor_shifts_what_is_shown(bench):
    bench.say("INP:ATT 10")
    bench.say("INP:OFFS 3")
    assert bench.say("INP:ATT?") == b"+13.000\n"
    assert bench.say("INP:ATT? MIN") == b"+3.000\n"
    assert bench.say("INP:ATT? MAX") == b"+63.000\n"
    bench.say("INP:ATT 13", 1000 * MS)
    assert bench.sim.attenuation_db(2000 * MS) == pytest.approx(10)


@pytest.mark.parametrize("typed", ["1500nm", "1.5um", "1.5e-6m", "1.5E-6"])
def test_wavelengths_have_any_unit(bench, typed):
    bench.say(f"INP:WAV {typed}")
    assert bench.say("INP:WAV?") == b"+1.500000E-06\n"


def test_wavelengths_outside_the_range_are_refused(bench):
    bench.say("INP:WAV 1651NM")
    assert bench.say("SYST:ERR?").startswith(b"-222")
    assert bench.say("INP:WAV? MAX") == b"+1.650000E-06\n"


def test_the_shutter_takes_its_time_to_open_and_none_to_stop_light(bench):
    bench.say("OUTP ON")
    assert not bench.sim.shutter_open(29 * MS)
    assert bench.sim.shutter_open(30 * MS)
    bench.say("OUTP:STAT 0", 50 * MS)
    assert not bench.sim.shutter_open(50 * MS)


def test_the_shutter_at_power_on_is_a_setting(bench):
    assert bench.say("OUTP:APOW?") == b"0\n"
    bench.say("OUTP:APOW LAST")
    assert bench.say("OUTP:STAT:APOW?") == b"1\n"
    assert Bench(shutter_at_power_on=True).sim.shutter_open(0)


def test_an_unread_response_is_lost_with_an_error(bench):
    bench.machine.feed(b"*IDN?\n", 0)
    assert bench.say("OUTP?") == b"0\n"
    assert bench.say("SYST:ERR?") == b'-410,"Query INTERRUPTED"\n'


def test_the_error_queue_holds_30(bench):
    for _ in range(40):
        bench.say("NOPE")
    answers = [bench.say("SYST:ERR?") for _ in range(31)]
    assert answers[28] == b'-113,"Undefined header"\n'
    assert answers[29] == b'-350,"Queue overflow"\n'
    assert answers[30] == b'+0,"No error"\n'


def test_reset_closes_the_shutter(bench):
    bench.say("OUTP ON;:INP:ATT 5")
    bench.say("*RST", 1000 * MS)
    assert not bench.sim.shutter_open(2000 * MS)
    assert bench.sim.attenuation_db(2000 * MS) == 0


def test_the_world_hears_of_each_change(bench):
    bench.say("OUTP ON", 7)
    bench.say("INP:ATT 3", 8)
    assert bench.changes == [7, 8]


def test_every_move_stops_a_little_elsewhere():
    bench = Bench(repeatability_db=0.01, rng=np.random.default_rng(4))
    found = []
    for k in range(400):
        bench.say(f"INP:ATT {20 + 10 * (k % 2)}", 10**12 * k)
        found.append(bench.sim.attenuation_db(10**12 * (k + 1)) - 20 - 10 * (k % 2))
        assert bench.say("INP:ATT?", 10**12 * (k + 1)).startswith(
            b"+2" if k % 2 == 0 else b"+3"
        )
    total = np.sum(np.square(found)) / 0.01**2
    assert 1e-4 < chi2.sf(total, 400) < 1 - 1e-4


def test_a_filter_that_is_told_to_stay_stays():
    bench = Bench(repeatability_db=0.01, rng=np.random.default_rng(4))
    bench.say("INP:ATT 20")
    before_db = bench.sim.attenuation_db(10**12)
    bench.say("INP:ATT 20", 10**12)
    assert bench.sim.attenuation_db(2 * 10**12) == before_db
