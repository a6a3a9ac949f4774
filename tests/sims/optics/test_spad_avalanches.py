"""Numbers of avalanches drawn in blocks: those that each one alone would get."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from spad_bench import TICK_PS, kernel_clicks, photons

from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import numbers, unit
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.spad.avalanches._kernels import (
    BLOCK,
    ROOM,
    draw_carriers,
    draw_lateness,
    draw_words,
)
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.record import diode_records
from qkdlab_sims.optics.spad.traps import Trap

DETECTOR = 2
KEYS = np.array([stream_key(4, "diode", "clicks")])
SPAD = Spad(
    efficiency=0.25,
    dark_rate_hz=0.0,
    dead_time_ps=100_000,
    traps=(Trap(0.1, 100_000.0), Trap(0.05, 800_000.0)),
    tail_fraction=0.1,
    tail_ps=300.0,
    walk_ps=90.0,
)
LEAVES_MANY = replace(SPAD, traps=(Trap(20.0, 20_000.0), Trap(0.3, 1e6)))
BEFORE_2_TO_32 = (1 << 32) - 100
"""The block goes across the end of the lower half of an avalanche's number."""


def words_alone(avalanche, use):
    low, high = avalanche & 0xFFFFFFFF, avalanche >> 32
    label = np.uint64((use << 8) + DETECTOR)
    return [np.uint64(word) for word in numbers(low, label, high, KEYS, 0)]


def words_of(first):
    words = np.empty((4, BLOCK), np.uint32)
    draw_words(first, DETECTOR, KEYS[0, 0], KEYS[0, 1], words)
    return words


def carriers_of(spad, first):
    """Carriers of the block as (avalanche, wait), and how many avalanches it has."""
    record = diode_records([spad], [0], TICK_PS)[0]
    listed, log_wait = np.empty((3, ROOM + 1), np.uint32), np.empty(ROOM + 1)
    wait_ps, words = np.empty(ROOM + 1, np.int64), words_of(first)
    n = draw_carriers(
        record,
        first,
        DETECTOR,
        KEYS[0, 0],
        KEYS[0, 1],
        words[3],
        listed,
        log_wait,
        wait_ps,
    )
    owner = listed[0].tolist()
    end = owner.index(BLOCK)
    return list(zip(owner[:end], wait_ps.tolist(), strict=False)), n


def carriers_alone(spad, avalanche):
    """Waits of the carriers that one avalanche leaves for after the hold-off."""
    mean = sum(trap.mean for trap in spad.traps)
    u, chance, n, waits = unit(words_alone(avalanche, 16)[3]), math.exp(-mean), 0, []
    below = chance
    while u >= below:
        n += 1
        chance *= mean / n
        below += chance
        a, b, _, _ = words_alone(avalanche, 17 + (n << 8))
        is_second = unit(a) >= spad.traps[0].mean / mean
        waits.append(int(-spad.traps[is_second].tau_ps * math.log(unit(b))))
    return [w for w in waits if spad.paralysable or w >= spad.dead_time_ps]


@pytest.mark.parametrize("first", [0, 77, BEFORE_2_TO_32])
def test_words_of_a_block_are_keyed_by_the_number_of_the_avalanche(first):
    alone = [words_alone(first + i, 16) for i in range(BLOCK)]
    assert words_of(first).T.tolist() == alone


@pytest.mark.parametrize("first", [0, 77, BEFORE_2_TO_32])
@pytest.mark.parametrize("paralysable", [False, True])
@pytest.mark.parametrize("spad", [SPAD, LEAVES_MANY])
def test_carriers_of_a_block_are_those_of_its_avalanches(spad, paralysable, first):
    spad = replace(spad, paralysable=paralysable)
    found, n = carriers_of(spad, first)
    waits = [carriers_alone(spad, first + i) for i in range(n)]
    assert found == [(i, wait) for i, some in enumerate(waits) for wait in some]


def test_a_block_whose_carriers_need_more_room_is_shorter():
    assert carriers_of(SPAD, 0)[1] == BLOCK
    assert 1 <= carriers_of(LEAVES_MANY, 0)[1] < BLOCK


def test_lateness_is_jitter_tail_and_walk():
    record = diode_records([SPAD], [0], TICK_PS)[0]
    words, shift_ps = words_of(5), np.empty(BLOCK)
    since_ps = np.arange(BLOCK) * 1_000
    draw_lateness(record, words, since_ps, np.empty((3, BLOCK)), shift_ps)
    for i in range(BLOCK):
        a, b, c, _ = words_alone(5 + i, 16)
        expected = SPAD.jitter_sigma_ps() * gauss(a, b)
        if unit(c) < SPAD.tail_fraction:
            expected -= SPAD.tail_ps * math.log(unit(c) / SPAD.tail_fraction)
        expected += SPAD.walk_ps * math.exp(-since_ps[i] / SPAD.walk_tau_ps)
        assert shift_ps[i] == pytest.approx(expected, abs=1e-9)


def test_tags_are_sorted_though_jitter_exceeds_the_hold_off():
    spad = replace(SPAD, dead_time_ps=400, jitter_fwhm_ps=900.0, walk_ps=0.0, traps=())
    light = photons(0.2, 3, 5)
    tags = kernel_clicks(spad, np.repeat(light, 2) + [0, 500] * len(light), 3, 1)
    again = replace(spad, jitter_fwhm_ps=0.0, tail_fraction=0.0)
    clicks = kernel_clicks(again, np.repeat(light, 2) + [0, 500] * len(light), 3, 1)
    assert len(tags) == len(clicks)
    assert (np.diff(tags) >= 0).all()
    assert np.diff(tags).min() < spad.dead_time_ps
