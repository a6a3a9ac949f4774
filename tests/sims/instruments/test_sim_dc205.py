"""The simulated DC205, byte by byte."""

import math

import pytest

from qkdlab_sims.instruments.srs_dc205 import Simulator

MS = 1_000_000_000
LATER = 10**12


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


def test_it_says_who_it_is_as_in_the_manual():
    bench = Bench(serial="20512345", firmware="1.00")
    answer = bench.say("*IDN?")
    assert answer == "Stanford Research Systems,DC205,s/n20512345,ver1.00"


@pytest.mark.parametrize("end", ["", "\r", "\n", "\r\n", "\n\r"])
def test_the_end_of_answers_can_be_chosen(bench, end):
    name = {"": "NONE", "\r": "CR", "\n": "LF", "\r\n": "CRLF", "\n\r": "LFCR"}[end]
    bench.say(f"TERM {name};TOKN ON")
    bench.sim.machine.feed(b"TERM?\n", 0)
    assert bench.sim.machine.take(0).decode() == name + end


def test_tokens_are_told_as_numbers_or_as_words(bench):
    questions = "RNGE?;SOUT?;ISOL?;SENS?;ILOC?;OVLD?;TOKN?"
    assert bench.say(questions) == "0;0;0;0;0;0;0"
    bench.say("TOKN ON")
    words = "RANGE1;OFF;GROUND;TWOWIRE;OPEN;OKAY;ON"
    assert bench.say(questions) == words


@pytest.mark.parametrize("token", ["RANGE10", "range10", "1"])
def test_a_token_may_be_given_as_its_number_or_its_word(bench, token):
    bench.say(f"RNGE {token}")
    assert bench.say("RNGE?") == "1"


@pytest.mark.parametrize(
    ("message", "execution", "command"),
    [
        ("VOLT 1.02", 1, 0),
        ("VOLT -1.02", 1, 0),
        ("VOLT x", 0, 9),
        ("RNGE 3", 0, 12),
        ("RNGE RANGE1000", 0, 14),
        ("SOUT", 0, 5),
        ("NOPE 1", 0, 2),
        ("LEXE 1", 0, 4),
        ("*RST?", 0, 3),
        ("VOLT 1,2", 0, 6),
    ],
)
def test_what_is_wrong_is_kept_by_kind(bench, message, execution, command):
    bench.say(message)
    assert bench.say("LEXE?; LCME?") == f"{execution};{command}"
    assert bench.say("LEXE?; LCME?") == "0;0"


def test_no_voltage_leaves_it_while_it_is_off(bench):
    bench.say("VOLT 0.5")
    assert bench.sim.voltage_v(LATER) == 0.0
    bench.say("SOUT ON")
    assert bench.sim.voltage_v(LATER) == 0.5
    bench.say("SOUT OFF", LATER)
    assert bench.sim.voltage_v(2 * LATER) == 0.0


def test_the_output_settles_with_its_time_constant():
    bench = Bench(settle_ps=10 * MS)
    bench.say("SOUT 1;VOLT 1")
    assert bench.sim.voltage_v(0) == 0.0
    assert bench.sim.voltage_v(10 * MS) == pytest.approx(1 - math.exp(-1))
    bench.say("VOLT -1", 10 * MS)
    assert bench.sim.voltage_v(10 * MS) == pytest.approx(1 - math.exp(-1))
    assert bench.sim.voltage_v(LATER) == -1.0


@pytest.mark.parametrize(
    ("range_token", "given", "kept"),
    [(0, 0.12345678, 0.123457), (1, 1.2345678, 1.23457), (2, 12.345678, 12.3457)],
)
def test_the_voltage_has_the_resolution_of_its_range(bench, range_token, given, kept):
    bench.say(f"RNGE {range_token};VOLT {given}")
    assert float(bench.say("VOLT?")) == pytest.approx(kept, abs=1e-9)


def test_each_range_ends_one_percent_beyond_its_name(bench):
    for token, most_v in enumerate((1.01, 10.1, 101.0)):
        bench.say(f"RNGE {token};VOLT {most_v}")
        assert bench.say("LEXE?") == "0"
        bench.say(f"VOLT {most_v * 1.001}")
        assert bench.say("LEXE?") == "1"


def test_the_range_stays_while_the_output_is_on(bench):
    bench.say("SOUT 1;RNGE 1")
    assert bench.say("LEXE?;RNGE?") == "5;0"


def test_a_voltage_that_does_not_fit_the_new_range_becomes_zero(bench):
    bench.say("RNGE 1;VOLT 5;RNGE 0")
    assert float(bench.say("VOLT?")) == 0.0


def test_the_100_v_range_needs_the_interlock():
    bench = Bench()
    bench.say("RNGE 2;SOUT 1")
    assert bench.say("LEXE?;SOUT?") == "5;0"
    bench.sim.interlock_closed = True
    bench.say("SOUT 1;VOLT 80")
    assert bench.say("LEXE?;SOUT?;ILOC?") == "0;1;1"
    assert bench.sim.voltage_v(LATER) == 80.0
    bench.sim.open_interlock(LATER)
    assert bench.say("SOUT?") == "0"
    assert bench.sim.voltage_v(2 * LATER) == 0.0


def test_the_interlock_is_nothing_to_the_other_ranges(bench):
    bench.sim.interlock_closed = True
    bench.say("SOUT 1;VOLT 1")
    bench.sim.open_interlock(0)
    assert bench.sim.voltage_v(LATER) == 1.0


def test_a_reset_does_what_the_manual_lists(bench):
    bench.say("RNGE 1;ISOL 1;SENS 1;VOLT 5;SOUT 1;TOKN 1;*RST")
    assert bench.say("RNGE?;ISOL?;SENS?;SOUT?;VOLT?") == "0;0;0;0;0.000000"


def test_the_world_is_told_when_the_output_changes(bench):
    for now_ps, message in enumerate(["VOLT 0.1", "SOUT 1", "VOLT?", "*RST"]):
        bench.say(message, now_ps)
    assert bench.changes == [0, 1, 3]


def test_overload_and_interlock_are_in_the_condition(bench):
    assert bench.say("DCCR?") == "2"
    bench.sim.interlock_closed = True
    bench.sim.overload = True
    assert bench.say("DCCR?;OVLD?") == "1;1"
