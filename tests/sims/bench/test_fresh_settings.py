"""Light whose settings come from a generator: every pulse has one of its own."""

from __future__ import annotations

import numpy as np
import pytest
from fresh_bench import MEANS, FreshGenerator, FreshRunStub, fresh_bench, pulses
from world_stubs import Generator, StubBench

from qkdlab_sims.bench.fresh_settings import fresh_run
from qkdlab_sims.bench.truth_report import light_at_output


@pytest.fixture(scope="module")
def made() -> StubBench:
    return fresh_bench()


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
    generator.going = FreshRunStub()
    one = fresh_run([Generator(), generator], None)
    assert one is not None
    assert fresh_run([generator], one) is one
    generator.going = FreshRunStub()
    assert fresh_run([generator], one) is not one
    generator.going = None
    assert fresh_run([generator], one) is None
