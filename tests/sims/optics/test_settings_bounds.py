"""Contexts are written for the pulses asked for, in arrays of any length."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab_sims.optics.settings._kernels import fill_contexts
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares


@pytest.mark.parametrize("labels", [(), ([0, 1] * 6,)])
@pytest.mark.parametrize("n", [0, 1, 7, 100])
def test_what_lies_beyond_the_pulses_is_left_alone(labels, n):
    settings = CounterSettings(
        bytes(16), 1, Shares((20000, 2768, 5000, 2000, 2000, 1000))
    )
    law = ContextLaw.of(settings, labels).record(0)
    pulses = np.arange(n, dtype=np.int32) * 5
    short, long = np.full(n, -7, np.int32), np.full(n + 50, -7, np.int32)
    fill_contexts(1 << 16, pulses, law, short)
    fill_contexts(1 << 16, pulses, law, long)
    np.testing.assert_array_equal(long[:n], short)
    assert np.all(long[n:] == -7)
