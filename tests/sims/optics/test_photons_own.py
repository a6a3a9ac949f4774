"""What pulses have of their own, candidate by candidate, and the function behind it."""

from __future__ import annotations

import math

import numpy as np

from qkdlab_sims.optics.exponential._kernels import decay
from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.photons.candidates._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.photons.own._kernels import Own, draw_own, new_own_room
from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS
from qkdlab_sims.optics.rng import philox_words, stream_key

KEYS = np.array([stream_key(1, "laser", "pulses")])
TICK = 7
LAST = PULSES_PER_TICK - 1
NOISE, MEMORY = 0.1, -0.4
LASER = Own(10.0, 20.0, 300, MEMORY)
EDGE = 7 << 32  # counter of the noise of a tick's last pulse, tick as the stream
PULSES = np.array(
    [0, 0, 1, 3, 3, 4, 4, 5, 9, LAST - 1, LAST, LAST + 1, LAST + 1, 70_000]
)


def levels(n):
    return np.random.default_rng(3).integers(0, 1024, n).astype(np.uint32)


def drawn(tick, pulses, level, own=LASER):
    """What the kernel draws."""
    room = new_own_room(len(pulses), own)
    in_ticks = np.bincount(pulses // PULSES_PER_TICK)
    index = np.concatenate([np.arange(n) for n in in_ticks])
    draw_own(
        tick,
        pulses.astype(np.int32),
        index.astype(np.int32),
        level,
        NOISE,
        own,
        KEYS,
        room,
    )
    return room


def plain_energies(tick, pulses, level, former):
    """Energies from w of each pulse, drawn by its first candidate or at the edge."""

    def of_first(values, k):
        return values[np.flatnonzero(pulses == k)[0]]

    def own(k):
        if k % PULSES_PER_TICK == LAST:
            at = tick + k // PULSES_PER_TICK
            return philox_words(KEYS[0], EDGE, 1, stream=at)[0, 0] >> 22
        return of_first(level, k) if k in pulses else of_first(former, k + 1) >> 22

    w = [NOISE_LEVELS[[own(k), own(k - 1)]] for k in pulses]
    return 1 + NOISE * np.array(w) @ [1, MEMORY] / math.hypot(1, MEMORY)


def test_pulses_next_to_each_other_share_noise_across_the_edges_of_ticks_too():
    level = levels(len(PULSES))
    room = drawn(TICK, PULSES, level)
    theirs = plain_energies(TICK, PULSES, level, room.words[2])
    assert np.allclose(room.energies, theirs, rtol=0, atol=1e-12)


def test_nothing_own_depends_on_which_ticks_are_drawn_together():
    level = levels(len(PULSES))
    whole = drawn(TICK, PULSES, level)
    later = PULSES >= PULSES_PER_TICK
    alone = drawn(TICK + 1, PULSES[later] - PULSES_PER_TICK, level[later])
    assert np.array_equal(whole.energies[later], alone.energies)
    assert np.array_equal(whole.late_ps[later], alone.late_ps)


def test_photons_of_a_pulse_share_its_jitter_and_come_in_order():
    own = Own(300.0, 100.0, 3_000, 0.0)
    pulses = np.repeat(np.arange(0, 60_000, 2), 2)
    late_ps = drawn(TICK, pulses, levels(60_000), own).late_ps.reshape(-1, 2)
    assert np.all(late_ps[:, 0] <= late_ps[:, 1])
    assert abs(np.mean(late_ps) - 3_000) < 5 * 300 / math.sqrt(30_000)
    spread = np.var(late_ps.mean(axis=1)), np.mean(np.diff(late_ps, axis=1) ** 2)
    # of the mean of two, and of their difference
    assert np.allclose(spread, (300**2 + 100**2 / 2, 2 * 100**2), rtol=0.04)


def test_single_photons_have_jitter_and_place_in_the_pulse_together():
    own = Own(300.0, 400.0, 5_000, 0.0)
    late_ps = drawn(TICK, np.arange(0, 60_000, 2), levels(30_000), own).late_ps
    assert abs(np.mean(late_ps) - 5_000) < 5 * 500 / math.sqrt(30_000)
    assert abs(np.std(late_ps) / 500 - 1) < 0.02


@kernel
def fill_decay(x, out):
    """Fill `out`, in vector code."""
    for i in range(x.shape[0]):
        out[i] = decay(x[i])


def test_decay_is_the_exponential_function_to_two_units_in_the_last_place():
    rng = np.random.default_rng(1)
    x = np.concatenate((rng.exponential(3.0, 5_000), np.linspace(0, 700, 5_000), [0.0]))
    out = np.empty_like(x)
    fill_decay(x, out)
    assert np.allclose(out, [math.exp(-v) for v in x], rtol=2 * 2.2e-16, atol=0)
    assert out[-1] == 1.0
    fill_decay(np.array([1e12]), out)
    assert 0 < out[0] < 1e-300
