"""Flaws of the bench's tagger, found again in its tags."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_bench import ByHand

from qkdlab.config.load import load
from qkdlab.errors import ConfigError
from qkdlab.station.open import open_station
from qkdlab_sims.instruments.picoquant_multiharp.device import Device
from qkdlab_sims.instruments.tagger_inputs.flaws import flawed
from qkdlab_sims.plugin import open_bench

FRAME_PS = 80_000_000


def bench(db: float = 40.0, **options: Any) -> ByHand:
    """A tagger with these options under constant light, ready to record."""
    made = ByHand(
        instruments={
            "bob.tagger": {"options": options},
            "channel.attenuator": {"options": {"homed": True}},
        }
    )
    made.bias([22.0] * 4)
    made.play(np.full(8000, 0.8), np.full(8000, 0.2))
    made.light(db)
    made.prepare_tags()
    return made


def tags(duration_s: float = 0.15, db: float = 40.0, **flaws: Any) -> list[NDArray]:
    """Return times by input, in the tagger's own time."""
    made = bench(db, **({"flaws": flaws} if flaws else {}))
    found = []
    for pair in made.tags(duration_s):
        since, index = pair[:, 0].astype(np.int64), pair[:, 1].astype(np.int64)
        found.append(np.sort(since + index * FRAME_PS))
    return found


def phase(times: NDArray[np.int64], period_ps: int = 10_000) -> float:
    """Return the mean position of tags in the pulse period."""
    turns = np.exp(2j * np.pi * times / period_ps)
    return float(np.angle(turns.mean()) / (2 * np.pi) * period_ps % period_ps)


@pytest.fixture(scope="module")
def sound() -> list[NDArray]:
    return tags()


def test_a_tagger_told_of_no_flaws_has_none(sound: list[NDArray]) -> None:
    again = tags(crosstalk=0.0)
    assert all(np.array_equal(a, b) for a, b in zip(sound, again, strict=True))


def test_skew_moves_the_tags_of_its_input(sound: list[NDArray]) -> None:
    skewed = tags(skew_ps=[0, 0, 700, 0, 0])
    moved = [phase(s) - phase(t) for s, t in zip(skewed, sound, strict=True)]
    assert moved == pytest.approx([0.0, 700.0, 0.0, 0.0], abs=5.0)


def followed(times: list[NDArray], a: int, b: int, late_ps: int) -> float:
    """Return how many tags of one input are followed so late by one of another."""
    wanted = times[a] + late_ps
    at = np.searchsorted(times[b], wanted - 300)
    next_ps = times[b][np.minimum(at, times[b].size - 1)]
    return float(np.mean(np.abs(next_ps - wanted) < 300))


def test_crosstalk_is_recovered_from_pairs_of_tags(sound: list[NDArray]) -> None:
    heard = tags(crosstalk=0.02, crosstalk_ps=3000)
    for a, b in ((0, 1), (2, 3)):
        share = followed(heard, a, b, 3000) - followed(sound, a, b, 3000)
        noise = (0.03 / heard[a].size) ** 0.5
        assert share == pytest.approx(0.02, abs=5 * noise)


def test_missed_pulses_are_recovered_from_rates(sound: list[NDArray]) -> None:
    some = tags(missed=0.2)
    n, all_of = (sum(t.size for t in times) for times in (some, sound))
    assert n / all_of == pytest.approx(0.8, abs=4 / n**0.5)


def test_the_rate_of_a_full_link_is_recovered_from_tags_and_its_losses_are_told(
    sound: list[NDArray],
) -> None:
    made = bench(link_rate_hz=20_000.0)
    kept = [len(pair) for pair in made.tags(0.15)]
    all_of = [times.size for times in sound]
    lost = [int(made.say("control", f"RAW{n}:ERRORS?")) for n in (1, 2, 3, 4)]
    fullest = int(np.argmax(all_of))
    assert all_of[fullest] > 5000
    # blocks of 10 ms
    assert kept[fullest] == pytest.approx(0.15 * 20_000.0, abs=200)
    assert [k + gone for k, gone in zip(kept, lost, strict=True)] == all_of


@pytest.mark.parametrize(
    ("is_external", "lock_hz", "least_ps", "most_ps"),
    [
        # by itself, whatever the loop: 5 ppm in a second are a microsecond or more
        (False, 0.0, 3e5, 3e7),
        (False, 10.0, 3e5, 3e7),
        (True, 0.0, 0, 0),
        # the loop leaves some 5 ppm sqrt(1/w) / w, w = 63 /s: 10 ns
        (True, 10.0, 100, 1e5),
    ],
)
def test_a_clock_wanders_as_far_as_its_reference_lets_it(
    is_external: bool, lock_hz: float, least_ps: float, most_ps: float
) -> None:
    _, course = flawed(
        {"walk_ppm_per_sqrt_s": 5.0, "lock_hz": lock_hz}, 5, np.random.default_rng(1)
    )
    device = Device(
        [], bin_ps=1, offset_ppm=0.0, jitter_rms_ps=0.0, fifo_records=1, course=course
    )
    device.is_external = is_external
    t_ps = np.arange(0, 2_000_000_000_000, 1_000_000_000)
    off_ps = np.abs(device.time_base.bins(t_ps) - t_ps).max()
    assert least_ps <= off_ps <= most_ps


def test_flaws_that_no_tagger_has_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)bob.tagger.*colour"):
        tags(colour="red")


def test_what_a_buffer_holds_is_recovered_from_tags_before_it_overran() -> None:
    """A MultiHarp nobody reads: its buffer has the first tags and no later ones."""
    dark = [f"wiring.parts.{d}.dark_rate_hz=2e5" for d in ("d_1", "d_2")]
    options = "simulation.instruments={bob.tagger: {options: {fifo_records: 4000}}}"
    config = load("hbt", overrides=[*dark, options])
    with (
        closing(open_bench(config, 3)) as sim,
        open_station(config, "bob", sim, lambda *_: None) as station,
    ):
        tagger = station.roles["tagger"]
        tagger.start(0, 1e6)
        sim.clock.sleep_until(sim.clock.now_ps() + 100_000_000_000)
        block = tagger.read(50_000_000_000)
    ((lost_ps, end_ps),) = block.lost
    assert lost_ps < 0.02e12 < end_ps
    assert block.t.max() <= lost_ps
    # every 2^25 bins of 5 ps there is a record without a tag
    wraps = lost_ps // (5 << 25)
    assert block.t.size + wraps == pytest.approx(4000, abs=1)
