"""The interlock's rules, and the guard that lets no unhealthy tag through."""

import numpy as np
import pytest
from station_fakes import FakeBias, FakeTagger, Options, block

from qkdlab.clock import PS_PER_S
from qkdlab.errors import AbortCode, InstrumentTimeout, SecurityAbort
from qkdlab.station.count_watch import CountWatch
from qkdlab.station.interlocks import (
    GuardedTagger,
    HealthLimits,
    HealthSample,
    alarms,
)
from qkdlab.timetags.block import TagBlock

LIMITS = HealthLimits(max_rate_hz=8e6)
HEALTHY = {
    "rate_hz": 2e6,
    "silence_s": 1e-6,
    "light_is_on": True,
    "voltages_mv": (1.0, 1.0),
}


def reasons(**changed) -> list[str]:
    sample = HealthSample(**{**HEALTHY, **changed})
    return [alarm.reason for alarm in alarms(sample, LIMITS)]


def test_a_healthy_sample_breaks_no_rule():
    assert reasons() == []


def test_a_rate_above_the_limit_is_an_alarm():
    assert reasons(rate_hz=8.1e6) == ["total tag rate above the limit"]


@pytest.mark.parametrize("voltage_mv", [101.0, -101.0])
def test_a_voltage_above_the_latch_threshold_is_an_alarm(voltage_mv):
    assert reasons(voltages_mv=(1.0, voltage_mv)) == ["detector 1 has latched"]


def test_a_tenth_of_a_volt_is_still_healthy():
    assert reasons(voltages_mv=(100.0,)) == []


def test_silence_while_light_is_on_is_an_alarm():
    assert reasons(silence_s=0.2) == ["no counts while light is on"]


def test_silence_in_the_dark_is_none():
    assert reasons(silence_s=5.0, light_is_on=False) == []


def test_every_broken_rule_is_told():
    assert len(reasons(rate_hz=9e6, silence_s=1.0, voltages_mv=(500.0, 500.0))) == 4


def guarded(monkeypatch, blocks, voltages=(1.0, 1.0), trip=lambda: []):
    monkeypatch.setattr(FakeTagger, "blocks", list(blocks))
    monkeypatch.setattr(FakeBias, "voltages_mv", list(voltages))
    tagger = FakeTagger("tagger", {}, Options(), None)
    bias = FakeBias("bias", {}, Options(), None)
    guard = GuardedTagger(tagger, bias, trip)
    guard.start(800, 1e5)
    return guard


def test_a_healthy_block_is_handed_out(monkeypatch):
    one = block([1, 2], 0, PS_PER_S)
    assert guarded(monkeypatch, [one]).read(PS_PER_S) is one


def test_the_limit_of_the_rate_is_the_taggers(monkeypatch):
    tags = list(range(0, 2_000_000, 100_000))
    guard = guarded(monkeypatch, [block(tags, 0, 2_000_000)])
    guard.start(800, 9e5)
    with pytest.raises(SecurityAbort, match="total tag rate") as caught:
        guard.read(2_000_000)
    assert caught.value.code is AbortCode.DETECTOR_ALARM
    assert caught.value.numbers["max_rate_hz"] == 1e6


def test_a_rate_well_above_the_prediction_is_an_alarm(monkeypatch):
    tags = list(range(0, PS_PER_S // 1000, 6_000_000))  # 167 kHz, predicted 100
    guard = guarded(monkeypatch, [block(tags, 0, PS_PER_S // 1000)])
    with pytest.raises(SecurityAbort, match="total tag rate") as caught:
        guard.read(PS_PER_S // 1000)
    assert caught.value.numbers["max_rate_hz"] == pytest.approx(1.5e5)


def test_silence_counts_across_blocks_once_light_was_seen(monkeypatch):
    step = PS_PER_S // 20
    lit = block(list(range(0, step, 50_000_000)), 0, step)
    dark = [block([], n * step, (n + 1) * step) for n in (1, 2, 3)]
    guard = guarded(monkeypatch, [lit, *dark])
    guard.read(step)
    guard.read(step)
    with pytest.raises(SecurityAbort, match="no counts"):
        guard.read(step)


def test_a_new_acquisition_starts_in_the_dark(monkeypatch):
    step = PS_PER_S // 20
    lit = block(list(range(0, step, 50_000_000)), 0, step)
    dark = block([], 0, PS_PER_S)
    guard = guarded(monkeypatch, [lit])
    guard.read(step)
    monkeypatch.setattr(FakeTagger, "blocks", [dark])
    guard.start(800, 1e5)
    assert guard.read(PS_PER_S) is dark


def test_the_trip_comes_before_the_abort_and_its_failures_are_told(monkeypatch):
    calls = []

    def trip():
        calls.append("trip")
        return [InstrumentTimeout("bias", "stays silent")]

    guard = guarded(monkeypatch, [block([], 0, 10)], (500.0, 1.0), trip)
    with pytest.raises(SecurityAbort) as caught:
        guard.read(10)
    assert calls == ["trip"]
    assert caught.value.__notes__ == ["interlock trip failed: bias: stays silent"]


STEP = PS_PER_S // 50


def steady(n, rate=1000, channels=(0, 1), first=0):
    """Return blocks of 20 ms with `rate` tags in each channel."""
    found = []
    for k in range(first, first + n):
        t = np.sort(
            np.tile(np.arange(k * STEP, (k + 1) * STEP, STEP // rate), len(channels))
        )
        ch = np.resize(np.array(channels, np.uint8), t.size)
        found.append(TagBlock(t, ch, k * STEP, (k + 1) * STEP))
    return found


class SlowBias(FakeBias):
    """Counts how often it was asked."""

    def __init__(self):
        super().__init__("bias", {}, Options(), None)
        self.asked = 0
        self.voltages_mv = [1.0, 1.0]

    def get_voltages_mv(self):
        self.asked += 1
        return list(self.voltages_mv)


def slowly_guarded(monkeypatch, blocks):
    monkeypatch.setattr(FakeTagger, "blocks", list(blocks))
    bias = SlowBias()
    guard = GuardedTagger(FakeTagger("tagger", {}, Options(), None), bias, lambda: [])
    guard.start(800, 1e6)
    return guard, bias


def test_voltages_are_asked_at_the_first_block_and_once_a_second(monkeypatch):
    guard, bias = slowly_guarded(monkeypatch, steady(120))
    asked = []
    for _ in range(120):
        guard.read(STEP)
        asked.append(bias.asked)
    assert asked[0] == 1
    assert asked[49] == 1
    assert asked[50] == 2
    assert asked[-1] == 3


def test_a_channel_that_falls_silent_is_looked_at_in_the_same_block(monkeypatch):
    one_is_gone = steady(1, channels=(0, 0), first=5)
    guard, bias = slowly_guarded(monkeypatch, [*steady(5), *one_is_gone])
    for _ in range(5):
        guard.read(STEP)
    bias.voltages_mv = [1.0, 3000.0]
    with pytest.raises(SecurityAbort, match="detector 1 has latched"):
        guard.read(STEP)


def test_the_end_of_an_acquisition_is_behind_a_healthy_sample(monkeypatch):
    guard, bias = slowly_guarded(monkeypatch, steady(5))
    for _ in range(5):
        guard.read(STEP)
    guard.stop()
    assert bias.asked == 2


def test_a_wire_that_latched_after_the_last_look_is_told_at_the_end(monkeypatch):
    guard, bias = slowly_guarded(monkeypatch, steady(5))
    for _ in range(5):
        guard.read(STEP)
    bias.voltages_mv = [3000.0, 1.0]
    with pytest.raises(SecurityAbort, match="detector 0 has latched") as caught:
        guard.stop()
    assert caught.value.code is AbortCode.DETECTOR_ALARM


def test_an_acquisition_that_was_just_looked_at_ends_without_another_look(monkeypatch):
    guard, bias = slowly_guarded(monkeypatch, steady(1))
    guard.read(STEP)
    guard.stop()
    assert bias.asked == 1


def test_safety_does_not_wait_for_a_look(monkeypatch):
    guard, bias = slowly_guarded(monkeypatch, steady(2))
    monkeypatch.setattr(FakeTagger, "safe_state", FakeTagger.stop)
    guard.read(STEP)
    guard.read(STEP)
    guard.safe_state()
    guard.stop()
    assert bias.asked == 1


def test_counting_noise_alone_is_no_reason_to_ask(monkeypatch):
    rng = np.random.default_rng(2)
    watch, asked = CountWatch(), 0
    for k in range(2000):
        ch = np.repeat(np.arange(4, dtype=np.uint8), rng.poisson(1000, 4))
        t = np.linspace(k * STEP, (k + 1) * STEP - 1, ch.size).astype(np.int64)
        asked += watch.departs(TagBlock(t, ch, k * STEP, (k + 1) * STEP))
    assert asked == 1
