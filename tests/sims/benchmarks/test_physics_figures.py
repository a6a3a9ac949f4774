"""The models that `qkdlab benchmark physics` times are models of one link."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.benchmarks.link import PERIOD_PS, SHARES, Link
from qkdlab_sims.benchmarks.naive._kernels import aes_settings, philox_settings
from qkdlab_sims.benchmarks.naive.model import naive_link
from qkdlab_sims.benchmarks.physics import clicks_per_s
from qkdlab_sims.optics.rng import philox_words, stream_key
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw

PULSES = np.array([3, 9, 10, 4711, 65_535], np.int32)
INTENSITY = [setting >> 2 for setting in range(12)]
GENERATOR = CounterSettings(bytes(range(16)), 1, SHARES)


@pytest.mark.parametrize(
    ("loss_db", "diodes", "plain"),
    [
        (10.0, False, False),
        (20.0, False, True),
        (10.0, True, False),
        (10.0, True, True),
    ],
)
def test_the_naive_model_counts_what_the_engine_counts(loss_db, diodes, plain):
    n_pulses = 4_000_000
    link = Link(loss_db, diodes=diodes, plain=plain)
    expected = clicks_per_s(link) * n_pulses * PERIOD_PS * 1e-12
    found = naive_link(link)(n_pulses)
    # the engine's own noise is no larger, and bunching widens neither by half
    assert abs(found - expected) < 6 * math.sqrt(2 * expected)
    assert abs(found - 1.1 * expected) > 6 * math.sqrt(2 * expected)


@pytest.mark.parametrize("n_lags", [0, 2])
def test_settings_by_aes_are_those_of_the_law(n_lags):
    law = ContextLaw.of(GENERATOR, [INTENSITY] * n_lags)
    out = np.empty(len(PULSES), np.int32)
    aes_settings(2, PULSES, law.record(0), out)
    assert out.tolist() == law.contexts(PULSES + (1 << 16)).tolist()


@pytest.mark.parametrize("n_lags", [0, 2])
def test_settings_by_philox_follow_the_same_shares(n_lags):
    key = stream_key(1, "test", "settings")
    bounds = GENERATOR.sums.astype(np.int32)
    out = np.empty(len(PULSES), np.int32)
    philox_settings(2, PULSES, key, bounds, n_lags, out)

    def setting(pulse):
        word = int(philox_words(key, pulse, 1)[0, 0]) >> 16
        return 2 * int(np.searchsorted(bounds, word >> 1, side="right")) + (word & 1)

    for pulse, found in zip((PULSES + (1 << 16)).tolist(), out.tolist(), strict=True):
        before = [setting(pulse - lag) >> 2 for lag in range(1, n_lags + 1)]
        history = sum(label * 3**i for i, label in enumerate(before))
        assert found == setting(pulse) + 12 * history
