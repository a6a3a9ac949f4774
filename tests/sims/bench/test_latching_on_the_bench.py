"""Wires of the bench that latch by their rate or by bright light."""

from __future__ import annotations

from world_stubs import StubBench

HOT = {"latching_rate_hz": 1e6, "heating_ps": 1e8}


def bench(db: float, **wire: object) -> StubBench:
    made = StubBench(d_x0=wire)
    made.generator.play([0.8] * 640, [0.0] * 640)
    made.attenuator.db = db
    return made


def test_a_hot_wire_stops_and_shows_volts() -> None:
    made = bench(20.0, readout=HOT)
    rates = made.rates_hz(0.02)
    assert rates[0] < 1e5 < rates[1]
    millivolts = made.world.voltages_mv(made.tagger.complete_ps)
    assert millivolts[0] > 1000.0 > 100.0 > max(millivolts[1:])


def test_a_hot_wire_counts_again_after_its_bias_was_taken_away() -> None:
    made = bench(20.0, readout=HOT)
    made.rates_hz(0.02)
    made.attenuator.db = 60.0
    made.bias.currents_ua = [0.0, 22.0, 22.0, 22.0]
    made.rates_hz(0.01)
    made.bias.currents_ua = [22.0] * 4
    assert made.rates_hz(0.1)[0] > 100.0


def test_light_above_its_threshold_latches_a_wire() -> None:
    made = bench(0.0, bright={"latching_w": 1e-13})
    assert made.rates_hz(0.01)[0] == 0.0
    assert made.world.voltages_mv(made.tagger.complete_ps)[0] > 1000.0


def test_light_below_it_does_not() -> None:
    made = bench(40.0, bright={"latching_w": 1e-10})
    assert made.rates_hz(0.01)[0] > 1000.0
