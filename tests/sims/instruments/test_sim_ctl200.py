"""The simulated CTL200, byte by byte, and what its laser does."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.koheron_ctl200 import Simulator

MS = 1_000_000_000
S = 1000 * MS


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(**options)
        self.changes = []
        self.sim.on_change = self.changes.append

    def raw(self, data, now_ps=0):
        self.sim.machine.feed(data, now_ps)
        return self.sim.machine.take(now_ps)

    def say(self, message, now_ps=0):
        heard = self.raw(message.encode() + b"\r\n", now_ps).decode()
        echo, answer, prompt = heard.split("\r\n")
        assert (echo, prompt) == (message, ">>")
        return answer

    def switch_on(self, current_ma=20.0, now_ps=0):
        for message in ("tecon 1", f"ilaser {current_ma}", "lason 1"):
            answer = self.say(message, now_ps)
        assert answer == "1"


@pytest.fixture
def bench():
    return Bench()


RECORDED = [
    ("lason", "0"),
    ("ilaser 150", "150.000"),
    ("ilaser", "150.000"),
    ("ilmax 500", "200.000"),
    ("ilmax 180", "180.000"),
    ("ldelay 2500", "2500.000"),
    ("tecon 0", "0"),
    ("rtset 10000", "10000.000"),
    ("pgain 0.1", "0.100"),
    ("igain 0.03", "0.030"),
    ("dgain 0", "0.000"),
    ("tprot 1", "1"),
    ("rtmin 5000", "5000.000"),
    ("rtmax 15000", "15000.000"),
    ("vtmin -2.5", "-2.500"),
    ("vtmax 2.5", "2.500"),
    ("lckon 1", "1"),
    ("lmodgain 50", "50.000"),
    ("tmodgain 5000", "5000.000"),
    ("version", "v0.17"),
    ("model", "CTL200-0"),
    ("serial", "0123456789"),
    ("brate 9600", "9600"),
    ("userdata write TEST", "TEST"),
    ("userdata", "TEST"),
    ("save", "config saved"),
    ("errclr", "ffffffff"),
    ("err", "0"),
]
"""Exchanges as in the protocol recorded with pymeasure's driver; `ilmax 500` is beyond
what this model gives."""


@pytest.mark.parametrize(("message", "answer"), RECORDED)
def test_it_answers_as_recorded(message, answer):
    bench = Bench()
    if message in ("ilaser", "userdata"):
        bench.say({"ilaser": "ilaser 150", "userdata": "userdata write TEST"}[message])
    assert bench.say(message) == answer


def test_the_prompt_comes_before_the_next_echo(bench):
    assert bench.raw(b"ilaser\r\nlason\r\n") == (
        b"ilaser\r\n0.000\r\n>>lason\r\n0\r\n>>"
    )


def test_an_unknown_command_is_told_and_noted(bench):
    assert bench.say("nonsense 1") == "Unknown command"
    assert bench.say("err") == "10"


@pytest.mark.parametrize(
    "message",
    [
        "ilaser x",
        "ilaser -1",
        "ilaser 1 2",
        "pgain 0.2",
        "tecon 2",
        "lason 3",
        "vtmin 1",
        "rtset nan",
        "brate 1",
        "userdata read",
        "tprot 5",
        "ldelay 1",
    ],
)
def test_a_wrong_argument_changes_nothing_and_is_noted(bench, message):
    name = message.split()[0]
    before = bench.say(name)
    assert bench.say(message) == before
    assert bench.say("err") == "20"


def test_a_line_that_is_too_long_is_lost_and_noted(bench):
    assert bench.raw(b"ilaser " + b"1" * 200 + b"\r\n") == b""
    assert bench.say("err") == "1"


def test_a_command_before_the_prompt_is_lost_and_noted():
    bench = Bench(latency_ps=MS)
    bench.sim.machine.feed(b"tecon 1\r\n", 0)
    bench.sim.machine.feed(b"lason 1\r\n", MS // 2)
    assert bench.sim.machine.next_wake_ps() == MS
    assert bench.sim.machine.take(MS) == b"tecon 1\r\n1\r\n>>"
    bench.sim.machine.feed(b"err\r\n", 2 * MS)
    assert bench.sim.machine.take(3 * MS) == b"err\r\n2\r\n>>"
    assert not bench.sim.laser_on(3 * MS)


def test_the_laser_stays_off_without_cooler(bench):
    assert bench.say("lason 1") == "0"
    assert bench.sim.current_ma(S) == 0.0


def test_the_current_comes_after_the_delay_and_in_a_ramp(bench):
    bench.say("ldelay 100")
    bench.switch_on(20.0)
    assert bench.say("lason") == "1"
    assert bench.sim.current_ma(100 * MS) == 0.0
    assert bench.sim.current_ma(105 * MS) == pytest.approx(10.0)
    assert bench.sim.current_ma(110 * MS) == pytest.approx(20.0)


def test_a_current_set_during_the_delay_is_the_one_that_comes(bench):
    bench.say("ldelay 100")
    bench.switch_on(20.0)
    bench.say("ilaser 30", 50 * MS)
    assert bench.sim.current_ma(99 * MS) == 0.0
    assert bench.sim.current_ma(S) == pytest.approx(30.0)


def test_a_change_of_the_current_goes_without_delay(bench):
    bench.switch_on(20.0)
    bench.say("ilaser 10", 2 * S)
    assert bench.sim.current_ma(2 * S) == pytest.approx(20.0)
    assert bench.sim.current_ma(2 * S + 10 * MS) == pytest.approx(10.0)


def test_an_interlock_that_is_heeded_again_cuts_the_laser(bench):
    bench.say("lckon 0")
    bench.sim.set_interlock(False, 0)
    bench.switch_on()
    bench.say("lckon 1", S)
    assert bench.sim.current_ma(S) == 0.0


def test_more_than_the_limit_becomes_the_limit(bench):
    bench.say("ilmax 25")
    assert bench.say("ilaser 30") == "25.000"


def test_a_lower_limit_takes_the_current_with_it(bench):
    bench.switch_on(40.0)
    bench.say("ilmax 25", 2 * S)
    assert bench.sim.current_ma(3 * S) == pytest.approx(25.0)
    assert bench.say("ilaser", 3 * S) == "25.000"


def test_switching_off_is_immediate(bench):
    bench.switch_on()
    bench.say("lason 0", S)
    assert bench.sim.current_ma(S) == 0.0


def test_no_cooler_no_laser(bench):
    bench.switch_on()
    bench.say("tecon 0", S)
    assert bench.sim.current_ma(S) == 0.0


def test_an_open_interlock_keeps_the_laser_off(bench):
    bench.sim.set_interlock(False, 0)
    bench.say("tecon 1")
    assert bench.say("lason 1") == "0"
    assert bench.say("err") == "40"


def test_an_interlock_that_opens_cuts_the_laser(bench):
    bench.switch_on()
    bench.sim.set_interlock(False, S)
    assert bench.sim.current_ma(S) == 0.0
    assert bench.say("err", S) == "80"
    bench.sim.set_interlock(True, S)
    assert bench.say("lason", S) == "0"


def test_an_interlock_that_is_not_wanted_is_not_heeded(bench):
    bench.say("lckon 0")
    bench.sim.set_interlock(False, 0)
    bench.switch_on()
    assert bench.sim.current_ma(S) > 0.0


@pytest.mark.parametrize(("target_ohm", "error"), [(20_000, "4"), (5_000, "8")])
def test_the_protection_cuts_the_laser_outside_its_window(bench, target_ohm, error):
    for message in ("rtmin 8000", "rtmax 12000", "tprot 1"):
        bench.say(message)
    bench.switch_on()
    assert bench.sim.laser_on(S)
    bench.say(f"rtset {target_ohm}", S)
    assert not bench.sim.laser_on(20 * S)
    assert bench.say("err", 20 * S) == error


def test_the_temperature_goes_exponentially_to_the_set_point(bench):
    bench.say("tecon 1")
    bench.say("rtset 12000")
    ohms = [bench.sim.thermistor_ohm(t * S // 2) for t in range(20)]
    steps = np.diff(ohms)
    assert np.all(steps > 0)
    assert np.all(np.diff(steps) < 0)
    assert ohms[-1] == pytest.approx(12_000, abs=0.1)


def test_more_gain_is_quicker(bench):
    slow = Bench()
    for gain, each in ((0.005, slow), (0.05, bench)):
        for message in (f"pgain {gain}", "tecon 1", "rtset 12000"):
            each.say(message)
    assert bench.sim.thermistor_ohm(S // 4) > slow.sim.thermistor_ohm(S // 4)


def test_without_integral_gain_it_stops_short(bench):
    for message in ("igain 0", "tecon 1", "rtset 12000"):
        bench.say(message)
    final_ohm = bench.sim.thermistor_ohm(100 * S)
    assert 11_500 < final_ohm < 11_950
    bench.say("igain 0.005", 100 * S)
    assert bench.sim.thermistor_ohm(200 * S) == pytest.approx(12_000)


def test_the_voltage_limits_bound_the_temperature(bench):
    for message in ("vtmin -0.5", "tecon 1", "rtset 40000"):
        bench.say(message)
    # half a volt is 12.5 K below 25 degrees Celsius
    assert bench.sim.thermistor_ohm(100 * S) == pytest.approx(17_800, rel=0.02)
    assert bench.say("vtec", 100 * S) == "-0.500"
    assert bench.say("itec", 100 * S) == "-0.250"


def test_without_control_it_returns_to_the_surroundings(bench):
    for message in ("tecon 1", "rtset 12000"):
        bench.say(message)
    bench.say("tecon 0", 100 * S)
    assert bench.sim.thermistor_ohm(200 * S) == pytest.approx(10_000)


def test_readings_of_the_thermistor_are_noisy_about_the_truth():
    bench = Bench(noise_ohm=0.5, rng=np.random.default_rng(5))
    readings = [float(bench.say("rtact")) for _ in range(400)]
    assert np.mean(readings) == pytest.approx(10_000, abs=4 * 0.5 / 20)
    assert np.std(readings) == pytest.approx(0.5, rel=0.15)


def test_the_world_gives_what_the_photodiode_sees(bench):
    bench.sim.photodiode_ma = lambda now_ps: now_ps / S
    assert bench.say("iphd", 2 * S) == "2.000"


def test_the_status_has_its_eight_numbers_in_order(bench):
    bench.sim.photodiode_ma = lambda now_ps: 0.125
    bench.switch_on(25.0)
    values = [float(each) for each in bench.say("status", 10 * S).split()]
    assert values[0] == 1.0
    assert values[1] == pytest.approx(1.0)
    assert values[4] == pytest.approx(10_000, abs=2)
    assert values[5] == 0.125
    assert len(values) == 8


def test_the_world_is_told_of_changes(bench):
    bench.switch_on(20.0)
    n = len(bench.changes)
    assert n >= 2
    bench.say("ilaser 30", S)
    bench.say("lason 0", 2 * S)
    assert bench.changes[n:] == [S, 2 * S]
    bench.say("status", 3 * S)
    assert bench.changes[-1] == 2 * S


LINES = st.lists(
    st.sampled_from([b"model\r\n", b"ilaser 5\r\n", b"ilaser\n", b"\r\n", b"foo\r\n"]),
    max_size=8,
).map(b"".join)


@given(LINES, st.lists(st.integers(0, 80), max_size=6))
def test_the_splits_of_the_stream_make_no_difference(stream, cuts):
    whole, parts = Bench(), Bench()
    expected = whole.raw(stream)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pairs = itertools.pairwise(edges)
    assert b"".join(parts.raw(stream[a:b]) for a, b in pairs) == expected


@given(st.binary(max_size=300))
def test_garbage_never_lights_the_laser(garbage):
    bench = Bench()
    bench.raw(garbage)
    bench.raw(b"\r\n")
    assert bench.say("model") == "CTL200-0"
    assert bench.sim.current_ma(S) == 0.0
