from __future__ import annotations

from dataclasses import replace

import pytest
from link.synthetic import INTERVALS, SMALL

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.estimate import check_counts, secret_length
from qkdlab.protocols.bb84 import Bb84Counts

COUNTS = Bb84Counts(
    sent_key=SMALL.class_pulses(0),
    sent_test=SMALL.class_pulses(1),
    n_key=(1700, 1200, 0),
    n_test=(1700, 1200, 0),
    m_test=(8, 6, 0),
    cross=(0, 0, 0),
)


def length(plan=SMALL, counts=COUNTS, intervals=INTERVALS, leak_bits=0):
    return secret_length(plan, counts, intervals, leak_bits).secret_bits


def test_each_leaked_bit_costs_a_bit():
    assert length(leak_bits=100) == length() - 100


def test_each_bit_of_the_verification_tag_costs_a_bit_once():
    longer = replace(SMALL, verification_bits=SMALL.verification_bits + 17)
    assert length(longer) == length() - 17


def test_the_tolerated_epsilon_of_correctness_costs_nothing_beyond_the_tag():
    assert length(replace(SMALL, epsilon_correctness=1e-5)) == length()


def test_wider_intensity_intervals_never_lengthen_the_key():
    wider = tuple((0.99 * low, 1.01 * high + 1e-5) for low, high in INTERVALS)
    assert length(intervals=wider) < length()


def test_no_bit_left_aborts_with_the_figures():
    with pytest.raises(SecurityAbort) as caught:
        length(leak_bits=2900)
    assert caught.value.code is AbortCode.NO_SECRET_KEY
    assert caught.value.numbers["sifted_bits"] == 2900


def test_counts_that_no_intensity_explains_abort():
    # decoy and signal changed places
    swapped = replace(COUNTS, n_key=(1200, 9700, 0))
    with pytest.raises(SecurityAbort) as caught:
        length(counts=swapped)
    assert caught.value.code is AbortCode.COUNTS_OUTSIDE_LIMITS


def test_class_fractions_are_the_realised_ones():
    other = replace(SMALL, composition=(700, 700, 600, 600, 800, 600))
    counts = replace(COUNTS, sent_key=other.class_pulses(0))
    assert length(other, counts) != length()


def test_counts_inside_their_limits_pass():
    check_counts(SMALL, COUNTS)


def test_too_many_errors_in_the_test_basis_abort():
    with pytest.raises(SecurityAbort) as caught:
        check_counts(SMALL, replace(COUNTS, m_test=(200, 200, 0)))
    assert caught.value.code is AbortCode.QBER_ABOVE_LIMIT


def test_a_block_multiplies_the_frame():
    assert SMALL.class_pulses(1) == (6000, 8000, 6000)
    assert SMALL.n_pulses == 40400
    assert SMALL.end_pulse == 48480


@pytest.mark.parametrize(
    "intervals",
    [
        ((1e308, 1e308), (0.4, 0.4), (0.0, 0.0)),
        ((700.0, 800.0), (300.0, 301.0), (0.0, 0.0)),
        ((1e-300, 1e-299), (1e-310, 1e-309), (0.0, 0.0)),
    ],
)
def test_intensities_beyond_all_sense_abort(intervals):
    with pytest.raises(SecurityAbort) as caught:
        length(intervals=intervals)
    assert caught.value.code is AbortCode.INTENSITY_OUTSIDE_INTERVAL
