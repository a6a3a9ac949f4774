"""The simulated OZ Optics DD-100-MC, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.oz_dd100 import Simulator

S = 10**12


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(**{"homed": True} | options)
        self.changes = []
        self.sim.on_change = self.changes.append

    def say(self, message, now_ps=0, later_ps=None):
        self.sim.feed(message.encode() + b"\r\n", now_ps)
        return self.sim.take(now_ps + S if later_ps is None else later_ps).decode()


@pytest.fixture
def bench():
    return Bench()


def test_the_configuration_holds_the_limits(bench):
    answer = bench.say("CD").split("\r\n")
    assert {"IL: 1.20", "MAX ATTEN: 60.00"} <= set(answer)
    assert answer[-2:] == ["Done", ""]


def test_position_and_attenuation_are_two_lines(bench):
    bench.say("A60.00", later_ps=9 * S)
    assert bench.say("D", 10 * S) == "DPos:16000\r\nATTEN:60.00\r\nDone\r\n"


def test_the_motor_takes_its_time_and_the_answer_comes_after(bench):
    # 16000 steps at 8000 a second
    assert bench.say("A60.00", 0, 1_999_999_999_999) == ""
    assert bench.sim.attenuation_db(S) == pytest.approx(1.2 + 58.8 / 4)
    assert bench.sim.attenuation_db(2 * S) == 60.0
    assert bench.sim.take(2 * S + S // 100) == b"Pos:16000\r\nDone\r\n"


def test_the_unit_is_deaf_while_its_motor_turns(bench):
    bench.sim.feed(b"A60\r\nA1.2\r\nD\r\n", 0)
    assert bench.sim.attenuation_db(2 * S) == 60.0
    assert bench.sim.attenuation_db(4 * S) == 1.2
    assert bench.sim.take(5 * S).decode().split() == [
        *("Pos:16000", "Done", "Pos:0", "Done", "DPos:0", "ATTEN:1.20", "Done")
    ]


def test_what_was_heard_while_moving_starts_from_where_the_motor_is(bench):
    bench.sim.feed(b"A60\r\n", 0)
    bench.sim.feed(b"A1.2\r\n", S)
    assert bench.sim.attenuation_db(3 * S) == pytest.approx(1.2 + 58.8 / 4)


def test_after_power_on_the_place_is_unknown():
    bench = Bench(homed=False, initial_attenuation_db=60.0)
    assert bench.say("D") == "DPos:unknown\r\nATTEN:unknown\r\nDone\r\n"
    assert bench.say("A10") == "Error-2\r\nDone\r\n"
    assert bench.sim.attenuation_db(S) == 60.0


@pytest.mark.parametrize("command", ["H", "RST"])
def test_homing_goes_through_the_open_path(command):
    bench = Bench(homed=False, initial_attenuation_db=60.0)
    assert bench.say(command, 0, 3 * S) == "Diff=0\r\nDone\r\n"
    assert bench.sim.attenuation_db(3 * S) == 1.2
    assert bench.say("A?", 3 * S) == "ATTEN:1.20\r\nDone\r\n"


def test_the_true_attenuation_may_differ_from_what_is_shown():
    bench = Bench(scale_error=0.05)
    bench.say("A21.2", later_ps=9 * S)
    shown_db = float(bench.say("A?", 9 * S).split()[0].partition(":")[2])
    true_db = bench.sim.attenuation_db(9 * S)
    assert true_db == pytest.approx(1.2 + 1.05 * (shown_db - 1.2), abs=0.006)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("X", "Error-2"),
        ("A", "Error-2"),
        ("A-3", "Error-2"),
        ("A1.234", "Error-2"),
        ("S1.5", "Error-2"),
        ("A1.19", "Error-6"),
        ("A60.01", "Error-6"),
        ("S16001", "Error-6"),
        ("S-1", "Error-6"),
    ],
)
@pytest.mark.parametrize("done", [True, False])
def test_what_it_cannot_do_ends_in_an_error(command, error, done):
    bench = Bench(done_after_error=done)
    assert bench.say(command) == f"{error}\r\n" + ("Done\r\n" if done else "")
    assert bench.sim.attenuation_db(S) == 1.2


def test_steps_are_counted_from_home(bench):
    assert bench.say("S100") == "Pos:100\r\nDone\r\n"
    assert bench.say("S+20", 2 * S) == "Pos:120\r\nDone\r\n"
    assert bench.say("B", 4 * S) == "Pos:119\r\nDone\r\n"
    assert bench.say("S?", 6 * S) == "Pos:119\r\nDone\r\n"
    assert bench.say("RES?", 8 * S) == "Pos:119\r\nDone\r\n"


def test_the_echo_repeats_what_it_hears():
    bench = Bench(echo=True)
    assert bench.say("A?") == "A?\r\nATTEN:1.20\r\nDone\r\n"
    bench.say("E0", S)
    assert bench.say("A?", 3 * S) == "ATTEN:1.20\r\nDone\r\n"


def test_the_world_hears_of_each_move(bench):
    bench.say("A10", 17)
    bench.say("D", 2 * S)
    assert bench.changes == [17]


@given(st.floats(1.2, 60.0))
def test_any_attenuation_in_range_is_met_within_a_step(value_db):
    bench = Bench()
    bench.say(f"A{value_db:.2f}")
    assert bench.sim.attenuation_db(9 * S) == pytest.approx(value_db, abs=0.01)


@given(st.binary(max_size=60))
def test_any_bytes_leave_it_alive(data):
    bench = Bench()
    bench.sim.feed(data + b"\r\n", 0)
    bench.sim.take(1000 * S)
    assert "IL:" in bench.say("CD", 1000 * S)
