"""Light that an avalanche sends back, found in the tags of a diode that watches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_bench import ByHand

from qkdlab.calibration.measured import Measured
from qkdlab.errors import ConfigError
from qkdlab_experiments.characterisation.backflash import backflash_figures

DIODE = {
    "kind": "spad",
    "owner": "bob",
    "efficiency": 0.25,
    "dark_rate_hz": 100.0,
    "dead_time_ps": 1_000_000,
    "jitter_fwhm_ps": 50.0,
}
FLASHES = {"probability": 0.08, "delay_ps": 900, "decay_ps": 2_500.0}
FLASHING = DIODE | {"backflash": FLASHES}
MIXER = {"kind": "beam_splitter", "owner": "bob", "x_fraction": 0.5}
CIRCULATOR = {"kind": "circulator", "owner": "bob", "loss_db": 0.8}
DIODES = dict.fromkeys(("d_x0", "d_x1", "d_z0", "d_z1"), DIODE)
WATCHED = {
    "circulator.in": {"from": "pbs_x.h"},
    "d_x0.in": {"from": "circulator.out", "delay_ps": 30_000, "loss_db": 0.2},
    "d_z1.in": {"from": "circulator.back", "delay_ps": 50_000, "loss_db": 0.5},
}
"""The fourth diode sees what comes back from the first, 80 ns later."""
TO_OBSERVER = 0.25 * 10 ** (-0.15)
TAPPED = {
    "circulator.in": {"from": "eve.out"},
    "receiver_loss.in": {"from": "circulator.out"},
    "d_z1.in": {"from": "circulator.back", "delay_ps": 50_000},
}
"""It stands in the channel, and sees what leaves the receiver."""
FRAME_PS = 800_000_000


def bench(parts: dict[str, Any], cables: dict[str, Any] = WATCHED) -> ByHand:
    changes = DIODES | {"circulator": CIRCULATOR} | parts
    return ByHand(parts=changes, cables=cables, spread={})


def tags(made: ByHand, step_s: float = 0.05) -> list[NDArray[np.int64]]:
    """Return absolute times of half a second, by input."""
    made.play(np.full(8000, 0.8), np.zeros(8000))
    made.light(30.0)
    made.prepare_tags()
    rows = [t.astype(np.int64) for t in made.tags(0.5, step_s)]
    return [t[:, 0] + t[:, 1] * FRAME_PS for t in rows]


def to_channel(made: ByHand) -> float:
    """Return the photons that leave by the truth, per click of the first diode."""
    return float(made.bench.truth()["detectors"][0]["photons_to_channel_per_click"])


def agrees(measured: Measured, truth: float, sharp: float) -> bool:
    near = abs(measured.value - truth) < 4.0 * measured.uncertainty
    return near and measured.uncertainty < sharp * truth


@pytest.fixture(scope="module")
def made() -> ByHand:
    return bench({"d_x0": FLASHING})


@pytest.fixture(scope="module")
def watched(made: ByHand) -> list[NDArray[np.int64]]:
    return tags(made)


@pytest.fixture(scope="module")
def unwatched() -> list[NDArray[np.int64]]:
    return tags(bench({}))


def test_the_law_of_a_flash_is_recovered_from_the_tags_of_a_second_diode(
    watched: list[NDArray[np.int64]],
) -> None:
    figures = backflash_figures(watched[0], watched[3], (75_000, 115_000))
    assert agrees(figures.share, 0.08 * TO_OBSERVER, 0.03)
    assert agrees(figures.decay_ps, 2_500.0, 0.05)
    begin = figures.earliest_ps
    assert abs(begin.value - 80_900) < 4.0 * begin.uncertainty
    assert begin.uncertainty < 100.0


def test_the_observer_of_a_diode_that_does_not_flash_counts_darks(
    unwatched: list[NDArray[np.int64]],
) -> None:
    assert abs(len(unwatched[3]) - 50) < 4.0 * math.sqrt(50)


def test_flashes_change_no_tag_of_the_receiver(
    watched: list[NDArray[np.int64]], unwatched: list[NDArray[np.int64]]
) -> None:
    for one, other in zip(watched[:3], unwatched[:3], strict=True):
        assert np.array_equal(one, other)


def test_flashes_do_not_depend_on_when_tags_are_asked_for(
    watched: list[NDArray[np.int64]],
) -> None:
    again = tags(bench({"d_x0": FLASHING}), step_s=0.0037)
    assert np.array_equal(again[3], watched[3])


def test_an_observer_in_the_channel_counts_what_the_truth_says_leaves() -> None:
    parts = {"d_x0": FLASHING, "circulator": CIRCULATOR | {"owner": "channel"}}
    tapped = bench(parts, TAPPED)
    clicks, *_, seen = tags(tapped)
    figures = backflash_figures(clicks, seen, (45_000, 85_000))
    # 3.5 dB, splitter 4 to 1, unpolarized light at the polarizing splitter
    leak = to_channel(tapped)
    assert leak == pytest.approx(0.08 * 10**-0.35 * 0.8 * 0.5)
    assert agrees(figures.share, leak * 10**-0.08 * 0.25, 0.08)


def test_an_observer_sees_flashes_by_each_of_two_ways() -> None:
    forked = {
        "fork.in": {"from": "circulator.back"},
        "meet.in": {"from": "fork.x"},
        "meet.in2": {"from": "fork.z", "delay_ps": 60_000},
        "d_z1.in": {"from": "meet.x", "delay_ps": 50_000, "loss_db": 0.5},
    }
    parts = {"d_x0": FLASHING, "fork": MIXER, "meet": MIXER}
    clicks, *_, seen = tags(bench(parts, WATCHED | forked))
    for begin_ps in (75_000, 135_000):
        figures = backflash_figures(clicks, seen, (begin_ps, begin_ps + 40_000))
        assert agrees(figures.share, 0.25 * 0.08 * TO_OBSERVER, 0.05)


def test_nothing_leaves_through_a_circulator_of_the_receiver(made: ByHand) -> None:
    assert to_channel(made) == 0.0


@pytest.mark.parametrize(
    ("cables", "match"),
    [
        ({"tap_meter.in": "circulator.back"}, "spad, not power_meter"),
        (
            {"stranger.in": "circulator.out", "d_x0.in": "stranger.out"},
            "stranger: .* not through a part of kind eavesdropper",
        ),
        (
            {"mixer.in": "pbs_z.v", "mixer.in2": "circulator.back",
             "d_z1.in": "mixer.x"},
            "d_z1: it sees the laser's light",
        ),
        (
            {"circulator.in": "splitter.x", "pbs_x.in": "circulator.out",
             "d_x0.in": "pbs_x.h", "pbs.in": "circulator.back", "d_z1.in": "pbs.h"},
            "past one part that tells polarizations apart",
        ),
    ],
)  # fmt: skip
def test_ways_on_which_flashes_cannot_be_followed_are_refused(
    cables: dict[str, str], match: str
) -> None:
    parts = {
        "stranger": {"kind": "eavesdropper", "owner": "channel"},
        "mixer": MIXER,
        "pbs": {"kind": "polarizing_splitter", "owner": "bob", "extinction_db": 20.0},
    }
    changed = {target: {"from": source} for target, source in cables.items()}
    with pytest.raises(ConfigError, match=match):
        bench(parts, WATCHED | changed)
