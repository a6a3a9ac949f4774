"""Light with fresh settings against the slow per-pulse reference.

The reference looks at every pulse, with settings from `cryptography` and intensities
that follow its neighbours' settings. Chi-squares of two samples at p > 1e-4, seeds
fixed, each with a mutant that it must refuse: 5 comparisons, 7 mutants.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from optics_bench import (
    ARRIVAL_PS,
    BIAS_UA,
    PARAMETERS,
    PERIOD_PS,
    coincidences,
    gaps,
    paths,
    positions,
)
from plain_optics import PlainDetector, PlainReceiver
from two_samples import P_MIN, p_value

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

pytestmark = [pytest.mark.xdist_group("optics_fresh_statistics")]

N_PULSES = 14 * PULSES_PER_TICK
KEY, NONCE = bytes(range(16)), 2**60 + 1
COUNTS = (9000, 6000, 6000, 5000, 4000, 2768)
MUS = np.array([0.8, 0.3, 0.004])
PULLS = (0.25, -0.15)  # of a decoy or vacuum one and two pulses before
NOISE = 0.4
FIRST_PULSE = 3


def fields_of(settings):
    """D, A, R, L by basis and value, of the intensity's mean photon number."""
    turns = np.array([0, math.pi, math.pi / 2, -math.pi / 2])[settings & 3]
    root = np.sqrt(MUS[settings >> 2] / 2)
    return root[:, None] * np.stack([np.ones(len(turns)), np.exp(1j * turns)], axis=1)


@functools.cache
def ours():
    """Tags of the engine."""
    generator = CounterSettings(KEY, NONCE, Shares(COUNTS))
    is_weak = [int(setting >> 2 > 0) for setting in range(12)]
    law = ContextLaw.of(generator, [is_weak, is_weak])
    context = np.arange(law.n_contexts)
    factor = (1 + PULLS[0] * (context // 12 % 2)) * (1 + PULLS[1] * (context // 24))
    fields = np.sqrt(factor)[:, None] * fields_of(context % 12)
    light = Light(
        fields,
        1550.0,
        FIRST_PULSE,
        pulse_fwhm_ps=100.0,
        intensity_noise_rms=NOISE,
        law=law,
    )
    bank = DetectorBank((PARAMETERS,) * 4, ARRIVAL_PS, PERIOD_PS, seed=21)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA] * 4)
    eta = bank.efficiencies(state.bias_ua)
    vectors = [e * analyser_vector(p) for e, p in zip(eta, paths(), strict=True)]
    end = N_PULSES + PULSES_PER_TICK
    tags = simulate_pulses(state, light, np.array(vectors), 0, end).times_ps
    return [t[t < N_PULSES * PERIOD_PS] for t in tags]


@functools.cache
def settings_sent(n_pulses, late=0):
    """Settings of world pulses 0 onwards, by the layout in plain words."""
    start = NONCE.to_bytes(8, "big") + bytes(8)
    stream = Cipher(algorithms.AES128(KEY), modes.CTR(start)).encryptor()
    words = np.frombuffer(stream.update(bytes(2 * n_pulses)), "<u2").astype(int)
    classes = np.searchsorted(np.cumsum(COUNTS), words // 2, side="right")
    settings = 2 * classes + words % 2
    return np.concatenate((settings[:FIRST_PULSE], settings))[late : late + n_pulses]


@functools.cache
def theirs(seed=1, pulls=PULLS, noise=NOISE, gain=1.0, late=0, **mutant):
    """Tags of the reference; its first pulses, before the start, are nobody's."""
    settings = settings_sent(N_PULSES + late, late)
    factor = np.ones(len(settings))
    for lag, pull in enumerate(pulls, 1):
        factor[lag:] *= 1 + pull * (settings[:-lag] >> 2 > 0)
    fields = np.sqrt(gain * factor)[:, None] * fields_of(settings)
    eta = PARAMETERS.efficiency(BIAS_UA)
    detector = PlainDetector(
        path=np.eye(2),
        arrival_ps=0,
        dark_rate_hz=PARAMETERS.dark_rate_hz(BIAS_UA),
        bias_ua=BIAS_UA,
        half_ua=PARAMETERS.i_half_ua,
        width_ua=PARAMETERS.width_ua,
        tau_ps=PARAMETERS.recovery_tau_ps,
        sigma_ps=math.hypot(PARAMETERS.jitter_fwhm_ps, 100.0) / 2.354820045,
        tail_fraction=PARAMETERS.tail_fraction,
        tail_ps=PARAMETERS.tail_ps,
    )
    detectors = [
        replace(detector, path=math.sqrt(eta) * path, arrival_ps=arrival, **mutant)
        for path, arrival in zip(paths(), ARRIVAL_PS, strict=True)
    ]
    receiver = PlainReceiver(fields, detectors, PERIOD_PS, 0, noise_rms=noise)
    return [t[t < N_PULSES * PERIOD_PS] for t in receiver.clicks(N_PULSES, seed)]


def counts(tags):
    """Clicks by intensities of the pulse and two before, basis, value and detector."""
    settings = settings_sent(N_PULSES)
    weak = settings >> 2 > 0
    label = settings + 12 * np.roll(weak, 1) + 24 * np.roll(weak, 2)
    table = np.zeros((48, 4))
    for d, t in enumerate(tags):
        pulse, within = np.divmod(t - ARRIVAL_PS[d] + PERIOD_PS // 2, PERIOD_PS)
        near = (np.abs(within - PERIOD_PS // 2) < 2_000) & (pulse < N_PULSES)
        near &= pulse >= 0
        table[:, d] = np.bincount(label[pulse[near]], minlength=48)
    return table.ravel()


def totals(tags):
    """Clicks by detector."""
    return np.array([len(t) for t in tags])


@pytest.mark.parametrize("view", [counts, gaps, positions, coincidences, totals])
def test_fresh_light_gives_the_clicks_of_the_reference(view):
    assert p_value(view(ours()), view(theirs())) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (totals, {"gain": 1.02}),
        (counts, {"pulls": (0.25, 0.0)}),
        (counts, {"pulls": (-0.15, 0.25)}),
        (counts, {"late": 1}),
        (coincidences, {"noise": 0.0}),
        (gaps, {"tau_ps": 12_800.0}),
        (positions, {"sigma_ps": 142.0}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or "-".join(value),
)
def test_mutants_of_the_reference_are_betrayed(view, mutant):
    assert p_value(view(ours()), view(theirs(seed=3, **mutant))) < P_MIN
