"""A bench whose settings come from a generator, without any instrument's protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from world_stubs import TICK_PS, Generator, Output, StubBench

PERIOD_PS = 10_000
SHARES = (11141, 1966, 11141, 1966, 5571, 983)
MEANS = (1.0, 0.4, 0.004)
START_PS = 3 * TICK_PS


@dataclass(eq=False)
class FreshRunStub:
    """A run, as a board shows it."""

    key: bytes = bytes(range(16))
    nonce: bytes = bytes(8)
    shares: tuple[int, ...] = SHARES
    HELD: int = 4


class FreshGenerator(Generator):
    """A generator that shows every setting in turn while its run goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.going: FreshRunStub | None = None

    def counter(self) -> FreshRunStub | None:
        return self.going

    def go(self, run: FreshRunStub, start_ps: int) -> None:
        self.going = run
        setting = np.arange(12)
        bright = np.arccos(1 - 2 * np.array(MEANS)[setting >> 2]) / np.pi * 0.8
        phase = np.array([0.0, 1.0, 0.5, 1.5])[setting & 3] * 0.8
        for channel, levels in ((1, bright), (2, phase)):
            volts = np.repeat(levels, 10 * run.HELD)
            self.outputs[channel] = Output(True, True, volts, start_ps=start_ps)
        assert self.on_change is not None
        self.on_change(start_ps)


def fresh_bench(
    *, memory_pulses: int = 0, run: FreshRunStub | None = None, **changes: Any
) -> StubBench:
    """The reference bench under a run, at the end of it."""
    bench = StubBench(memory_pulses=memory_pulses, **changes)
    bench.generator = FreshGenerator()
    bench.world.generators = {"awg": bench.generator}
    bench.generator.on_change = bench.world._note_light
    # 10 dB in front of the line: some 0.5 photons a pulse leave in the signal
    bench.attenuator.db = 30.0
    bench.run(2 * TICK_PS + 1)
    bench.generator.go(run or FreshRunStub(), START_PS)
    bench.run(40 * TICK_PS)
    return bench


def pulses(bench: StubBench, number: int) -> NDArray[np.int64]:
    """Return the pulses of the run that clicked at a detector."""
    way = bench.world.ways.detectors[number]
    light = bench.world.moment.conditions.light
    assert way.tagger_input is not None
    t = bench.tagger.times(way.tagger_input)
    t = t[t > START_PS + way.arrival_ps]
    since = t - way.arrival_ps - light.delay_ps
    return np.rint(since / PERIOD_PS).astype(np.int64) - light.first_pulse
