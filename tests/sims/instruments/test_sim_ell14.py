"""The simulated Elliptec bus: exchanges typed from the protocol, time, truth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.clock import seconds
from qkdlab_sims.instruments.thorlabs_ell14 import Simulator

LATER = seconds(100)


def ask(bus: Simulator, data: bytes, now_ps: int = 0, wait_ps: int = LATER) -> bytes:
    bus.feed(data, now_ps)
    return bus.take(now_ps + wait_ps)


def bus(**options: object) -> Simulator:
    options.setdefault("accuracy_deg", 0.0)
    return Simulator(addresses=(0, 1, 2), **options)  # type: ignore[arg-type]


GOLDEN = [
    (b"0in", b"0IN0E114000002022170101680" + b"0023000\r\n"),
    (b"0gs", b"0GS00\r\n"),
    (b"2us", b"2GS00\r\n"),
    (b"0gp", b"0PO00000000\r\n"),
    (b"0ma00004600", b"0PO00004600\r\n"),
    (b"1mrFFFFEE00", b"1POFFFFEE00\r\n"),
    (b"0ho0", b"0PO00000000\r\n"),
    (b"0go", b"0HO00000000\r\n"),
    (b"0so00001194", b"0GS00\r\n"),
    (b"0gj", b"0GJ00004600\r\n"),
    (b"0fw", b"0PO00004600\r\n"),
    (b"0bw", b"0POFFFFBA00\r\n"),
    (b"0sj00000000", b"0GS00\r\n"),
    (b"0gv", b"0GV64\r\n"),
    (b"0sv32", b"0GS00\r\n"),
    (b"0s1", b"0GS00\r\n"),
    (b"0st", b"0GS00\r\n"),
    (b"0is01", b"0GS05\r\n"),
    (b"0f100A0", b"0GS00\r\n"),
    (b"0i1", b"0I11104A0FFFFFFFF00A4008A\r\n"),
    (b"0ca5", b"5GS00\r\n"),
    (b"0ga7", b"7GS00\r\n"),
    (b"0xx", b"0GS03\r\n"),
    (b"0sv65", b"0GS04\r\n"),
    (b"0ma7FFFFFFF", b"0GS0C\r\n"),
    (b"0ma0000zz00", b"0GS03\r\n"),
]


@pytest.mark.parametrize(("sent", "expected"), GOLDEN)
def test_exchange_as_in_the_protocol(sent: bytes, expected: bytes) -> None:
    assert ask(bus(), sent) == expected


def test_stray_line_ends_are_ignored_wherever_they_stand() -> None:
    assert ask(bus(), b"\r\n0gs\r\n0\ng\rp\r\n") == b"0GS00\r\n0PO00000000\r\n"


@given(st.lists(st.integers(1, 25), max_size=6))
def test_any_split_of_the_bytes_gives_the_same_replies(cuts: list[int]) -> None:
    stream = b"0gs1gp0ma000046002gs0gp"
    edges = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    split = bus()
    for begin, end in pairwise(edges):
        split.feed(stream[begin:end], 0)
    assert split.take(LATER) == ask(bus(), stream)


def test_absent_addresses_stay_silent() -> None:
    assert ask(bus(), b"9gs9in") == b""


def test_an_unfinished_packet_is_given_up_after_two_seconds() -> None:
    machine = bus()
    machine.feed(b"1ma0000", 0)
    wake = machine.next_wake_ps()
    assert wake == seconds(2)
    assert machine.take(seconds(3)) == b"1GS01\r\n"
    assert ask(machine, b"1gs", seconds(4)) == b"1GS01\r\n"


def test_reading_the_status_clears_it() -> None:
    machine = bus()
    assert ask(machine, b"0xx") == b"0GS03\r\n"
    assert ask(machine, b"0gs0gs") == b"0GS03\r\n0GS00\r\n"


def test_a_turn_takes_the_time_that_the_speed_needs() -> None:
    machine = bus(response_ps=0)
    machine.feed(b"0ma00011800", 0)  # half a turn
    assert machine.next_wake_ps() == pytest.approx(seconds(180 / 430), rel=1e-9)
    assert machine.take(seconds(0.4)) == b""
    assert machine.take(seconds(0.42)) == b"0PO00011800\r\n"


def test_half_the_velocity_takes_twice_the_time() -> None:
    machine = bus(response_ps=0)
    machine.feed(b"0sv32", 0)
    machine.take(0)
    machine.feed(b"0ma00011800", 0)
    assert machine.next_wake_ps() == pytest.approx(seconds(360 / 430), rel=1e-9)


def test_the_bus_is_blocked_until_the_move_has_ended() -> None:
    machine = bus(response_ps=0)
    machine.feed(b"0ma00011800", 0)
    machine.feed(b"1gp", seconds(0.1))
    assert machine.take(seconds(0.41)) == b""
    assert machine.take(seconds(0.5)) == b"0PO00011800\r\n1PO00000000\r\n"


def test_a_busy_motor_can_answer_with_status_nine() -> None:
    machine = bus(busy="reply", response_ps=0)
    machine.feed(b"0ma00011800", 0)
    machine.feed(b"0gp", seconds(0.1))
    assert machine.take(seconds(0.2)) == b"0GS09\r\n"
    assert machine.take(seconds(0.5)) == b"0PO00011800\r\n"


def test_a_move_can_be_announced_by_status_nine() -> None:
    machine = bus(busy="interim")
    assert ask(machine, b"0ma00011800") == b"0GS09\r\n0PO00011800\r\n"


def test_the_true_angle_moves_with_the_motor() -> None:
    machine = bus()
    changes: list[int] = []
    machine.on_change = changes.append
    machine.feed(b"1ma00011800", 0)
    assert changes == [0]
    assert machine.moving(seconds(0.2))
    assert machine.angle_deg(1, seconds(0.2)) == pytest.approx(86.0)
    assert machine.angle_deg(0, seconds(0.2)) == 0.0
    assert not machine.moving(seconds(0.5))
    assert machine.angle_deg(1, seconds(0.5)) == pytest.approx(180.0)


def test_the_true_angle_misses_the_reported_one_anew_after_each_move() -> None:
    machine = Simulator(addresses=(0,), rng=np.random.default_rng(7), accuracy_deg=0.1)
    errors = []
    t = 0
    for k in range(400):
        pulses = 1000 * (k % 100)
        assert ask(machine, b"0ma%08X" % pulses, t) == b"0PO%08X\r\n" % pulses
        t += LATER
        true = machine.angle_deg(0, t)
        errors.append((true - pulses * 360 / 143360 + 180) % 360 - 180)
    # 400 draws: the standard deviation is known to 3.5 %, the mean to 0.005
    assert np.std(errors) == pytest.approx(0.1, rel=0.15)
    assert abs(np.mean(errors)) < 0.02


def test_a_jog_without_step_turns_until_it_is_stopped() -> None:
    machine = bus(response_ps=0)
    assert ask(machine, b"0sj00000000") == b"0GS00\r\n"
    assert ask(machine, b"0fw", 0, 0) == b"0GS00\r\n"
    assert machine.moving(seconds(3))
    assert ask(machine, b"0st", seconds(0.5), 0) == b"0GS00\r\n"
    assert not machine.moving(seconds(3))
    assert machine.angle_deg(0, seconds(3)) == pytest.approx(215.0)
    assert ask(machine, b"0gp", seconds(3), 0) == b"0PO%08X\r\n" % 85618


def test_homing_moves_the_zero_by_the_home_offset() -> None:
    machine = bus()
    ask(machine, b"0so00001000")
    assert ask(machine, b"0ho0", LATER) == b"0PO00000000\r\n"
    expected = 0x1000 * 360 / 143360
    assert machine.angle_deg(0, 3 * LATER) == pytest.approx(expected)


def test_motors_of_one_group_move_together() -> None:
    machine = bus(response_ps=0)
    assert ask(machine, b"1ga0", 0, 0) == b"0GS00\r\n"
    machine.feed(b"0ma00011800", 0)
    at = seconds(0.2)
    assert machine.angle_deg(0, at) == pytest.approx(86.0)
    assert machine.angle_deg(1, at) == pytest.approx(86.0)
    assert machine.angle_deg(2, at) == 0.0
    assert machine.take(LATER) == b"0PO00011800\r\n"


def test_an_isolated_motor_hears_nothing_for_its_minutes() -> None:
    machine = bus()
    assert ask(machine, b"0is01", 0) == b"0GS05\r\n"
    assert ask(machine, b"0gs", seconds(59)) == b""
    assert ask(machine, b"0gs", seconds(61)) == b"0GS00\r\n"


def test_a_motor_below_its_least_velocity_stalls() -> None:
    machine = bus()
    assert ask(machine, b"0sv14", 0) == b"0GS00\r\n"
    assert ask(machine, b"0ma00011800", 0) == b"0GS02\r\n"
    assert machine.angle_deg(0, LATER) == 0.0


def test_a_rushed_move_can_run_to_zero() -> None:
    machine = bus(rushed_moves_go_to_zero=True, response_ps=0)
    machine.feed(b"0ma00011800", 0)
    end = machine.next_wake_ps()
    assert end is not None
    machine.take(end)
    assert ask(machine, b"0ma00004600", end + seconds(0.05)) == b"0PO00000000\r\n"
