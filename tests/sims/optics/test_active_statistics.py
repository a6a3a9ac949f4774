"""A receiver that chooses, 1 GHz, against a reference that looks at every pulse.

Settings of both sides come from `cryptography` and the layout in plain words; Bob turns
light by the phase of his basis and of his swap, and two nanowires of the reference
bench see it. Counts are not scaled to each other; chi-squares of two samples at
p > 1e-4, seeds fixed: 5 comparisons, 9 mutants.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from optics_bench import BIAS_UA, SNSPD, gaps
from plain_optics import PlainReceiver
from plain_sources import plain_wire
from two_samples import P_MIN, p_value

from qkdlab_sims.bench.receiver_modulator import turned
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares

pytestmark = [pytest.mark.xdist_group("active_statistics")]

PERIOD_PS = 1_000
N_PULSES = 144 * PULSES_PER_TICK
FEW = 32 * PULSES_PER_TICK
"""Enough for mutants that are told from the shape of a distribution."""
ARRIVAL_PS = (700, 1_010)
SENDER = bytes(range(16)), 77, (9830, 3277, 9830, 3277, 4915, 1639)
RECEIVER = bytes(range(1, 17)), 5, (24576, 8192)
FIRST_PULSE, LAG = 3, 40
MUS = np.array([0.5, 0.2, 0.002])
LOSS = 0.12
PULLS = (0.25, -0.15)
"""Of a decoy or vacuum one and two pulses before."""
SENT_RAD = math.pi * np.array([0.0, 1.0, 0.5, -0.5])
"""By basis and value: D, A, R, L."""
TURNED_RAD = -SENT_RAD
"""By basis and swap."""
EXTINCTION = 10**-1.93
TURN = np.array([[0.996, 0.08j], [0.08j, 0.996]]) / math.hypot(0.996, 0.08)
"""Of the fibre, all but straightened."""
WIRE = replace(SNSPD, dark_floor_hz=2e5)
"""With more darks than the bench's, so that they count."""


def polarizer(sign):
    """Jones matrix to the output for D (+1) or A (-1)."""
    through = np.array([[1, sign], [sign, 1]]) / 2
    return through + math.sqrt(EXTINCTION) * (np.eye(2) - through)


def field_of(setting):
    return math.sqrt(MUS[setting >> 2] * LOSS / 2) * np.array(
        [1, np.exp(1j * SENT_RAD[setting & 3])]
    )


def law(key, nonce, counts, labels=()):
    return ContextLaw.of(CounterSettings(key, nonce, Shares(counts)), labels)


@functools.cache
def ours():
    """Tags of the engine."""
    is_weak = [int(setting >> 2 > 0) for setting in range(12)]
    sent = np.array(
        [
            math.sqrt((1 + PULLS[0] * one) * (1 + PULLS[1] * two)) * field_of(setting)
            for two in (0, 1)
            for one in (0, 1)
            for setting in range(12)
        ]
    )
    light = Light(
        sent, 1550.0, FIRST_PULSE, pulse_fwhm_ps=30.0, law=law(*SENDER, [is_weak] * 2)
    )
    of_d = np.stack([np.ones(4), np.exp(1j * TURNED_RAD)], axis=1) / math.sqrt(2)
    modulator = Light(
        of_d.astype(complex), 1550.0, FIRST_PULSE + LAG, law=law(*RECEIVER)
    )
    behind = turned(light, TURN, modulator)
    bank = DetectorBank((WIRE,) * 2, ARRIVAL_PS, PERIOD_PS, seed=4)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA] * 2)
    vectors = np.array([analyser_vector(polarizer(sign)) for sign in (1, -1)])
    analysers = bank.efficiencies(state.bias_ua)[:, None] * vectors
    end = N_PULSES + PULSES_PER_TICK
    return simulate_pulses(state, behind, analysers, 0, end).times_ps


def settings_of(which, first, n_pulses):
    """Settings of pulses `first` to n_pulses, behind as many of nobody."""
    key, nonce, counts = which
    start = nonce.to_bytes(8, "big") + bytes(8)
    stream = Cipher(algorithms.AES128(key), modes.CTR(start)).encryptor()
    words = np.frombuffer(stream.update(bytes(2 * n_pulses)), "<u2").astype(np.int32)
    classes = np.searchsorted(np.cumsum(counts), words >> 1, side="right")
    settings = 2 * classes + (words & 1)
    return np.concatenate((np.zeros(first, int), settings))[:n_pulses].astype(np.int32)


@functools.cache
def sent():
    return settings_of(SENDER, FIRST_PULSE, N_PULSES)


@functools.cache
def chosen(late=0):
    return settings_of(RECEIVER, FIRST_PULSE + LAG + late, N_PULSES)


@functools.cache
def histories():
    """Sender's settings, and of two pulses before whether they were weak."""
    label = sent().copy()
    for lag in (1, 2):
        label[lag:] += 12 * lag * (sent()[:-lag] >= 4)
    return label


@functools.cache
def theirs(n, seed=1, gain=1.0, pulls=PULLS, late=0, obeyed=3, thermal=False, **mutant):
    """Tags of n pulses of the reference.

    late:   pulses by which Bob's settings come late
    obeyed: bits of his setting that his modulator follows
    """
    rng = np.random.default_rng(seed)
    rows = np.array([field_of(s) for s in range(12)])
    turns = [np.diag([1, np.exp(1j * TURNED_RAD[s & obeyed])]) for s in range(4)]
    pulled = [(1 + pulls[0] * (h & 1)) * (1 + pulls[1] * (h >> 1)) for h in range(4)]
    label = histories()[:n] + 48 * chosen(late)[:n]
    power_of = rng.exponential(size=n) if thermal else 1.0
    receiver = PlainReceiver(rows, [], PERIOD_PS)
    tags = []
    for sign, arrival_ps in zip((1, -1), ARRIVAL_PS, strict=True):
        wire = plain_wire(polarizer(sign), WIRE, BIAS_UA, arrival_ps)
        wire = replace(
            wire, sigma_ps=math.hypot(SNSPD.jitter_fwhm_ps, 30) / 2.354820045
        )
        wire = replace(wire, **mutant)
        power = [
            np.sum(abs(rows @ (wire.path @ turn @ TURN).T) ** 2, axis=1)
            for turn in turns
        ]
        means = gain * np.concatenate([p * h for p in power for h in pulled])
        photons = rng.poisson(power_of * means[label])
        when = np.repeat(np.arange(n), photons) * PERIOD_PS + arrival_ps
        found = receiver.walk(wire, when, n, rng)
        tags.append(found)
    return tags


def pulse_of(tags, d):
    pulse = (tags - ARRIVAL_PS[d] + PERIOD_PS // 2) // PERIOD_PS
    return pulse[(pulse >= 0) & (pulse < N_PULSES)]


def counts(tags):
    """Clicks by both settings, the intensities of two pulses before, and detector."""
    label = histories() + 48 * chosen()
    table = [
        np.bincount(label[pulse_of(t, d)], minlength=192) for d, t in enumerate(tags)
    ]
    return np.concatenate(table)


def totals(tags):
    """Clicks by detector."""
    return np.array([len(t) for t in tags])


def positions(tags):
    """Places in the period in steps of 10 ps."""
    edges = np.arange(0, PERIOD_PS + 1, 10)
    places = [(t - a + 500) % PERIOD_PS for t, a in zip(tags, ARRIVAL_PS, strict=True)]
    return np.concatenate([np.histogram(place, edges)[0] for place in places])


def coincidences(tags):
    """Clicks of one detector up to 5 pulses from one of the other."""
    one, two = (np.unique(pulse_of(t, d)) for d, t in enumerate(tags))
    return np.array([len(np.intersect1d(one + lag, two)) for lag in range(-5, 6)])


def p_of(view, n=N_PULSES, **changes):
    """Return the p-value of a view of n pulses, engine against reference."""
    both = ours(), theirs(n, **changes)
    return p_value(*(view([t[t < n * PERIOD_PS] for t in tags]) for tags in both))


@pytest.mark.parametrize("view", [totals, counts, gaps, positions, coincidences])
def test_clicks_of_an_active_receiver_are_those_of_the_reference(view):
    assert p_of(view) > P_MIN


@pytest.mark.parametrize(
    ("view", "n", "mutant"),
    [
        (totals, N_PULSES, {"gain": 1.02}),
        (counts, FEW, {"late": 1}),
        (counts, FEW, {"obeyed": 2}),  # swap ignored
        (counts, FEW, {"obeyed": 1}),  # basis ignored
        (counts, FEW, {"pulls": (0.25, 0.0)}),  # a neighbour forgotten
        (counts, FEW, {"pulls": (-0.15, 0.25)}),
        (gaps, FEW, {"tau_ps": 14_000.0}),
        (positions, FEW, {"sigma_ps": 50 / 2.354820045}),
        (coincidences, 2 * FEW, {"thermal": True}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_mutants_of_the_reference_are_betrayed(view, n, mutant):
    assert p_of(view, n, seed=3, **mutant) < P_MIN
