"""Kernels that draw and mark candidates, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab_sims.optics.interference.candidates._kernels import draw_powers, share_marks
from qkdlab_sims.optics.philox._kernels import log_unit, unit
from qkdlab_sims.optics.photons.candidates._kernels import (
    PULSES_PER_TICK,
    STEP,
    draw_marked,
)
from qkdlab_sims.optics.rng import philox_words, stream_key

KEYS = np.array([stream_key(1, "candidates", str(k)) for k in range(3)])
TICK = (3 << 32) + 7
DROPPED = np.uint64(22)


def plain_candidates(n, bound, offset):
    """Pulses, picks, chances and marks of the first `n` candidates in the tick."""
    words = philox_words(KEYS[0], 0, n, stream=TICK)
    gaps = [-log_unit(np.uint64(w)) / bound for w in words[:, 0]]
    place = np.cumsum(gaps)
    inside = place < PULSES_PER_TICK
    pick, chance = ([unit(np.uint64(w)) for w in words[:, k]] for k in (1, 2))
    pulse = place.astype(np.int64) + offset
    found = pulse, np.array(pick) * bound, np.array(chance), words[:, 3] >> 22
    return [values[inside] for values in found]


@pytest.mark.parametrize("room", [STEP, 256])
def test_candidates_are_the_sums_of_exponential_gaps(room):
    bound, offset = 0.003, 5
    pulse, mark = np.empty(1024, np.int32), np.empty(1024, np.uint32)
    pick, chance = np.empty(1024), np.empty(1024)
    gaps, words = np.empty(room), np.empty((3, room), np.uint32)
    n = draw_marked(
        TICK, offset, bound, KEYS, gaps, words, DROPPED, pulse, pick, chance, mark
    )
    expected = plain_candidates(1024, bound, offset)
    for drawn, plain in zip((pulse, pick, chance, mark), expected, strict=True):
        assert np.array_equal(drawn[:n], plain)


def shared(pulse):
    """Return mark and more of candidates, first drawn, then shared."""
    n = len(pulse)
    drawn = philox_words(KEYS[0], 0, n, stream=TICK)[:, 3].copy()
    mark, more = drawn.copy(), np.empty(n, np.uint8)
    words = np.empty(n // 4 + 4, np.uint32)
    share_marks(TICK, pulse, KEYS, words, mark, more)
    return drawn, mark, more


def test_candidates_of_a_pulse_share_the_marks_of_its_first():
    pulse = np.sort(np.random.default_rng(2).integers(0, 500, 1003)).astype(np.int32)
    drawn, mark, more = shared(pulse)
    n_blocks = len(pulse) // 16 + 1
    lots = philox_words(KEYS[1], 0, n_blocks, stream=TICK).astype("<u4").view(np.uint8)
    first = np.searchsorted(pulse, pulse)
    assert np.array_equal(mark, drawn[first])
    assert np.array_equal(more, lots.ravel()[first])


def test_bits_of_marks_are_even_and_independent():
    n = 40_000
    _, mark, more = shared(np.arange(n, dtype=np.int32))
    whole = mark.astype(np.uint64) << np.uint64(8) | more
    signs = 1.0 - 2.0 * (
        whole[:, None] >> np.arange(40, dtype=np.uint64) & np.uint64(1)
    )
    # every bit, every pair of bits, and every bit with those of the next pulse
    single = signs.sum(axis=0)
    pairs = (signs.T @ signs)[np.triu_indices(40, 1)]
    onward = (signs[1:].T @ signs[:-1]).ravel()
    for sums in (single, pairs, onward):
        low, high = chi2.interval(1 - 2e-4, sums.size)
        assert low < (sums**2).sum() / n < high


@pytest.mark.parametrize("thermal", [(True, True), (True, False), (False, True)])
def test_powers_of_thermal_lights_are_those_of_their_pulses(thermal):
    first, pulse = (5 << 32) - 2, np.array([0, 1, 1, 2, 9], np.int32)
    kept = np.array([0, 2, 3, 4], np.int32)
    out = np.tile([2.0, 3.0, 5.0, 7.0], 4)
    draw_powers(first, pulse, kept, KEYS, thermal, out)
    for j, k in enumerate(pulse[kept]):
        words = philox_words(KEYS[2], first + int(k), 1)[0]
        power = [-log_unit(np.uint64(w)) for w in words[:2]]
        a, b = (p if hot else 1.0 for p, hot in zip(power, thermal, strict=True))
        both = np.sqrt(a * b)
        plain = [2 * a, 3 * b, 5 * both, 7 * both]
        assert out[4 * j : 4 * j + 4] == pytest.approx(plain, rel=1e-14)
