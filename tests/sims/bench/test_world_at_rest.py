"""Ticks taken together give what ticks one by one give, whatever moves meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from world_stubs import TICK_PS, StubBench

from qkdlab_sims.bench import detection, world
from qkdlab_sims.bench.incidents import Incidents
from qkdlab_sims.incident import Incident


@dataclass
class Ramp:
    """A filter that goes from one value to another, then rests."""

    begin_ps: int
    end_ps: int
    first_db: float = 20.0
    last_db: float = 30.0
    opens_ps: int = 0

    def attenuation_db(self, now_ps: int) -> float:
        part = (now_ps - self.begin_ps) / (self.end_ps - self.begin_ps)
        return self.first_db + min(max(part, 0.0), 1.0) * (self.last_db - self.first_db)

    def shutter_open(self, now_ps: int) -> bool:
        return now_ps >= self.opens_ps


def tags(bench: StubBench, n_ticks: int, pieces: int) -> list[np.ndarray]:
    """Run on in pieces of `n_ticks`; return the pulses at the tagger's inputs."""
    for piece in range(1, pieces + 1):
        if piece == pieces // 2:
            bench.clock.set(degrees=40.0)
        bench.run(piece * n_ticks * TICK_PS + 12_345)
    return [bench.tagger.times(n) for n in range(1, 5)]


def made(monkeypatch: pytest.MonkeyPatch, stride: int, **changes: dict) -> StubBench:
    monkeypatch.setattr(world, "_LONGEST_STRIDE", stride)
    bench = StubBench(**changes)
    bench.attenuator.db = 20.0
    return bench


def both(monkeypatch: pytest.MonkeyPatch, prepare, n_ticks: int = 60, pieces: int = 6):
    found = []
    for stride in (0, 1 << 12):
        bench = made(monkeypatch, stride, fibre={"drift_rad_per_sqrt_s": 0.01})
        prepare(bench)
        counted = []
        begin_tick = bench.world._begin_tick
        bench.world._begin_tick = lambda tick, f=begin_tick, c=counted: (
            c.append(tick),
            f(tick),
        )
        found.append((tags(bench, n_ticks, pieces), len(counted)))
    (one_by_one, most), (together, least) = found
    for a, b in zip(one_by_one, together, strict=True):
        assert np.array_equal(a, b)
        assert a.size > 100
    return least / most


def test_at_rest_few_ticks_are_looked_at(monkeypatch):
    assert both(monkeypatch, lambda bench: None) < 0.4


def test_a_filter_that_moves_is_followed_tick_by_tick(monkeypatch):
    def prepare(bench: StubBench) -> None:
        ramp = Ramp(100 * TICK_PS + 1, 130 * TICK_PS, opens_ps=20 * TICK_PS + 5)
        bench.world.knobs.attenuators["attenuator"] = ramp
        bench.world.knobs._shutters["attenuator"] = ramp

    both(monkeypatch, prepare)


def test_where_ticks_are_short_what_moves_is_followed_every_few(monkeypatch):
    monkeypatch.setattr(world, "KNOB_STEP_PS", 10 * TICK_PS)
    found = []
    for pieces in (2, 30):
        bench = made(monkeypatch, 1 << 12)
        moves = []
        new_moment = bench.world._new_moment
        bench.world._new_moment = lambda tick, *a, f=new_moment, m=moves: (
            m.append(tick),
            f(tick, *a),
        )[1]
        bench.motors.angle_deg = lambda address, now_ps: now_ps / TICK_PS
        bench.run(1)
        for piece in range(1, pieces + 1):
            bench.run(piece * 300 // pieces * TICK_PS + 12_345)
        assert [tick for tick in moves if tick % 10] == []
        assert len(moves) == 31
        found.append(np.concatenate([bench.tagger.times(n) for n in range(1, 5)]))
    assert np.array_equal(*found)
    assert len(found[0]) > 100


def test_incidents_begin_and_end_at_their_ticks(monkeypatch):
    def prepare(bench: StubBench) -> None:
        planned = [
            {"kind": "silence", "at_s": 0.03, "duration_s": 0.004, "detectors": [1]},
            {"kind": "brighten", "at_s": 0.05, "duration_s": 0.001, "gain_db": 3.0},
            {"kind": "turn", "at_s": 0.08, "angle_rad": 0.4},
        ]
        incidents = [Incident.model_validate(one) for one in planned]
        bench.world.incidents = Incidents(incidents)

    both(monkeypatch, prepare)


def test_pulses_that_slide_are_followed(monkeypatch):
    def prepare(bench: StubBench) -> None:
        bench.clock.set(hz=100e6 * (1 + 1e-7))

    assert both(monkeypatch, prepare) == 1.0


def test_what_moves_before_a_closed_shutter_is_one_stretch_of_darkness(monkeypatch):
    found, drawn = [], []
    simulate = detection.simulate_pulses
    alike = detection.Conditions.are_as_dark_as
    for judge in (alike, lambda one, other: False):
        monkeypatch.setattr(detection.Conditions, "are_as_dark_as", judge)
        calls: list[int] = []
        monkeypatch.setattr(
            detection,
            "simulate_pulses",
            lambda *a, c=calls, **k: (c.append(a[3]), simulate(*a, **k))[1],
        )
        bench = made(monkeypatch, 1 << 12)
        bench.attenuator.is_open = False
        bench.motors.angle_deg = lambda address, now_ps: now_ps / TICK_PS
        found.append(np.concatenate(tags(bench, 80, 6)))
        drawn.append(len(calls))
    assert np.array_equal(*found)
    assert len(found[0]) > 50
    assert drawn[0] < 20 < 400 < drawn[1]
