"""Slots without a header: the place is known, the time base and phases are found."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import fit_sync_at

SLOT, N = 1000, 65_536
FRAME = SLOT * N
DELAYS = (0, 617, 956, 366)
ARRIVAL = 41_017_320


def tags(ppm: float = 0.0, n: int = 60_000, jitter_ps: float = 60.0) -> TagBlock:
    rng = np.random.default_rng(3)
    ch = rng.choice(4, n, p=[0.4, 0.4, 0.1, 0.1]).astype(np.uint8)
    slot = rng.integers(0, N, n)
    arrival = rng.integers(0, 700, n) * FRAME + slot * SLOT + ARRIVAL
    arrival = arrival + np.array(DELAYS)[ch] + rng.normal(0, jitter_ps, n)
    reference = np.floor(arrival / FRAME)
    since = (arrival - reference * FRAME) * (1 + ppm * 1e-6)
    t = np.rint(reference * FRAME + since).astype(np.int64)
    order = np.argsort(t, kind="stable")
    return TagBlock(t[order], ch[order], 0, 702 * FRAME)


def fit(block: TagBlock, off_ps: float = 0.0):
    known = [ARRIVAL + off_ps + delay for delay in DELAYS]
    return fit_sync_at([block], reference_ps=FRAME, slot_ps=SLOT, arrival_ps=known)


@pytest.mark.parametrize("ppm", [-10.0, 0.0, 10.0])
@pytest.mark.parametrize("off_ps", [-350.0, 0.0, 350.0])
def test_offsets_are_found_next_to_the_known_ones(ppm, off_ps):
    found = fit(tags(ppm), off_ps)
    wanted = [ARRIVAL + delay for delay in DELAYS]
    assert found.offset_ps == pytest.approx(wanted, abs=10)
    assert found.stretch == pytest.approx(-ppm * 1e-6, abs=3e-7)


def test_an_arrival_off_by_a_slot_gives_the_wrong_slot():
    found = fit(tags(), 1000.0)
    assert found.offset_ps[0] == pytest.approx(ARRIVAL + 1000, abs=10)


def test_light_without_a_phase_is_told():
    with pytest.raises(SecurityAbort) as caught:
        fit(tags(jitter_ps=2000.0))
    assert caught.value.code is AbortCode.SYNC_LOST
