"""Figures of two processes: that they come out right, not how fast."""

from __future__ import annotations

from qkdlab.cli.benchmark_cascade import CascadeJob, clopper_pearson, dice, measure
from qkdlab.cli.textbook_cascade import textbook_cascade
from qkdlab.cli.virtual_line import Conversation, converse


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


def test_a_conversation_lasts_as_long_as_its_messages_and_the_line_take():
    # one batch: opening, then each round there and back
    alone = Conversation(1.0, 1, 2, {0: [(2.0, 3.0), (4.0, 5.0)]})
    assert alone.lasts_s(0.0) == 15.0
    assert alone.lasts_s(10.0) == 55.0
    # a second one on the way waits for the line in the same time
    two = Conversation(1.0, 2, 2, {0: [(1.0, 1.0)] * 3, 1: [(1.0, 1.0)] * 3})
    assert two.lasts_s(0.0) == 8.0
    assert two.lasts_s(10.0) == 68.0
    # with room for one alone they follow each other
    one = Conversation(1.0, 1, 1, {0: [(1.0, 1.0)] * 3, 1: [(1.0, 1.0)] * 3})
    assert one.lasts_s(0.0) == 13.0
    assert one.lasts_s(10.0) == 133.0


def test_a_conversation_takes_time_for_each_round_of_each_batch():
    start, errors = dice(20_000, 0.02, 1)
    told = converse(start, start ^ errors, frame_bits=512, qber=0.02, pace="far")
    assert told.rounds_s.keys() == {0}
    rounds = len(told.rounds_s[0])
    assert 0 < told.lasts_s(0.0) < told.lasts_s(1.0) - 2 * rounds + 0.001
