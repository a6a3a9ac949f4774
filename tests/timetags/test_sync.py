"""The slots are found from tags alone, whatever the clock, phase and delay."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import fit_sync

N, SLOT = 80_000, 10_000
FRAME = N * SLOT
DELAYS = (0, 310, 740, 150)


def header(seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([1, -1], np.int8), 512)


def tags(
    *,
    ppm: float,
    first: int,
    phase: int,
    seed: int = 1,
    n: int = 200_000,
    head=None,
    delays: tuple[int, ...] = DELAYS,
) -> TagBlock:
    """Draw clicks of a cyclic pattern whose frame opens with the header."""
    rng = np.random.default_rng(seed)
    bright = rng.choice([1.0, 0.4, 0.004], N, p=[0.4, 0.4, 0.2])
    head = header() if head is None else head
    bright[: head.size] = np.where(head > 0, 1.0, 0.004)
    symbol = rng.choice(N, n, p=bright / bright.sum())
    frame = rng.integers(0, 125, n)
    ch = rng.choice(4, n, p=[0.4, 0.4, 0.1, 0.1]).astype(np.uint8)
    jitter = rng.normal(0, 21, n)
    arrival = (
        frame * FRAME + (symbol + first) * SLOT + phase + np.array(delays)[ch] + jitter
    )
    dark = rng.uniform(0, 126 * FRAME, 300)
    arrival = np.concatenate([arrival, dark])
    ch = np.concatenate([ch, rng.integers(0, 4, 300).astype(np.uint8)])
    reference = np.floor(arrival / FRAME)
    since = (arrival - reference * FRAME) * (1 + ppm * 1e-6)
    t = np.rint(reference * FRAME + since).astype(np.int64)
    order = np.argsort(t, kind="stable")
    return TagBlock(t[order], ch[order], 0, 128 * FRAME)


def fit(block: TagBlock, **more):
    options = {"reference_ps": FRAME, "slot_ps": SLOT, "n_channels": 4}
    return fit_sync([block], **options, header=more.pop("header", header()), **more)


@pytest.mark.parametrize("ppm", [-20.0, -3.0, 0.0, 7.0, 20.0])
def test_the_time_base_is_found_to_a_few_parts_in_1e8(ppm: float) -> None:
    found = fit(tags(ppm=ppm, first=12_250, phase=3210))
    assert found.stretch == pytest.approx(1 / (1 + ppm * 1e-6) - 1, abs=3e-8)


@pytest.mark.parametrize(("first", "phase"), [(12_250, 60), (0, 9_950), (79_990, 5000)])
def test_the_first_symbol_is_found_for_every_channel(first: int, phase: int) -> None:
    found = fit(tags(ppm=3.0, first=first, phase=phase))
    for channel, delay in enumerate(DELAYS):
        want = first * SLOT + phase + delay
        error = (found.offset_ps[channel] - want + FRAME // 2) % FRAME - FRAME // 2
        assert abs(error) < 30


@pytest.mark.parametrize(
    "delays",
    [
        (0, 4_900, 740, 150),  # a metre of fibre more
        (0, 6_000, 740, 150),
        (0, 12_000, 740, 150),
        (0, 2_500, 5_000, 7_500),  # all phases of the slot
        (0, 35_310, 20_740, 7_150),
        (0, 0, 100_000, 0),
        (250_000, 0, 0, 0),
    ],
)
def test_detectors_may_be_slots_apart(delays: tuple[int, ...]) -> None:
    found = fit(tags(ppm=20.0, first=100, phase=3210, delays=delays))
    for channel, delay in enumerate(delays):
        assert abs(found.offset_ps[channel] - 100 * SLOT - 3210 - delay) < 30
    assert found.stretch == pytest.approx(1 / (1 + 2e-5) - 1, abs=3e-8)


def test_dim_light_leaves_detectors_where_they_are_near_each_other() -> None:
    found = fit(tags(ppm=3.0, first=100, phase=3210, n=50_000))
    for channel, delay in enumerate(DELAYS):
        assert abs(found.offset_ps[channel] - 100 * SLOT - 3210 - delay) < 30


def test_the_error_of_the_time_base_is_of_the_size_that_is_stated() -> None:
    pulls = []
    for seed in range(20):
        found = fit(tags(ppm=7.0, first=100, phase=3210, seed=seed, n=60_000))
        pulls.append((found.stretch - 1 / (1 + 7e-6) + 1) / found.stretch_error)
    assert 0.4 < np.std(pulls) < 1.5
    assert max(np.abs(pulls)) < 4


def test_the_jitter_is_measured() -> None:
    found = fit(tags(ppm=3.0, first=100, phase=5000))
    assert found.jitter_ps[0] == pytest.approx(21, abs=4)


def test_another_header_is_refused() -> None:
    block = tags(ppm=0.0, first=100, phase=5000)
    with pytest.raises(SecurityAbort) as caught:
        fit(block, header=header(6))
    assert caught.value.code is AbortCode.SYNC_LOST


def test_dark_counts_alone_are_refused() -> None:
    rng = np.random.default_rng(1)
    t = np.sort(rng.integers(0, 125 * FRAME, 5000))
    ch = rng.integers(0, 4, 5000).astype(np.uint8)
    with pytest.raises(SecurityAbort) as caught:
        fit(TagBlock(t, ch, 0, 125 * FRAME))
    assert caught.value.code is AbortCode.SYNC_LOST


def test_too_few_clicks_are_refused() -> None:
    empty = TagBlock(np.zeros(0, np.int64), np.zeros(0, np.uint8), 0, FRAME)
    with pytest.raises(SecurityAbort, match="too few"):
        fit(empty)
