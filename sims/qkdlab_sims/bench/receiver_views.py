"""What the true receiver measures: once and for all, or by each of its settings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.bench.truth_report import analysers_from_output
from qkdlab_sims.bench.world import Moment, World
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector

__all__ = ["View", "receiver_views"]

_SETTINGS = 4
"""Of a receiver that chooses: ``2 basis + swap``."""


@dataclass(frozen=True, eq=False)
class View:
    """What detectors stand for while the receiver has one setting.

    share:     how often it has it
    analysers: float64[n_det, 4], from the sender's output, efficiency not in it
    basis, bit: int64[n_det]
    """

    share: float
    analysers: NDArray[np.float64]
    basis: NDArray[np.int64]
    bit: NDArray[np.int64]


def receiver_views(world: World, moment: Moment) -> list[View] | None:
    """Return all views; None where detectors stand for nothing that is known.

    Known are X0, X1, Z0, Z1 on inputs 1 to 4 of the tagger, and, behind a modulator
    that makes fresh settings, two detectors on inputs 1 and 2.
    """
    inputs = [way.tagger_input for way in world.ways.detectors]
    code = np.array([number - 1 for number in inputs if number is not None])
    if world.ways.modulator is None:
        if sorted(code.tolist()) != [0, 1, 2, 3]:
            return None
        analysers = np.array(analysers_from_output(world, moment.turning))
        return [View(1.0, analysers, code // 2, code % 2)]
    by = moment.modulation
    law = None if by is None else by.law
    if by is None or law is None or law.n_contexts != _SETTINGS:
        return None
    if sorted(code.tolist()) != [0, 1]:
        return None
    return [
        View(
            share,
            _behind(world, moment, by, setting),
            np.full(2, setting // 2),
            code ^ (setting % 2),
        )
        for setting, share in enumerate(law.probabilities().tolist())
    ]


def _behind(
    world: World, moment: Moment, by: Light, setting: int
) -> NDArray[np.float64]:
    """Return the analysers of one setting of the modulator."""
    ways = world.ways
    sender = dict.fromkeys(ways.sender & moment.turning.transmission.keys(), 1.0)
    opened = replace(
        moment.turning, transmission={**moment.turning.transmission, **sender}
    )
    before = ways.to_modulator(opened) @ np.linalg.inv(ways.to_output.jones(opened))
    turned = np.diag(math.sqrt(2.0) * by.jones[setting]) @ before
    return np.array(
        [analyser_vector(jones @ turned) for jones in ways.behind_modulator(opened)]
    )
