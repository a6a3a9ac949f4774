"""Enclosures hold the true value and the true slope, whatever cancels."""

from __future__ import annotations

import math
import threading
import time
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.security import quantities as q
from qkdlab.security.balls import (
    PRECISION_BITS,
    Interval,
    ball,
    between,
    floor_below,
    precise,
)
from qkdlab.security.minimum import minimum

REAL = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
ONE = arb(1)


@pytest.fixture(autouse=True, scope="module")
def working_precision():
    with ctx.workprec(PRECISION_BITS):
        yield


def variable(low, high=None):
    return q.Quantity(Interval.of(low, high).ball, (ONE,))


def holds(enclosure, value):
    slack = arb("1e-11") * abs(ball(value)).max(arb(1))
    exact = ball(value)
    return enclosure.lower() - slack <= exact and exact <= enclosure.upper() + slack


def fraction(exact):
    man, exponent = (int(x) for x in exact.man_exp())
    return Fraction(man) * Fraction(2) ** exponent


def ends(enclosure):
    return fraction(enclosure.lower()), fraction(enclosure.upper())


@given(REAL, REAL)
def test_sums_and_products_enclose_the_exact_fractions(x, y):
    a, b = q.constant(Decimal(x)), q.constant(Decimal(y))
    for found, exact in (
        (a + b, Fraction(x) + Fraction(y)),
        (a - b, Fraction(x) - Fraction(y)),
        (a * b, Fraction(x) * Fraction(y)),
    ):
        low, high = ends(found.value)
        assert low <= exact <= high


@given(REAL, POSITIVE)
def test_quotients_enclose_the_exact_fraction(x, y):
    found = (q.constant(Decimal(x)) / q.constant(Decimal(y))).value
    low, high = ends(found)
    assert low <= Fraction(x) / Fraction(y) <= high


@given(st.floats(-50, 50))
def test_exp_encloses_a_finer_value(x):
    with localcontext(prec=80):
        exact = Decimal(x).exp()
    low, high = ends(q.exp(q.constant(Decimal(x))).value)
    assert low <= Fraction(exact) <= high
    assert high - low < Fraction(exact) / 10**35


@given(POSITIVE)
def test_log_and_sqrt_enclose_a_finer_value(x):
    with localcontext(prec=80):
        log, root = Decimal(x).ln(), Decimal(x).sqrt()
    for function, exact in ((q.log, log), (q.sqrt, root)):
        low, high = ends(function(q.constant(Decimal(x))).value)
        # 80 digits may themselves be off by one in the last
        slack = abs(Fraction(exact)) / 10**78
        assert low - slack <= Fraction(exact) <= high + slack


def test_cancellation_leaves_the_difference_inside():
    third = q.constant(1) / 3
    found = (third * 10**25 + 1 - third * 10**25).value
    low, high = ends(found)
    assert low < 1 < high
    assert high - low < Fraction(1, 10**12)


FUNCTIONS = [
    (lambda x: x * x - 3 * x, lambda x: 2 * x - 3),
    (lambda x: 1 / x, lambda x: -1 / x**2),
    (q.exp, math.exp),
    (q.log, lambda x: 1 / x),
    (q.log2, lambda x: 1 / (x * math.log(2))),
    (q.sqrt, lambda x: 0.5 / math.sqrt(x)),
    (q.entropy, lambda x: math.log2((1 - x) / x)),
    (lambda x: q.positive_part(x - 1) + x / 2, lambda x: 0.5),
    (lambda x: q.exp(2 - x) * q.sqrt(x) / (x + 1), None),
]


@pytest.mark.parametrize(("function", "slope"), FUNCTIONS)
@given(x=st.floats(0.01, 0.49))
def test_slopes_enclose_the_derivative(function, slope, x):
    found = function(variable(x))
    if slope is None:
        step = 1e-5
        values = [function(variable(x + s)).number for s in (-step, step)]
        expected = (values[1] - values[0]) / (2 * step)
        assert float(found.slopes[0]) == pytest.approx(expected, rel=1e-3)
    else:
        assert holds(found.slopes[0], slope(x))


@pytest.mark.parametrize(("function", "slope"), FUNCTIONS)
@given(x=st.floats(0.01, 0.4), width=st.floats(0, 0.09), part=st.floats(0, 1))
def test_a_box_encloses_value_and_slope_of_its_points(function, slope, x, width, part):
    box, point = function(variable(x, x + width)), x + width * part
    inside = function(variable(point))
    assert holds(box.value, inside.number)
    assert holds(box.slopes[0], inside.slopes[0])


def test_entropy_is_one_from_one_half_on():
    for x in (0.5, 0.7):
        assert q.entropy(variable(x)).number == pytest.approx(1, abs=1e-30)


def test_entropy_of_zero_is_zero():
    assert q.entropy(q.constant(0)).number == 0


def test_entropy_of_a_box_that_touches_zero_has_no_slope():
    found = q.entropy(variable(0, 0.1))
    assert found.slopes is None
    assert -1e-9 < float(found.low) <= 0


def test_a_divisor_that_may_be_zero_is_refused():
    with pytest.raises(ZeroDivisionError):
        1 / variable(-1, 1)


@pytest.mark.parametrize("number", [0.1, np.float64(0.1), Decimal("0.1")])
def test_a_float_stands_for_its_shortest_decimal(number):
    assert ball(number).contains(arb("0.1"))
    assert not ball(number).contains(arb(0.1))


def test_a_fraction_is_enclosed():
    low, high = ends(ball(Fraction(1, 3)))
    assert low < Fraction(1, 3) < high


@given(st.integers(-(10**30), 10**30))
def test_whole_numbers_are_exact(number):
    assert ends(ball(number)) == (number, number)
    assert floor_below(ball(number)) == number


@given(REAL, st.floats(0, 10))
def test_the_floor_is_not_above_the_lower_end(x, width):
    found = floor_below(between(ball(x), ball(x) + ball(width)))
    assert found <= math.floor(Decimal(repr(x)))
    assert found >= math.floor(Decimal(repr(x)) - Decimal("1e-6"))


@pytest.mark.parametrize("unbounded", [arb("nan"), arb("-inf"), arb(0).log()])
def test_what_has_no_lower_end_has_no_floor(unbounded):
    assert floor_below(unbounded) is None


def test_precise_sets_the_precision_and_puts_it_back():
    with ctx.workprec(53):
        assert precise(lambda: ctx.prec)() == PRECISION_BITS
        assert ctx.prec == 53


def test_precise_lets_one_thread_in_at_a_time():
    seen = []

    @precise
    def watch():
        before = ctx.prec
        time.sleep(0.01 * (1 + len(seen)))
        seen.append((before, ctx.prec))

    threads = [threading.Thread(target=watch) for _ in range(4)]
    with ctx.workprec(53):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [(PRECISION_BITS, PRECISION_BITS)] * 4


def box(*sides):
    return [Interval.of(a, b) for a, b in sides]


def test_the_minimum_of_a_monotone_formula_is_found_exactly():
    found = minimum(lambda v: v[0] * v[1] - q.exp(v[2]), box((1, 2), (3, 4), (0, 1)))
    assert float(found.low) == pytest.approx(3 - math.e, abs=1e-12)
    assert [float(side) for side in found.point] == [1, 3, 1]


def test_the_minimum_inside_a_box_is_bounded_within_the_tolerance():
    def bowl(v):
        return (v[0] - 1) * (v[0] - 1) + (v[1] + 2) * (v[1] + 2) + v[0] * v[1]

    found = minimum(bowl, box((-5, 5), (-5, 5)), tolerance=0.01)
    # gradient zero at x = 8/3, y = -10/3
    true = (5 / 3) ** 2 + (4 / 3) ** 2 - 80 / 9
    assert true - 0.01 <= float(found.low) <= true


def test_a_spent_budget_still_gives_a_lower_bound():
    def hard(v):
        return q.positive_part(v[0] * v[0] - v[1]) - v[0] + v[1] * v[0]

    found = minimum(hard, box((-2, 3), (-1, 4)), budget=3, tolerance=0)
    grid = [(x / 10, y / 10) for x in range(-20, 31) for y in range(-10, 41)]
    least = min(max(x * x - y, 0) - x + y * x for x, y in grid)
    assert float(found.low) <= least


def test_unknown_slopes_are_searched_by_halving():
    found = minimum(
        lambda v: q.Quantity((v[0] * v[0]).value, None),
        box((-1, 2)),
        tolerance=0.1,
    )
    assert -0.1 <= float(found.low) <= 0


@given(POSITIVE, POSITIVE)
def test_at_most_is_the_lesser_and_at_least_the_greater(x, limit):
    found = q.at_most(variable(Decimal(x)), q.constant(Decimal(limit)))
    assert holds(found.value, min(Decimal(x), Decimal(limit)))
    found = q.at_least(variable(Decimal(x)), q.constant(Decimal(limit)))
    assert holds(found.value, max(Decimal(x), Decimal(limit)))


@given(*[st.floats(-100, 100)] * 2, *[st.floats(0, 50)] * 2, st.floats(0, 1))
def test_at_most_of_two_boxes_holds_the_lesser_everywhere(x, y, wide, high, place):
    found = q.at_most(variable(x, x + wide), variable(y, y + high))
    for there in (place, 1 - place):
        lesser = min(x + place * wide, y + there * high)
        assert holds(found.value, lesser)


def test_at_most_keeps_the_slope_below_the_limit_only():
    assert q.at_most(variable(2), 3).slopes == (ONE,)
    assert holds(q.at_most(variable(4), 3).slopes[0], 0)


def test_the_slope_of_a_root_is_unknown_where_it_may_be_infinite():
    found = q.sqrt(variable(-1, 4))
    assert found.slopes is None
    assert -1e-8 < float(found.low) <= 0
    assert holds(found.value, 2)


def test_a_search_stops_when_it_knows_on_which_side_the_minimum_is():
    calls = []

    def wavy(v):
        calls.append(v)
        return q.positive_part(v[0] * v[0] - 1) - v[0]

    minimum(wavy, box((-3, 3)), tolerance=0)
    whole = len(calls)
    for enough, above in ((-5, True), (3, False)):
        calls.clear()
        found = minimum(wavy, box((-3, 3)), tolerance=0, enough=enough)
        assert (found.low > enough) == above
        assert len(calls) < whole


def test_a_search_wants_a_budget():
    with pytest.raises(ValueError, match="budget"):
        minimum(lambda v: v[0], box((0, 1)), budget=0)


def test_what_cannot_be_bounded_grants_nothing():
    unknown = q.Quantity(arb("nan"))
    assert not unknown.low > 0
    assert not q.positive_part(unknown).low > 0
    assert q.entropy(unknown).value.contains(arb(1))
