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

__all__ = ["Counter", "lateness_ps"]

Tags = NDArray[np.int64]


class Counter:
    """A tagger with Alice's detectors on inputs 0 and 1, Bob's on 2 and 3."""

    def __init__(self, ctx: PartyContext[ChshParameters]) -> None:
        self._ctx = ctx
        self._late_ps: list[int] | None = None

    def counts(self, duration_s: float) -> NDArray[np.int64]:
        """Return int64[2, 2, lags held] of an acquisition, by Alice's and Bob's.

        The first acquisition tells how late each detector is; see `lateness_ps`.
        """
        p = self._ctx.parameters
        tagger: TimeTagger = self._ctx.roles["tagger"]
        tagger.start(0, tagger.tagger_capabilities().max_rate_hz)
        try:
            tags = read_clicks(self._ctx, round(duration_s * 1e12), 4)
        finally:
            tagger.stop()
        if self._late_ps is None:
            self._late_ps = lateness_ps(p, tags)
        return _counts(p, tags, self._late_ps)[:, :, held_lags(p)]


def lateness_ps(p: ChshParameters, tags: list[Tags]) -> list[int]:
    """Return by how much each detector clicks later than the first.

    Clicks tell it within a period, to which a party's own detectors must agree; the
    pairs tell the whole periods between the parties. Raises UsageError where no lag
    has more coincidences than chance.
    """
    period_ps = p.symbol_period_ps
    ours, theirs, across = (
        late_ps(tags[i], tags[k], period_ps) for i, k in ((0, 1), (2, 3), (0, 2))
    )
    late = [0, ours, across, across + theirs]
    by_lag = _counts(p, tags, late).sum(axis=(0, 1))
    beside = float(np.median(by_lag))
    if by_lag.max() < beside + 6.0 * max(beside, 1.0) ** 0.5:
        raise UsageError(
            f"no pairs within {p.lags} periods of each other: look after the light, or "
            "raise parameters.lags"
        )
    whole_ps = (int(np.argmax(by_lag)) - p.lags) * period_ps
    return [*late[:2], *(late_b + whole_ps for late_b in late[2:])]


def _counts(p: ChshParameters, tags: list[Tags], late: list[int]) -> NDArray[np.int64]:
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
