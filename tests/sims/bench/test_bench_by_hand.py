"""The whole simulated bench, worked with raw bytes and the manuals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_bench import ByHand

from qkdlab.clock import PS_PER_S

V_PI = 0.8
BRIGHT = np.full(8000, V_PI)
STATES = np.repeat([0.0, 0.4, 0.8, 1.2], 2000)
FULL_BIAS = [22.0] * 4


def shining(seed: int = 1, db: float = 45.0) -> ByHand:
    hand = ByHand(seed)
    hand.play(BRIGHT, np.zeros(len(BRIGHT)))
    hand.bias(FULL_BIAS)
    hand.light(db)
    hand.prepare_tags()
    return hand


def rates_hz(hand: ByHand, duration_s: float) -> NDArray[np.float64]:
    return np.array([len(t) for t in hand.tags(duration_s)]) / duration_s


def test_a_constant_waveform_gives_the_rates_of_the_truth() -> None:
    hand = shining(db=45.0)
    rates = rates_hz(hand, 0.5)
    truth = hand.bench.truth()
    mean, stokes = hand.bench.truth_light()
    assert np.ptp(mean) < 1e-9 * mean[0]
    for rate, detector in zip(rates, truth["detectors"], strict=True):
        photons = 0.5 * np.dot(detector["analyser"], stokes[0])
        expected = photons * detector["efficiency"] * 1e8 + detector["dark_rate_hz"]
        # The tagger's dead time of 40 ns comes on top of what the light does.
        dead = 1 - 40e-9 * expected
        assert rate > dead * expected - 5 * math.sqrt(expected / 0.5)
        assert rate < expected + 5 * math.sqrt(expected / 0.5)


def test_the_sum_of_rates_lies_near_that_of_the_labels() -> None:
    photons = 1e-4 / (6.62607015e-34 * 299792458.0 / 1550.12e-9 * 1e8)
    loss_db = 0.5 + 4.0 + 3.0 + 30.0 + 45.0 + 7.0 + 3.5
    efficiency = 0.4 * (1 + math.erf(8 / 3))
    nominal = photons * 0.9 * 10 ** (-loss_db / 10) * efficiency * 1e8 + 400
    # Five losses of 0.05 dB each: 2.6 % (k = 1).
    for seed in (1, 2, 3):
        total = rates_hz(shining(seed), 0.2).sum()
        assert total == pytest.approx(nominal, rel=0.13)


def test_a_closed_shutter_leaves_dark_counts() -> None:
    hand = shining(db=0.0)
    hand.light(0.0, is_open=False)
    for rate in rates_hz(hand, 2.0):
        assert abs(rate - 100.0) < 5 * math.sqrt(100.0 / 2.0)


def test_counts_port_and_tags_agree() -> None:
    hand = shining(db=45.0)
    counted = hand.count_rates_hz(5)
    tagged = rates_hz(hand, 0.5)
    error = np.sqrt(2 * counted / 0.5)
    assert np.all(np.abs(counted - tagged) < 5 * error + 40e-9 * counted**2)


def test_a_disabled_bias_source_gives_no_counts() -> None:
    hand = shining(db=40.0)
    hand.websq({"command": "DetectorEnable", "value": False})
    assert hand.count_rates_hz(2).sum() == 0


def test_zero_bias_gives_no_counts() -> None:
    hand = shining(db=40.0)
    hand.bias([0.0] * 4)
    assert hand.count_rates_hz(2).sum() == 0


def test_a_latched_detector_is_silent_and_shows_volts() -> None:
    hand = shining(db=45.0)
    hand.bias([29.0, 22.0, 22.0, 22.0])
    millivolts = hand.websq({"request": "BiasVoltage"})["value"]
    assert millivolts[0] > 1000
    assert max(millivolts[1:]) < 100
    rates = hand.count_rates_hz(2)
    assert rates[0] == 0
    assert np.all(rates[1:] > 0)


def test_turning_a_plate_changes_the_share_of_the_detectors() -> None:
    hand = shining(db=45.0)
    shares = []
    for angle_deg in (0.0, 20.0, 40.0):
        hand.turn(1, angle_deg)
        rates = hand.count_rates_hz(1)
        shares.append(rates[0] / rates[:2].sum())
    assert max(shares) - min(shares) > 0.1


def test_the_tap_meter_shows_the_true_power_with_its_own_error() -> None:
    hand = shining()
    truth = hand.bench.truth()
    drawn = truth["drawn"]
    lost_db = drawn["isolator"]["loss_db"]
    lost_db += drawn["mzm"]["insertion_loss_db"] + drawn["pm"]["insertion_loss_db"]
    true_w = 1e-4 * 10 ** (-lost_db / 10) * drawn["tap"]["tap_fraction"]
    expected_w = true_w * (1 + truth["meter_scale_error"]["tap_meter"])
    assert hand.tap_power_w() == pytest.approx(expected_w, rel=2e-3)


def test_the_truth_at_the_output_follows_from_the_tap() -> None:
    hand = shining(db=30.0)
    truth = hand.bench.truth()
    shown_w = hand.tap_power_w()
    true_w = shown_w / (1 + truth["meter_scale_error"]["tap_meter"])
    photons = true_w / (6.62607015e-34 * 299792458.0 / 1550.12e-9 * 1e8)
    fraction = truth["drawn"]["tap"]["tap_fraction"]
    db = 30.0 + 30.0 * truth["attenuator_scale"]["attenuator"]
    expected = photons * (1 - fraction) / fraction * 10 ** (-db / 10)
    mean, _ = hand.bench.truth_light()
    assert mean.mean() == pytest.approx(expected, rel=2e-3)


def test_a_frame_repeats_exactly_between_start_edges() -> None:
    hand = shining(seed=3)
    levels = np.zeros(640)
    levels[100] = V_PI
    hand.play(levels, np.zeros(640))
    hand.light(30.0)
    found = hand.tags(1.0)
    offset = hand.bench.truth()["tagger_offset_ppm"]["tagger"] * 1e-6
    for tags in found:
        since = tags[:, 0].astype(float) / (1 + offset)
        assert since.max() < 6_400_000 + 500
        place = np.median(since)
        near = np.abs(since - place) < 300
        # The rest are dark counts and the leak of the modulator.
        assert np.mean(near) > 0.5
        assert np.std(since[near]) < 60
        # The place does not move from the first frames to the last.
        first, last = since[near][:200], since[near][-200:]
        assert abs(first.mean() - last.mean()) < 5 * 60 * math.sqrt(2 / 200)
        index = tags[:, 1].astype(np.int64)
        assert np.all(np.diff(index) >= 0)
        assert index[-1] == pytest.approx(1.0 / 6.4e-6, rel=1e-2)


def test_the_pulse_keeps_its_place_in_the_symbol_at_every_start() -> None:
    hand = ByHand(seed=5)
    places = []
    for _ in range(4):
        hand.play(BRIGHT, np.zeros(len(BRIGHT)))
        outputs = hand.bench._assembly.world.generators["awg"]
        start_ps = outputs.output(1).start_ps
        places.append((7_500 - start_ps) % 10_000)
    assert all(6_800 <= place <= 8_200 for place in places)
    assert len(set(places)) == 4


def everything(seed: int, step_s: float = 0.05) -> list[NDArray[np.uint64]]:
    hand = ByHand(seed)
    hand.play(BRIGHT, STATES)
    hand.bias(FULL_BIAS)
    hand.light(42.0)
    hand.prepare_tags()
    return hand.tags(0.15, step_s)


def test_a_seed_repeats_every_tag_and_another_seed_does_not() -> None:
    once, again, other = everything(11), everything(11), everything(12)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize("step_s", [0.0007, 0.15])
def test_tags_do_not_depend_on_how_often_one_looks(step_s: float) -> None:
    often, seldom = everything(11), everything(11, step_s)
    assert all(np.array_equal(a, b) for a, b in zip(often, seldom, strict=True))


def test_the_truth_can_be_written_as_json() -> None:
    hand = shining()
    hand.tags(0.02)
    assert json.loads(json.dumps(hand.bench.truth()))["light"]["symbols"] == 8000


def test_the_states_of_the_pattern_are_in_the_truth() -> None:
    hand = ByHand(seed=2)
    hand.play(BRIGHT, STATES)
    hand.bias(FULL_BIAS)
    hand.light(42.0)
    hand.prepare_tags()
    hand.tags(0.02)
    hand.light(60.0, is_open=False)
    mean, stokes = hand.bench.truth_light()
    assert mean.shape == (8000,)
    assert mean.min() > 0.05
    directions = stokes[1000::2000, 1:] / mean[1000::2000, None]
    ideal = [[0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1]]
    # V_pi is off by 0.4 % (k = 1), and the amplifier saturates a little at 6 V.
    assert directions == pytest.approx(np.array(ideal), abs=0.2)


def test_a_serial_line_takes_its_time() -> None:
    hand = ByHand()
    line = hand.line("bob", "plates")
    before_ps = hand.clock.now_ps()
    line.write(b"0gs")
    assert hand.clock.now_ps() - before_ps == 3 * (10 * PS_PER_S // 9600)


def test_a_network_exchange_takes_a_millisecond() -> None:
    hand = ByHand()
    before_ps = hand.clock.now_ps()
    hand.line("alice", "awg").write(b"*CLS\n")
    assert hand.clock.now_ps() - before_ps == PS_PER_S // 1000
