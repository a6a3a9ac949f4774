"""Figures of two processes: that they come out right, not how fast."""

from __future__ import annotations

from qkdlab.cli.benchmark_cascade import CascadeJob, clopper_pearson, dice, measure
from qkdlab.cli.textbook_cascade import textbook_cascade


def test_two_processes_with_delay_make_equal_strings_and_count_what_they_said():
    found = measure(CascadeJob(0.02, 3 * 65536, strings=2), delay_s=0.0005)
    assert found["frames"] == 6
    assert found["wrong_frames"] == 0
    assert found["bits"] == 6 * 65536
    assert found["leaked_bits_two_way"] == 2 * found["leaked_bits_one_way"]
    assert 1.02 < found["f_one_way"] < 1.08
    assert found["mbps_cpu"] > 0


def test_the_textbook_corrects_its_string():
    found = textbook_cascade(0.03, 4000)
    assert found["errors_left"] == 0
    assert 1.0 < found["f_one_way"] < 1.4


def test_intervals_of_rates_are_those_of_clopper_and_pearson():
    low, high = clopper_pearson(0, 10_000)
    assert low == 0
    # (1 - p)^n = 0.025
    assert abs((1 - high) ** 10_000 - 0.025) < 1e-9
    assert clopper_pearson(5, 5)[1] == 1.0
    low, high = clopper_pearson(3, 100)
    assert low < 0.03 < high


def test_dice_fall_alike_for_one_seed():
    assert dice(1000, 0.1, 3) == dice(1000, 0.1, 3)
    assert dice(1000, 0.1, 3) != dice(1000, 0.1, 4)
    errors = dice(1 << 16, 0.1, 1)[1]
    assert abs(errors.count() / (1 << 16) - 0.1) < 0.01
