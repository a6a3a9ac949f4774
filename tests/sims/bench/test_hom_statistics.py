"""The bench `hom` with its own wires against a reference that looks at every pulse.

The reference is told what stands in the wiring: powers, losses, wires. It has NumPy's
PCG64 and walks through the events of each wire. Counts are not scaled to each other;
chi-squares of two samples at p > 1e-4, seeds fixed: 5 comparisons, 7 mutants.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from meeting_bench import PERIOD_PS, MeetingBench, hom_part, hom_wiring
from optics_bench import gaps
from plain_optics import PlainDetector, PlainReceiver
from two_samples import P_MIN, p_value

pytestmark = [pytest.mark.xdist_group("hom_statistics")]

N_TICKS = 16
N_PULSES = N_TICKS << 16
BIAS_UA = 22.0
ATTENUATIONS_DB = (45.5, 48.5)
IN_SLOT_PS = 5_000
DARK_FLOOR_HZ = 1e5
"""More than the preset's, so that there are darks to compare."""
WIRES = [hom_part(name) | {"dark_floor_hz": DARK_FLOOR_HZ} for name in ("d_1", "d_2")]


@functools.cache
def ours():
    """Tags of the bench, from the begin of a tick on."""
    changes = dict(zip(("d_1", "d_2"), WIRES, strict=True))
    bench = MeetingBench(hom_wiring(**changes))
    bench.shine(*ATTENUATIONS_DB)
    bench.delay(0)
    bench.clicks(1)
    tags = bench.clicks(N_TICKS)
    begin_ps = min(int(t[0]) for t in tags) // (PERIOD_PS << 16) * (PERIOD_PS << 16)
    return [t - begin_ps for t in tags]


def photons_at_a_detector(attenuation_db):
    """Return the mean of a pulse of one laser: -10 dBm, 30.5 dB, half of it."""
    pulse_j = 1e-4 * PERIOD_PS * 1e-12 * 10 ** (-(30.5 + attenuation_db) / 10)
    photon_j = 6.62607015e-34 * 299792458 / 1550.12e-9
    return 0.5 * pulse_j / photon_j


def plain_of(wire):
    dark_hz = math.exp(wire["dark_slope_per_ua"] * (BIAS_UA - wire["dark_i0_ua"]))
    share = math.erf((BIAS_UA - wire["i_half_ua"]) / wire["width_ua"])
    return PlainDetector(
        path=np.diag([math.sqrt(wire["efficiency_max"] * (1 + share) / 2)] * 2),
        arrival_ps=IN_SLOT_PS,
        dark_rate_hz=wire["dark_floor_hz"] + dark_hz,
        bias_ua=BIAS_UA,
        half_ua=wire["i_half_ua"],
        width_ua=wire["width_ua"],
        tau_ps=wire["recovery_tau_ps"],
        sigma_ps=math.hypot(wire["jitter_fwhm_ps"], 60.0) / 2.354820045,
    )


@functools.cache
def theirs(seed=1, gain=1.0, contrast=1.0, phase_lasts=1, **mutant):
    """Tags of the reference.

    phase_lasts: pulses with one phase between the lasers
    """
    rng = np.random.default_rng(seed)
    a, b = (math.sqrt(gain * photons_at_a_detector(db)) for db in ATTENUATIONS_DB)
    n_phases = -(-N_PULSES // phase_lasts)
    phase = np.repeat(2 * math.pi * rng.random(n_phases), phase_lasts)[:N_PULSES]
    beat = 2 * contrast * a * b * np.cos(phase)
    receiver = PlainReceiver(np.zeros((1, 2)), [], PERIOD_PS)
    tags = []
    for sign, wire in zip((1, -1), WIRES, strict=True):
        d = replace(plain_of(wire), **mutant)
        photons = rng.poisson(abs(d.path[0, 0]) ** 2 * (a * a + b * b + sign * beat))
        when = np.repeat(np.arange(N_PULSES), photons) * PERIOD_PS + d.arrival_ps
        found = receiver.walk(d, when, N_PULSES, rng)
        tags.append(found[(found >= PERIOD_PS) & (found < N_PULSES * PERIOD_PS)])
    return tags


def totals(tags):
    """Clicks by detector."""
    return np.array([len(t) for t in tags])


def positions(tags):
    """Places in the period in steps of 20 ps, what is far from the pulse together."""
    edges = np.concatenate(([0], np.arange(4_700, 5_301, 20), [PERIOD_PS]))
    return np.concatenate([np.histogram(t % PERIOD_PS, edges)[0] for t in tags])


def strays(tags):
    """Clicks more than a nanosecond from the pulse: darks."""
    return np.array(
        [np.count_nonzero(abs(t % PERIOD_PS - IN_SLOT_PS) > 1_000) for t in tags]
    )


def coincidences(tags):
    """Pairs of neighbouring pulses by the detectors that clicked in each."""
    word = np.zeros(N_PULSES, int)
    for d, t in enumerate(tags):
        word[np.unique(t // PERIOD_PS)] |= 1 << d
    return np.bincount(word[1:] + 4 * word[:-1], minlength=16)[1:]


@pytest.mark.parametrize("view", [totals, gaps, positions, strays, coincidences])
def test_clicks_of_two_lasers_are_those_of_the_reference(view):
    assert p_value(view(ours()), view(theirs())) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (totals, {"gain": 1.02}),
        (gaps, {"tau_ps": 12_600.0}),
        (positions, {"sigma_ps": 60.0 / 2.354820045}),  # wires without jitter
        (strays, {"dark_rate_hz": 1.35e5}),
        (coincidences, {"contrast": 0.95}),
        (coincidences, {"phase_lasts": 2}),
        (coincidences, {"phase_lasts": N_PULSES}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or "-".join(value),
)
def test_mutants_of_the_reference_are_betrayed(view, mutant):
    assert p_value(view(ours()), view(theirs(seed=3, **mutant))) < P_MIN
