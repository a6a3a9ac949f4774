"""The interlock's rules, and the guard that lets no unhealthy tag through."""

import pytest
from station_fakes import FakeBias, FakeTagger, Options, block

from qkdlab.clock import PS_PER_S
from qkdlab.errors import AbortCode, InstrumentTimeout, SecurityAbort
from qkdlab.station.interlocks import (
    GuardedTagger,
    HealthLimits,
    HealthSample,
    alarms,
)

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
