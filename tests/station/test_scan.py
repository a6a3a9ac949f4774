"""A scan sets, waits, reads, and hands on each point."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.clock import VirtualClock
from qkdlab.errors import InstrumentError, UsageError
from qkdlab.station.parameters import Parameter
from qkdlab.station.scan import Column, evenly, flatten, scan


class Knob:
    """Something that can be set from 0 to 10, and doubles what it is set to."""

    def __init__(self):
        self.value = 0.0
        self.settings = []

    def parameter(self, name="knob"):
        return Parameter(name, "V", self.read, self.write, self.check)

    def read(self):
        return 2 * self.value

    def write(self, value):
        if value == 7.0:
            raise InstrumentError("knob", "sticks")
        self.value = value
        self.settings.append(value)

    def check(self, value):
        return None if 0 <= value <= 10 else "0 to 10"


def run(values, settle_s=0.0, clock=None):
    knob = Knob()
    points = []
    parameter = knob.parameter()
    clock = clock or VirtualClock()
    try:
        scan(parameter, values, [parameter, parameter], settle_s, clock, points.append)
    finally:
        run.knob, run.points = knob, points
    return [(point.setting, *point.readings) for point in points]


def test_points_come_in_order_with_what_was_read():
    assert run([0.0, 5.0, 2.5]) == [(0.0, 0.0, 0.0), (5.0, 10.0, 10.0), (2.5, 5.0, 5.0)]


def test_each_reading_waits_until_it_has_settled():
    clock = VirtualClock()
    run([1.0, 2.0], settle_s=0.25, clock=clock)
    assert clock.now_ps() == 500_000_000_000


def test_all_values_are_checked_before_the_first_is_set():
    with pytest.raises(UsageError, match="11 is not allowed: 0 to 10"):
        run([1.0, 2.0, 11.0])
    assert run.knob.settings == []


def test_points_before_an_error_are_kept():
    with pytest.raises(InstrumentError, match="sticks"):
        run([1.0, 7.0, 2.0])
    assert [point.setting for point in run.points] == [1.0]
    assert run.knob.settings == [1.0]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 50))
def test_values_go_evenly_from_first_to_last(first, last, n):
    values = evenly(first, last, n)
    assert len(values) == n
    assert values[0] == first
    assert values[-1] == pytest.approx(last, rel=1e-9, abs=1e-6)
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert steps == pytest.approx([(last - first) / (n - 1)] * (n - 1), abs=1e-6)


def test_one_point_is_the_first_value():
    assert evenly(3.0, 5.0, 1) == [3.0]


def test_no_points_are_refused():
    with pytest.raises(UsageError, match="give 1 or more"):
        evenly(0.0, 1.0, 0)


def test_lists_get_a_column_for_each_element():
    pair, single = Knob().parameter("pair"), Knob().parameter("single")
    assert flatten([pair, single, single], [[1, 2], 3, 4]) == [
        (Column("pair[0]", "V"), 1),
        (Column("pair[1]", "V"), 2),
        (Column("single", "V"), 3),
        (Column("single", "V"), 4),
    ]
