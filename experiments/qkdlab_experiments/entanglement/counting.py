"""Coincidences of two detectors of each party, by the periods between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab.roles import TimeTagger
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.characterisation.clicks import read_clicks
from qkdlab_experiments.characterisation.hbt import pulsed_coincidences
from qkdlab_experiments.characterisation.programs import held_lags, late_ps
from qkdlab_experiments.chsh import ChshParameters
from qkdlab_experiments.entanglement.correlations import Correlation

__all__ = ["Tags", "correlation", "lateness_ps", "read_tags"]

Tags = list[NDArray[np.int64]]
"""Of an acquisition: Alice's detectors are on inputs 0 and 1, Bob's on 2 and 3."""


def read_tags(ctx: PartyContext[ChshParameters], duration_s: float) -> Tags:
    """Return what the tagger counts in this time."""
    tagger: TimeTagger = ctx.roles["tagger"]
    tagger.start(0, tagger.tagger_capabilities().max_rate_hz)
    try:
        return read_clicks(ctx, round(duration_s * 1e12), 4)
    finally:
        tagger.stop()


def correlation(p: ChshParameters, tags: Tags, late: list[int]) -> Correlation:
    """Return that of an acquisition.

    late: of `lateness_ps`

    Raises UsageError without coincidences beyond accidental ones.
    """
    try:
        return Correlation.of(_counts(p, tags, late)[:, :, held_lags(p)])
    except ValueError as error:
        raise UsageError(
            f"{error}: look after the light and the detectors; a laser may have tripped"
        ) from error


def lateness_ps(p: ChshParameters, acquisitions: list[Tags]) -> list[int]:
    """Return by how much each detector clicks later than the first.

    Clicks tell it within a period, the pairs of each two detectors the whole periods.
    The acquisitions together must have pairs for all four: with Bob's analyser at two
    angles 45 degrees apart, each two have 7 % of all pairs at least, since the square
    sum of both correlations is 1 at most.

    Raises UsageError where two detectors have no lag with more coincidences than
    chance.
    """
    period_ps = p.symbol_period_ps
    first = acquisitions[0]
    ours, theirs, across = (
        late_ps(first[i], first[k], period_ps) for i, k in ((0, 1), (2, 3), (0, 2))
    )
    late = [0, ours, across, across + theirs]
    counts = np.sum([_counts(p, tags, late) for tags in acquisitions], axis=0)
    lag = np.argmax(counts, axis=2) - p.lags
    beside = np.median(counts, axis=2)
    is_chance = counts.max(axis=2) < beside + 6.0 * np.sqrt(np.maximum(beside, 1.0))
    # four delays between three: the last detector's follows twice
    turned = lag[0, 1] - lag[0, 0] != lag[1, 1] - lag[1, 0]
    if turned or is_chance.any():
        raise UsageError(
            f"no pairs within {p.lags} periods of each other for every two detectors: "
            "look after the light and the detectors, or raise parameters.lags or "
            "parameters.fringe_s"
        )
    whole = (0, lag[0, 0] - lag[1, 0], lag[0, 0], lag[0, 1])
    return [by + int(n) * period_ps for by, n in zip(late, whole, strict=True)]


def _counts(p: ChshParameters, tags: Tags, late: list[int]) -> NDArray[np.int64]:
    """Return int64[2, 2, 2 lags + 1]."""
    on_time = [t - by for t, by in zip(tags, late, strict=True)]
    return np.array(
        [
            [
                pulsed_coincidences(
                    one, two, p.symbol_period_ps, p.lags, p.half_gate_ps
                )
                for two in on_time[2:]
            ]
            for one in on_time[:2]
        ]
    )
