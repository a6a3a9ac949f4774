"""Walk and relaxation of a modulator's phase, found again in readings of the tap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import StubBench

STEP_PS = 100_000_000_000
REST = {"walk_rad_per_sqrt_s": 0.0, "relaxation_shares": (0.0, 0.0)}


def phases(made: StubBench, n: int) -> NDArray[np.float64]:
    """Return the phase in each of `n` tenths of a second, by the tap's power."""
    powers = []
    for _ in range(n):
        begin_ps = made.tagger.complete_ps
        made.run(begin_ps + STEP_PS)
        powers.append(made.world.power_w("tap_meter", begin_ps, begin_ps + STEP_PS))
    share = np.array(powers) / full_power()
    leak = 10 ** (-3.5)
    contrast = (1 - leak) / (1 + leak)
    return np.arccos((1 - share * (1 + contrast)) / contrast)


def full_power() -> float:
    made = bench(math.pi, **REST)
    made.run(STEP_PS)
    return float(made.world.power_w("tap_meter", 0, STEP_PS))


def bench(phase_rad: float, **mzm: Any) -> StubBench:
    made = StubBench(6, modulator_phase_rad=phase_rad, mzm=mzm)
    made.attenuator.is_open = False
    return made


def test_the_walk_is_recovered_from_the_tap() -> None:
    made = bench(math.pi / 2, **REST | {"walk_rad_per_sqrt_s": 0.02})
    steps = np.diff(phases(made, 120))
    # an average over a tenth of a second sees steps that may lie within it
    assert np.std(steps) / math.sqrt(0.1) == pytest.approx(0.02, rel=0.25)


def test_what_fades_of_a_bias_step_is_recovered_from_the_tap() -> None:
    fades = {"relaxation_shares": (0.2, 0.0), "relaxation_s": (0.5, 20.0)}
    made = bench(math.pi / 2, **REST | fades)
    made.run(STEP_PS)
    made.modulator_bias.set(volts=0.5)
    seen = np.array(phases(made, 30)) - math.pi / 2
    wanted = math.pi * 0.5 / 5.0
    assert seen[-1] == pytest.approx(wanted * 0.8, rel=0.02)
    lost = seen - seen[-1]
    t_s = 0.1 * np.arange(8)
    slope, first = np.polyfit(t_s, np.log(lost[:8]), 1)
    assert -1.0 / slope == pytest.approx(0.5, rel=0.1)
    # the first reading is the mean of a tenth of a second
    assert math.exp(first) == pytest.approx(wanted * 0.2 * 0.906, rel=0.1)
