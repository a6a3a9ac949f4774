"""A seed gives the clicks that it always gave: hashes of all tags of short runs."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from interference_bench import SAME, H, V, clicked, fresh_light, splitter
from optics_bench import PARAMETERS, engine

from qkdlab_sims.optics.attacks.photons import PhotonAttack
from qkdlab_sims.optics.detector import PULSES_PER_TICK
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.interference.two_lights import Input

QUIET = replace(PARAMETERS, tail_fraction=0.0, dark_floor_hz=100.0)


def digest(tags):
    found = hashlib.sha256()
    for times in tags:
        found.update(f"{len(times)}|".encode())
        found.update(times.astype("<i8").tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("brightness", "expected"),
    [
        (0.0, "6c2369ae851d6111"),
        (1e-3, "bc82fb2d47c8752e"),
        (0.03, "6200856e9c71376e"),
        (1.0, "b629b81d3acccf38"),
    ],
)
def test_clicks_of_dim_light_are_those_of_the_seed(brightness, expected):
    tags = engine(3 * PULSES_PER_TICK, brightness=brightness)
    assert digest(tags) == expected


def test_clicks_without_tail_are_those_of_the_seed():
    tags = engine(3 * PULSES_PER_TICK, parameters=QUIET, brightness=0.1)
    assert digest(tags) == "55cf0f1017275dad"


def test_clicks_of_noisy_light_are_those_of_the_seed():
    assert (
        digest(engine(2 * PULSES_PER_TICK, brightness=0.5, rin=0.1))
        == "cddd3b80904a5b31"
    )


def test_clicks_of_bright_light_are_those_of_the_seed():
    assert digest(engine(PULSES_PER_TICK, brightness=6.0)) == "692a7d61ad61a919"


@pytest.mark.parametrize(
    ("eve", "expected"),
    [
        (InterceptResend(fraction=0.5), "446770ed13c0aee1"),
        (
            PhotonAttack("split", line_attacked=0.9, block_singles=0.3),
            "de48e2a91267d7ac",
        ),
        (
            PhotonAttack("seed", fraction=0.3, photons=2, shift_ps=3_000),
            "499845218bdb0870",
        ),
    ],
    ids=["resend", "split", "seed"],
)
def test_clicks_under_attack_are_those_of_the_seed(eve, expected):
    assert digest(engine(2 * PULSES_PER_TICK, eve=eve)) == expected


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [("coherent", "38593b6b78bdd5ec"), ("thermal", "f43b29b5d2febe76")],
)
def test_pulses_seen_of_two_lights_are_those_of_the_seed(statistics, expected):
    one, two = splitter((H, V))
    a = Input(fresh_light(0.2, 1), one)
    b = Input(fresh_light(0.1, 2), two, statistics)
    seen = clicked(a, b, SAME, n_ticks=1)
    assert digest([np.flatnonzero(detector) for detector in seen.T]) == expected
