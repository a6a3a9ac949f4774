"""Light whose settings come from a generator: every pulse has one of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import TICK_PS, Generator, Output, StubBench

from qkdlab_sims.bench.fresh_settings import fresh_run
from qkdlab_sims.bench.truth_report import light_at_output

PERIOD_PS = 10_000
SHARES = (11141, 1966, 11141, 1966, 5571, 983)
MEANS = (1.0, 0.4, 0.004)
START_PS = 3 * TICK_PS


@dataclass(eq=False)
class Run:
    """A run, as a board shows it."""

    key: bytes = bytes(range(16))
    nonce: bytes = bytes(8)
    shares: tuple[int, ...] = SHARES
    HELD: int = 4


class FreshGenerator(Generator):
    """A generator that shows every setting in turn while its run goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.going: Run | None = None

    def counter(self) -> Run | None:
        return self.going

    def go(self, run: Run, start_ps: int) -> None:
        self.going = run
        setting = np.arange(12)
        bright = np.arccos(1 - 2 * np.array(MEANS)[setting >> 2]) / np.pi * 0.8
        phase = np.array([0.0, 1.0, 0.5, 1.5])[setting & 3] * 0.8
        for channel, levels in ((1, bright), (2, phase)):
            volts = np.repeat(levels, 10 * run.HELD)
            self.outputs[channel] = Output(True, True, volts, start_ps=start_ps)
        assert self.on_change is not None
        self.on_change(start_ps)


@pytest.fixture(scope="module")
def made() -> StubBench:
    bench = StubBench()
    bench.generator = FreshGenerator()
    bench.world.generators = {"awg": bench.generator}
    bench.generator.on_change = bench.world._note_light
    # 10 dB in front of the line: some 0.5 photons a pulse leave in the signal
    bench.attenuator.db = 30.0
    bench.run(2 * TICK_PS + 1)
    bench.generator.go(Run(), START_PS)
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


def test_a_click_belongs_to_the_setting_of_its_own_pulse(made: StubBench) -> None:
    law = made.world.moment.conditions.light.law
    assert law is not None
    found = np.concatenate([pulses(made, d) for d in range(4)])
    classes = law.settings.settings(found) >> 2
    share = np.bincount(classes, minlength=3) / classes.size
    weights = np.array(MEANS) * [0.4, 0.4, 0.2]
    assert classes.size > 3000
    assert share == pytest.approx(weights / weights.sum(), abs=0.03)
    # the settings of the neighbours have nothing to do with it
    other = law.settings.settings(found + 1) >> 2
    shares = np.bincount(other, minlength=3) / other.size
    assert shares == pytest.approx([0.4, 0.4, 0.2], abs=0.03)


def test_detectors_of_a_basis_see_opposite_bits(made: StubBench) -> None:
    law = made.world.moment.conditions.light.law
    assert law is not None
    by_state = np.array(
        [
            np.bincount(law.settings.settings(pulses(made, d)) & 3, minlength=4)
            for d in range(4)
        ]
    )
    # whatever the fibre does to them: states of a basis are opposite
    total = by_state.sum(axis=0)
    assert total[0] == pytest.approx(total[1], rel=0.1)
    assert total[2] == pytest.approx(total[3], rel=0.15)


def test_the_first_light_is_that_of_pulse_zero(made: StubBench) -> None:
    first = min(int(pulses(made, d).min()) for d in range(4))
    assert -2 <= first < 300


def test_the_light_at_the_output_is_that_of_the_first_pulses(made: StubBench) -> None:
    light = made.world.moment.conditions.light
    assert light.law is not None
    photons = light_at_output(made.world)[:, 0]
    classes = light.law.settings.settings(np.arange(photons.size)) >> 2
    bright = photons[classes == 0].mean()
    assert photons[classes == 1].mean() / bright == pytest.approx(0.4, rel=0.05)
    assert photons[classes == 2].mean() / bright == pytest.approx(0.004, rel=0.3)


def test_a_run_keeps_its_law_while_it_lasts() -> None:
    generator = FreshGenerator()
    generator.going = Run()
    one = fresh_run([Generator(), generator], None)
    assert one is not None
    assert fresh_run([generator], one) is one
    generator.going = Run()
    assert fresh_run([generator], one) is not one
    generator.going = None
    assert fresh_run([generator], one) is None
