"""Virtual time is deterministic, jumps when all wait, and never hangs silently."""

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.clock import PS_PER_S, Clock, RealClock, VirtualClock, seconds
from qkdlab.errors import DeadlockError, InstrumentDisconnected


@dataclass
class Diary:
    """Who did what when."""

    clock: Clock
    lines: list[tuple[int, str]] = field(default_factory=list)

    def note(self, who: str) -> None:
        self.lines.append((self.clock.now_ps(), who))


@dataclass
class PeriodicWorld:
    """Something happens every `period_ps`, `limit` times in all."""

    period_ps: int
    limit: int = 1_000_000
    now_ps: int = 0
    seen: list[int] = field(default_factory=list)

    def advance(self, t_ps: int) -> None:
        while (due := self.next_event_ps()) is not None and due <= t_ps:
            self.seen.append(due)
        self.now_ps = t_ps

    def next_event_ps(self) -> int | None:
        if len(self.seen) >= self.limit:
            return None
        return (len(self.seen) + 1) * self.period_ps


def sleeper(diary: Diary, name: str, times: list[int]):
    def program() -> str:
        for t_ps in times:
            diary.clock.sleep_until(t_ps)
            diary.note(name)
        return name

    return program


def test_seconds_become_integer_picoseconds():
    assert seconds(0.15) == 150_000_000_000
    assert seconds(10) == 10 * PS_PER_S


def test_both_clocks_are_clocks():
    assert isinstance(VirtualClock(), Clock)
    assert isinstance(RealClock(), Clock)


def test_outside_a_run_time_jumps_at_once():
    clock = VirtualClock()
    clock.sleep_until(5)
    assert clock.now_ps() == 5
    clock.sleep_until(3)
    assert clock.now_ps() == 5


def test_tasks_run_in_the_order_of_their_wake_times():
    clock = VirtualClock()
    diary = Diary(clock)
    clock.spawn("alice", sleeper(diary, "alice", [10, 40]))
    clock.spawn("bob", sleeper(diary, "bob", [20, 30]))
    assert clock.run() == {"alice": "alice", "bob": "bob"}
    assert diary.lines == [(10, "alice"), (20, "bob"), (30, "bob"), (40, "alice")]


def test_ties_go_by_order_of_registration():
    clock = VirtualClock()
    diary = Diary(clock)
    for name in ("carol", "alice", "bob"):
        clock.spawn(name, sleeper(diary, name, [7, 9]))
    clock.run()
    assert [who for _, who in diary.lines] == ["carol", "alice", "bob"] * 2


def test_only_one_task_runs_at_a_time():
    clock = VirtualClock()
    inside = threading.Lock()
    overlaps = []

    def program() -> None:
        for step in range(50):
            if not inside.acquire(blocking=False):
                overlaps.append(step)
                return
            inside.release()
            clock.sleep_until(clock.now_ps() + 1 + step % 3)

    clock.spawn("alice", program)
    clock.spawn("bob", program)
    clock.run()
    assert overlaps == []


def test_a_condition_met_by_another_task_wakes_the_waiter_at_that_time():
    clock = VirtualClock()
    diary = Diary(clock)
    box: list[int] = []

    def alice() -> None:
        assert clock.wait(lambda: bool(box), what="a letter")
        diary.note("alice")

    def bob() -> None:
        clock.sleep_until(12)
        box.append(1)
        clock.sleep_until(20)
        diary.note("bob")

    clock.spawn("alice", alice)
    clock.spawn("bob", bob)
    clock.run()
    assert diary.lines == [(12, "alice"), (20, "bob")]


def test_a_wait_gives_up_at_its_deadline():
    clock = VirtualClock()
    answers = []
    clock.spawn(
        "bob", lambda: answers.append(clock.wait(lambda: False, deadline_ps=30))
    )
    clock.run()
    assert answers == [False]
    assert clock.now_ps() == 30


def test_a_wait_asks_again_when_the_instrument_says_so():
    clock = VirtualClock()
    asked = []

    def ready() -> bool:
        asked.append(clock.now_ps())
        return clock.now_ps() >= 20

    def next_ps() -> int:
        return clock.now_ps() // 10 * 10 + 10

    clock.spawn("bob", lambda: clock.wait(ready, next_ps=next_ps))
    clock.run()
    assert clock.now_ps() == 20
    assert set(asked) == {0, 10, 20}


def test_an_instrument_that_is_due_but_gives_nothing_does_not_stop_time():
    clock = VirtualClock()
    clock.spawn(
        "bob",
        lambda: clock.wait(lambda: False, deadline_ps=5, next_ps=lambda: 0),
    )
    clock.run()
    assert clock.now_ps() == 5


def test_time_stops_at_every_event_of_the_world_when_a_task_waits_for_it():
    world = PeriodicWorld(period_ps=100)
    clock = VirtualClock(world)
    clock.spawn("bob", lambda: clock.wait(lambda: len(world.seen) >= 3))
    clock.run()
    assert world.seen == [100, 200, 300]
    assert clock.now_ps() == 300


def test_the_world_is_carried_along_when_a_sleeper_jumps_past_it():
    world = PeriodicWorld(period_ps=100)
    clock = VirtualClock(world)
    clock.sleep_until(250)
    assert world.seen == [100, 200]
    assert world.now_ps == 250


def test_the_world_moves_time_outside_a_run_too():
    world = PeriodicWorld(period_ps=100)
    clock = VirtualClock(world)
    assert clock.wait(lambda: bool(world.seen))
    assert clock.now_ps() == 100


def test_a_deadlock_names_what_each_party_waits_for():
    clock = VirtualClock()
    clock.spawn("alice", lambda: clock.wait(lambda: False, what="a message from bob"))
    clock.spawn("bob", lambda: clock.wait(lambda: False, what="a message from alice"))
    with pytest.raises(DeadlockError) as caught:
        clock.run()
    assert "alice waits for a message from bob" in str(caught.value)
    assert "bob waits for a message from alice" in str(caught.value)


def test_a_wait_outside_a_run_that_nothing_can_end_is_a_deadlock():
    with pytest.raises(DeadlockError, match="the shutter"):
        VirtualClock().wait(lambda: False, what="the shutter")


@pytest.mark.parametrize("culprit", ["alice", "bob"])
def test_an_error_in_one_task_unwinds_the_other_through_its_finally(culprit):
    clock = VirtualClock()
    cleaned = []

    def failing() -> None:
        clock.sleep_until(5)
        raise ValueError("broken")

    def waiting() -> None:
        try:
            clock.sleep_until(50)
        finally:
            cleaned.append(clock.now_ps())

    for name in ("alice", "bob"):
        clock.spawn(name, failing if name == culprit else waiting)
    with pytest.raises(ValueError, match="broken"):
        clock.run()
    assert cleaned == [5]


def test_the_error_of_the_last_task_alive_is_raised():
    clock = VirtualClock()

    def failing() -> None:
        clock.sleep_until(5)
        raise ValueError("late")

    clock.spawn("alice", lambda: None)
    clock.spawn("bob", failing)
    with pytest.raises(ValueError, match="late"):
        clock.run()


def test_the_first_error_in_time_wins():
    clock = VirtualClock()

    def failing(t_ps: int):
        def body() -> None:
            try:
                clock.sleep_until(t_ps)
            finally:
                raise ValueError(f"at {clock.now_ps()}")

        return body

    clock.spawn("alice", failing(9))
    clock.spawn("bob", failing(4))
    with pytest.raises(ValueError, match="at 4"):
        clock.run()


def test_an_error_of_the_condition_reaches_the_task_that_waits():
    clock = VirtualClock()
    met = []

    def ready() -> bool:
        if clock.now_ps() >= 10:
            raise InstrumentDisconnected("awg", "line closed")
        return False

    def bob() -> None:
        try:
            clock.wait(ready, deadline_ps=100)
        except InstrumentDisconnected:
            met.append("bob")

    clock.spawn("alice", lambda: clock.sleep_until(10))
    clock.spawn("bob", bob)
    clock.run()
    assert met == ["bob"]


def test_an_error_of_the_world_ends_the_run():
    class Broken(PeriodicWorld):
        def advance(self, t_ps: int) -> None:
            raise ZeroDivisionError

    clock = VirtualClock(Broken(100))
    clock.spawn("alice", lambda: clock.sleep_until(5))
    with pytest.raises(ZeroDivisionError):
        clock.run()


@pytest.mark.parametrize("make_clock", [VirtualClock, RealClock])
def test_an_error_of_the_poll_ends_the_run_through_every_finally(make_clock):
    clock = make_clock()
    cleaned = []

    def waiting() -> None:
        try:
            while True:
                clock.sleep_until(clock.now_ps() + 1_000_000_000)
        finally:
            cleaned.append("bob")

    def poll() -> None:
        raise KeyboardInterrupt

    clock.spawn("bob", waiting)
    with pytest.raises(KeyboardInterrupt):
        clock.run(poll)
    assert cleaned == ["bob"]


def test_a_clock_can_run_again_after_an_error():
    clock = VirtualClock()

    def failing() -> None:
        raise ValueError

    clock.spawn("alice", failing)
    with pytest.raises(ValueError):  # noqa: PT011
        clock.run()
    clock.spawn("alice", lambda: 7)
    assert clock.run() == {"alice": 7}


plans = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=4
)


@settings(max_examples=40, deadline=None)
@given(plans)
def test_the_same_programs_always_interleave_in_the_same_way(plan):
    def story() -> list[tuple[int, str]]:
        clock = VirtualClock(PeriodicWorld(7))
        diary = Diary(clock)

        def program(name: str, waits: list[int]):
            def body() -> None:
                for wait_ps in waits:
                    diary.note(name)
                    clock.sleep_until(clock.now_ps() + wait_ps)

            return body

        for index, waits in enumerate(plan):
            clock.spawn(f"p{index}", program(f"p{index}", waits))
        clock.run()
        return diary.lines

    first = story()
    assert first == story()
    assert [t for t, _ in first] == sorted(t for t, _ in first)


def test_a_real_clock_runs_tasks_and_returns_their_results():
    clock = RealClock()
    clock.spawn("alice", lambda: 1)
    clock.spawn("bob", lambda: 2)
    assert clock.run() == {"alice": 1, "bob": 2}


def test_a_real_clock_unwinds_the_others_after_an_error():
    clock = RealClock()
    cleaned = []

    def failing() -> None:
        raise ValueError("broken")

    def waiting() -> None:
        try:
            clock.sleep_until(seconds(3600))
        finally:
            cleaned.append("bob")

    clock.spawn("alice", failing)
    clock.spawn("bob", waiting)
    with pytest.raises(ValueError, match="broken"):
        clock.run()
    assert cleaned == ["bob"]


def test_a_real_clock_sleeps_outside_a_run():
    clock = RealClock()
    clock.sleep_until(clock.now_ps() + seconds(0.002))
    assert clock.now_ps() >= seconds(0.002)
    assert not clock.wait(lambda: False, deadline_ps=clock.now_ps())
