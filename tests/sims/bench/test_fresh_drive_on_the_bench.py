"""The bandwidth of a modulator whose settings never repeat, found again in counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fresh_bench import MEANS, PERIOD_PS, fresh_bench, pulses
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from world_stubs import TICK_PS

Floats = NDArray[np.float64]
BANDWIDTH_HZ = 12e6
PLAIN = {
    **{f"amplifier_{kind}": {"saturation_v": 1e6} for kind in ("im", "pm")},
    **{d: {"recovery_tau_ps": 100.0} for d in ("d_x0", "d_x1", "d_z0", "d_z1")},
}
LEVELS = np.arccos(1 - 2 * np.array(MEANS)) / math.pi
"""Of the three classes, in V_pi."""
ODDS = np.array([0.4, 0.4, 0.2])
N_TICKS = 24


def photons_by_history(order: int) -> Floats:
    """Return photons a pulse, by the classes of the pulse and of those before it."""
    made = fresh_bench(memory_pulses=order, mzm={"bandwidth_hz": BANDWIDTH_HZ}, **PLAIN)
    light = made.world.moment.conditions.light
    assert light.law is not None
    made.attenuator.db = 23.0
    begin_ps = made.tagger.complete_ps
    made.run(begin_ps + N_TICKS * TICK_PS)
    first = begin_ps // PERIOD_PS - light.first_pulse
    sent = np.arange(first, first + (N_TICKS - 2) * (TICK_PS // PERIOD_PS))
    classes = light.law.settings.settings(sent) >> 2
    word = np.zeros(sent.size - order, np.int64)
    for lag in range(order + 1):
        word += 3**lag * classes[order - lag : sent.size - lag]
    shown = np.bincount(word, minlength=3 ** (order + 1))
    photons = np.zeros(shown.size)
    for d in range(4):
        seen = pulses(made, d) - sent[order]
        seen = np.unique(seen[(seen >= 0) & (seen < word.size)])
        clicked = np.bincount(word[seen], minlength=shown.size)
        photons -= np.log1p(-clicked / shown)  # one click a pulse at most
    return photons


def single_pole(order: int) -> Floats:
    """Return float64[n, order + 1], the level of each pulse of a word, in V_pi."""
    word = np.arange(3 ** (order + 1))
    return np.stack([LEVELS[word // 3**lag % 3] for lag in range(order + 1)], axis=1)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_bandwidth_is_recovered_from_counts_by_the_settings_before(order: int) -> None:
    levels = single_pole(order)

    def law(_: Floats, full: float, bandwidth_hz: float, late_ps: float) -> Floats:
        """Each level fades for a period more; what came before them is its mean."""
        since_ps = np.append(0.0, late_ps + PERIOD_PS * np.arange(order + 1))
        left = np.append(np.exp(-2e-12 * math.pi * bandwidth_hz * since_ps), 0.0)
        left[0] = 1.0
        shares = -np.diff(left)
        volts = levels @ shares[:-1] + ODDS @ LEVELS * shares[-1]
        return np.asarray(full * np.sin(math.pi / 2 * volts) ** 2)

    found = photons_by_history(order)
    start = (float(found.max()), 2e7, PERIOD_PS / 2)
    sigma = np.sqrt(found + 1e-3 * found.max())
    (_, bandwidth_hz, late_ps), _ = curve_fit(law, levels, found, start, sigma)
    assert bandwidth_hz == pytest.approx(BANDWIDTH_HZ, rel=0.04)
    assert 0.0 < late_ps < PERIOD_PS
