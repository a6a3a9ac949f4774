"""Four diodes behind a BB84 receiver: the engine against fields and plain diodes.

Chi-square of two samples at p > 1e-4, fixed seeds: single counts by class of pulse,
joint counts, gaps, positions in the slot. Mutants of the reference must be refused.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from optics_bench import (
    ARRIVAL_PS,
    PERIOD_PS,
    counts,
    paths,
    pattern,
    positions,
)
from plain_detectors import PlainSpad
from spad_bench import FWHM_IN_SIGMAS
from two_samples import P_MIN, p_value

from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.detector import PULSES_PER_TICK, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap

pytestmark = [pytest.mark.xdist_group("spad_receiver"), pytest.mark.slow]

N_PULSES = 32 * PULSES_PER_TICK
BRIGHTNESS = 0.8
DIODE = Spad(
    efficiency=0.4,
    dark_rate_hz=50_000.0,
    dead_time_ps=35_000,
    recovery_tau_ps=10_000.0,
    traps=(Trap(0.15, 100_000.0), Trap(0.1, 600_000.0)),
    jitter_fwhm_ps=300.0,
    tail_fraction=0.2,
    tail_ps=200.0,
)


@functools.cache
def ours():
    fields, _ = pattern()
    bank = SpadBank((DIODE,) * 4, ARRIVAL_PS, PERIOD_PS, seed=21)
    state = DetectorState(bank)
    state.set_bias([1.0] * 4)
    light = Light(fields, 1550.0, first_pulse=3).attenuated(BRIGHTNESS)
    analysers = np.array([DIODE.efficiency * analyser_vector(p) for p in paths()])
    whole = simulate_pulses(state, light, analysers, 0, N_PULSES).times_ps
    dark = light.attenuated(0)
    rest = simulate_pulses(
        state, dark, analysers, N_PULSES, N_PULSES + PULSES_PER_TICK
    ).times_ps
    cut = N_PULSES * PERIOD_PS
    joined = [np.concatenate(pair) for pair in zip(whole, rest, strict=True)]
    return [t[t < cut] for t in joined]


@functools.cache
def theirs(**mutant):
    gain = mutant.pop("gain", 1.0)
    diode = PlainSpad(
        **{
            "dark_rate_hz": 50_000.0,
            "dead_ps": 35_000,
            "tau_ps": 10_000.0,
            "traps": ((0.15, 100_000.0), (0.1, 600_000.0)),
            "sigma_ps": 300.0 / FWHM_IN_SIGMAS,
            "tail_fraction": 0.2,
            "tail_ps": 200.0,
            **mutant,
        }
    )
    fields, _ = pattern()
    rng = np.random.default_rng(31)
    pulse = np.arange(N_PULSES)
    sent = fields[(pulse - 3) % len(fields)]
    tags = []
    for d, path in enumerate(paths()):
        means = 0.4 * BRIGHTNESS * gain * np.sum(np.abs(sent @ path.T) ** 2, axis=1)
        light = np.repeat(pulse, rng.poisson(means)) * PERIOD_PS + ARRIVAL_PS[d]
        end = N_PULSES * PERIOD_PS
        clicks = diode.clicks(light, ARRIVAL_PS[d], end, 40 + d)
        tags.append(clicks[clicks < end])
    return tags


def gaps(tags):
    edges = np.concatenate((np.arange(0, 1_000_000, 5_000), [2e6, 5e6, 1e8]))
    return np.concatenate([np.histogram(np.diff(t), edges)[0] for t in tags])


def singles(tags):
    """All clicks by detector."""
    return np.array([len(t) for t in tags])


def coincidences(tags):
    """Pulses by the set of detectors that clicked in them."""
    word = np.zeros(N_PULSES + 10, int)
    for d, t in enumerate(tags):
        pulse = (t - ARRIVAL_PS[d] + PERIOD_PS // 2) // PERIOD_PS
        word[np.unique(pulse)] |= 1 << d
    return np.bincount(word, minlength=16)[1:]


@pytest.mark.parametrize("view", [singles, counts, coincidences, gaps, positions])
def test_receiver_and_reference_agree(view):
    assert p_value(view(ours()), view(theirs())) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (gaps, {"dead_ps": 38_000}),
        (singles, {"breeds": False}),
        (singles, {"gain": 1.02}),
        (positions, {"sigma_ps": 142.0}),
    ],
)
def test_mutants_of_the_receiver_are_refused(view, mutant):
    assert p_value(view(ours()), view(theirs(**mutant))) < P_MIN
