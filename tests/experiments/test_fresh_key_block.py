"""Fresh settings: the plan's shares, the generator's settings, the first light."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import CounterPattern, basis_of, intensity_of
from qkdlab.randomness import SeededRandomness
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.frame import assumptions, block_plan, shares, typical_frame
from qkdlab_experiments.fresh_parameters import FreshBb84Parameters
from qkdlab_experiments.key_pattern import FreshKey, new_pattern
from qkdlab_experiments.key_slots import frames_of_flight
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.layout import Shares

FIELDS = {
    "duration_s": 0.01,
    "intensities": {
        "signal": {"mean_photon_number": 0.5, "probability": 0.4},
        "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
        "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
    },
    "detection": {"bias_ua": [22.0] * 4, "gate_ps": 600},
}
P = FreshBb84Parameters.model_validate(FIELDS)
ALICE = SeededRandomness(1, "alice")
FRAME = P.frame_ps


def test_the_plan_counts_what_the_generators_law_makes_of_a_frame():
    plan = block_plan(P, "demonstration")
    assert plan.header_symbols == 0
    assert sum(plan.composition) == plan.symbols == 65_536
    by_class = np.array(shares(P)).reshape(3, 2).T.reshape(-1)
    assert plan.composition == tuple((2 * by_class).tolist())


def test_settings_drawn_are_as_often_as_the_plan_says():
    pattern = new_pattern(P, ALICE, 0)
    n = 1 << 20
    drawn = pattern.source(P, {"first_pulse": 0}).settings(np.arange(n))
    counts = np.bincount(3 * basis_of(drawn) + intensity_of(drawn), minlength=6)
    expected = np.array(block_plan(P, "lab").composition) * (n / 65_536)
    chi_squared = float(np.sum((counts - expected) ** 2 / expected))
    assert chi_squared < 26  # five degrees of freedom, p > 1e-4


def test_a_typical_frame_has_the_plans_classes():
    frame = typical_frame(P)
    counts = np.bincount(3 * basis_of(frame) + intensity_of(frame), minlength=6)
    assert tuple(counts.tolist()) == block_plan(P, "lab").composition


def test_alice_and_the_simulated_board_make_the_same_settings():
    pattern = new_pattern(P, ALICE, 3)
    secret = pattern.on_record().tobytes()
    board = CounterSettings(
        secret[:16], int.from_bytes(secret[16:], "big"), Shares(shares(P))
    )
    first = 7 * 65_536
    slots = np.array([0, 1, 12_345, 10**10], np.int64)
    mine = pattern.source(P, {"first_pulse": first}).settings(slots)
    np.testing.assert_array_equal(mine, board.settings(slots + first))


def test_every_block_has_a_key_of_its_own():
    secrets = {new_pattern(P, ALICE, k).on_record().tobytes() for k in range(8)}
    assert len(secrets) == 8


def test_the_key_shows_in_no_repr():
    pattern = new_pattern(P, ALICE, 0)
    assert repr(pattern) == "FreshKey()"
    assert repr(pattern.source(P, {"first_pulse": 0})) == "CounterPattern()"


@pytest.mark.parametrize("first", [-65_536, 1, 65_535.5, 1e300, None, "0", True])
def test_a_pulse_with_which_no_block_begins_is_refused(first):
    with pytest.raises(SecurityAbort) as caught:
        new_pattern(P, ALICE, 0).source(P, {"first_pulse": first})
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


def test_a_block_that_was_not_sent_whole_is_told():
    pattern = FreshKey(np.zeros(24, np.uint8), P)
    pattern.source(P, {"first_pulse": 65_536})
    wanted = 65_536 + P.n_frames * 65_536
    told = {}
    for sent, is_whole in ((wanted, True), (wanted - 1, False)):
        transmitter = SimpleNamespace(stop=lambda: None, pulse_count=lambda n=sent: n)
        recorder = SimpleNamespace(result=told.__setitem__)
        ctx = SimpleNamespace(roles={"transmitter": transmitter}, recorder=recorder)
        if is_whole:
            pattern.end(ctx)
            continue
        with pytest.raises(SecurityAbort) as caught:
            pattern.end(ctx)
        assert caught.value.code is AbortCode.COVERAGE_GAP
    assert told == {"pulses_sent": wanted - 1}


def test_settings_that_never_repeat_are_assumed_independent():
    found = {a.name: a.status for a in assumptions(P, ALICE, (0.0, 0.01))}
    assert found["independent settings"] == "assumed"


@pytest.mark.parametrize("symbols", [65_535, 80_000, 16_384])
def test_a_frame_is_a_power_of_two(symbols):
    with pytest.raises(ValidationError):
        FreshBb84Parameters.model_validate({**FIELDS, "pattern": {"symbols": symbols}})


# ---- the first light --------------------------------------------------------------


def arrivals(first_frame: int, rate_hz: float, dark_hz: float = 400.0, seed: int = 2):
    rng = np.random.default_rng(seed)
    offset, n_frames = 41_000_000, 1500
    end = n_frames * FRAME
    lit = first_frame * FRAME + offset
    light = rng.uniform(lit, end, rng.poisson(rate_hz * (end - lit) * 1e-12))
    dark = rng.uniform(0, end, rng.poisson(dark_hz * end * 1e-12))
    t = np.sort(np.concatenate([light, dark])).astype(np.int64)
    block = TagBlock(t, np.zeros(t.size, np.uint8), 0, end)
    offsets = (offset, offset + 617, offset + 956, offset + 366)
    return [block], SyncFit(0.0, 0.0, offsets, (60.0,) * 4, 0.0, 0.0)


@pytest.mark.parametrize("frames", [0, 1, 5, 200])
@pytest.mark.parametrize("rate_hz", [5e5, 3e6])
def test_the_first_lit_frame_is_the_frames_of_flight(frames, rate_hz):
    blocks, fit = arrivals(frames, rate_hz)
    assert frames_of_flight(blocks, fit, FRAME) == frames


def test_light_too_dim_to_show_its_beginning_is_told():
    blocks, fit = arrivals(5, 1e5)
    with pytest.raises(SecurityAbort) as caught:
        frames_of_flight(blocks, fit, FRAME)
    assert caught.value.code is AbortCode.SYNC_LOST


def test_light_that_begins_twice_is_told():
    (one,), fit = arrivals(5, 1e6)
    gap = (one.t < 20 * FRAME) | (one.t > 30 * FRAME)
    block = TagBlock(one.t[gap].copy(), one.ch[gap].copy(), 0, one.t_end)
    with pytest.raises(SecurityAbort):
        frames_of_flight([block], fit, FRAME)


def test_counter_patterns_can_begin_later():
    whole = CounterPattern(bytes(16), bytes(8), shares(P))
    late = CounterPattern(bytes(16), bytes(8), shares(P), first_pulse=1003)
    slots = np.arange(100)
    np.testing.assert_array_equal(late.settings(slots), whole.settings(slots + 1003))
