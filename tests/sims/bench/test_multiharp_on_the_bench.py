"""A MultiHarp on a bench: bins, jitter, dead time and flaws from its tags."""

from __future__ import annotations

from contextlib import ExitStack, closing
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qkdlab.config.load import load
from qkdlab.station.open import open_station
from qkdlab_experiments.characterisation.programs import pumped
from qkdlab_sims.plugin import open_bench

PERIOD_PS = 12_500
MS = 1_000_000_000
SHARP = (
    "wiring.parts.dot.lifetime_ps=0.0",
    "wiring.parts.laser.pulse_fwhm_ps=1.0",
    *(f"wiring.parts.{d}.jitter_fwhm_ps=0.0" for d in ("d_1", "d_2")),
)
"""Light and diodes that spread tags by less than the tagger does."""


def tags(
    is_lit: bool, duration_ms: int, *overrides: str, **options: Any
) -> list[NDArray[np.int64]]:
    """Return the tags of both diodes through the MultiHarp's driver."""
    told = ", ".join(f"{name}: {value}" for name, value in options.items())
    instrument = f"simulation.instruments={{bob.tagger: {{options: {{{told}}}}}}}"
    config = load("hbt", overrides=[*overrides, instrument])
    with ExitStack() as stack:
        bench = stack.enter_context(closing(open_bench(config, 3)))
        alice, bob = (
            stack.enter_context(open_station(config, party, bench, lambda *_: None))
            for party in ("alice", "bob")
        )
        if is_lit:
            ctx: Any = SimpleNamespace(
                parameters=config.parameters, roles=alice.roles, clock=bench.clock
            )
            stack.enter_context(pumped(ctx))
        tagger = bob.roles["tagger"]
        tagger.start(0, 1e7)
        bench.clock.sleep_until(bench.clock.now_ps() + duration_ms * MS)
        block = tagger.read(duration_ms * MS)
        tagger.stop()
    return [block.t[block.ch == channel] for channel in (0, 1)]


@pytest.mark.parametrize(("bin_ps", "jitter_ps"), [(5, 45.0), (10, 150.0)])
def test_bins_and_jitter_are_recovered_from_tags(bin_ps: int, jitter_ps: float) -> None:
    found = tags(True, 30, *SHARP, bin_ps=bin_ps, jitter_rms_ps=jitter_ps)
    for times in found:
        assert times.size > 5_000
        assert np.gcd.reduce(np.diff(times)) == bin_ps
        turns = np.exp(2j * np.pi * times / PERIOD_PS)
        late = np.angle(turns / turns.mean()) / (2 * np.pi) * PERIOD_PS
        near = late[np.abs(late) < 1_000.0]  # the few others are darks
        assert near.size > 0.99 * times.size
        assert np.std(near) == pytest.approx(jitter_ps, rel=0.04)


DARK = [f"wiring.parts.{d}.dark_rate_hz=2e6" for d in ("d_1", "d_2")]


@pytest.fixture(scope="module")
def sound() -> list[NDArray[np.int64]]:
    return tags(False, 20, *DARK)


def test_dead_time_is_recovered_from_the_shortest_gap(
    sound: list[NDArray[np.int64]],
) -> None:
    for times, whole in zip(tags(False, 20, *DARK, dead_ps=90_000), sound, strict=True):
        # each edge is 45 ps off; the diode alone is dead for 40 ns
        assert np.diff(times).min() == pytest.approx(90_000, abs=400)
        assert np.diff(whole).min() == pytest.approx(40_000, abs=400)
        # the second of two too near is lost, and holds nothing up
        gaps = np.diff(whole)
        assert times.size == pytest.approx(_kept(whole, 90_000), abs=0.01 * gaps.size)


def _kept(times: NDArray[np.int64], dead_ps: int) -> int:
    n, last_ps = 0, -dead_ps
    for t in times.tolist():
        if t - last_ps >= dead_ps:
            n, last_ps = n + 1, t
    return n


def test_missed_pulses_of_a_multiharp_are_recovered_from_rates(
    sound: list[NDArray[np.int64]],
) -> None:
    some = tags(False, 20, *DARK, flaws="{missed: 0.2}")
    for times, whole in zip(some, sound, strict=True):
        assert times.size / whole.size == pytest.approx(0.8, abs=0.01)


def test_crosstalk_of_a_multiharp_is_recovered_from_pairs_of_tags(
    sound: list[NDArray[np.int64]],
) -> None:
    heard = tags(False, 20, *DARK, flaws="{crosstalk: 0.05, crosstalk_ps: 3000}")
    shares = []
    for one, two in (heard, sound):
        at = np.searchsorted(two, one + 2_700)
        next_ps = two[np.minimum(at, two.size - 1)]
        shares.append(np.mean(np.abs(next_ps - one - 3_000) < 300))
    assert shares[0] - shares[1] == pytest.approx(0.05, abs=0.006)
