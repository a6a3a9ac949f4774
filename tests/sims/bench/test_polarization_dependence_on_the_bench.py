"""Power by polarization behind the sender's modulators, found again in counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from channel_bench import PERIOD_PS, V_PI, bench
from numpy.typing import NDArray
from world_stubs import UNPOLARIZED


def clicks_by_state(**parts: dict[str, Any]) -> NDArray[np.int64]:
    """Return how often all detectors together click after D, R, A and L.

    Both bases share the light, so that a state does not matter to their sum.
    """
    changes = {
        name: fields | parts.get(name, {}) for name, fields in UNPOLARIZED.items()
    }
    made = bench(28.0, **changes)
    steps = np.tile([0.0, 0.5, 1.0, 1.5], 16)
    made.generator.play([V_PI] * 64, (steps * V_PI).tolist())
    made.run(20_000_000_000)
    light = made.world.moment.light
    total = np.zeros(4, np.int64)
    for number, way in enumerate(made.world.ways.detectors, start=1):
        since_ps = made.tagger.times(number) - way.arrival_ps - light.delay_ps
        pulse = np.rint(since_ps / PERIOD_PS).astype(np.int64)
        total += np.bincount((pulse - light.first_pulse) % 4, minlength=4)
    assert total.sum() > 100_000
    return total


def test_a_phase_modulators_residual_modulation_is_recovered_from_r_and_l() -> None:
    d, r, a, l = clicks_by_state(pm={"residual_am": 0.1})  # noqa: E741
    noise = 4 / math.sqrt(r + l)
    assert noise < 0.02
    assert (r - l) / (r + l) == pytest.approx(0.1, abs=noise)
    assert (d - a) / (d + a) == pytest.approx(0.0, abs=noise)


@pytest.mark.parametrize("part", ["pad", "attenuator"])
def test_polarization_dependent_loss_is_recovered_from_d_and_a(part: str) -> None:
    axis = {"pdl_db": 1.0, "pdl_axis_deg": 45.0}
    d, r, a, l = clicks_by_state(**{part: axis})  # noqa: E741
    noise_db = 4 * 4.34 * math.sqrt(1 / d + 1 / a)
    assert noise_db < 0.15
    assert 10 * math.log10(d / a) == pytest.approx(1.0, abs=noise_db)
    assert 10 * math.log10(r / l) == pytest.approx(0.0, abs=noise_db)
