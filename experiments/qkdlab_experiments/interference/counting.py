"""Clicks of two detectors, and what they say of one sender."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab.roles import TimeTagger
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.characterisation.clicks import read_clicks
from qkdlab_experiments.characterisation.hbt import pulsed_coincidences
from qkdlab_experiments.hom import HomParameters

__all__ = ["Alone", "Counter", "coincidences"]

Tags = NDArray[np.int64]
_FEWEST = 100
"""Clicks by which a sender can be set."""


@dataclass(frozen=True, eq=False)
class Alone:
    """One sender's light at both detectors.

    mean_photons:   float64[2], of a pulse, the detector's efficiency in it
    centre_ps:      float64[2], when its clicks come, modulo the period
    attenuation_db: at which it was counted
    """

    mean_photons: NDArray[np.float64]
    centre_ps: NDArray[np.float64]
    attenuation_db: float

    def late_against(self, other: Alone, period_ps: int) -> float:
        """Return by how much this sender's pulses come after the other's."""
        late = self.centre_ps - other.centre_ps
        turn = 2.0 * math.pi / period_ps
        return float(np.angle(np.exp(1j * turn * late).sum())) / turn


class Counter:
    """A tagger with two detectors.

    darks_hz: of both
    """

    def __init__(
        self, ctx: PartyContext[HomParameters], darks_hz: Sequence[float]
    ) -> None:
        self._ctx = ctx
        self._darks_hz = darks_hz
        self._tagger: TimeTagger = ctx.roles["tagger"]

    def clicks(self, duration_s: float) -> tuple[Tags, Tags]:
        """Return what both detectors give in an acquisition of its own."""
        return self.acquisitions(duration_s)[0]

    def acquisitions(
        self, duration_s: float, *between: Callable[[], None]
    ) -> list[tuple[Tags, Tags]]:
        """Return what both give before and after each act, in one time base."""
        duration_ps = round(duration_s * 1e12)
        self._tagger.start(0, self._tagger.tagger_capabilities().max_rate_hz)
        begin_ps = self._ctx.clock.now_ps()
        try:
            found, read_ps = [self._read(duration_ps)], duration_ps
            for act in between:
                act()
                passed_ps = self._ctx.clock.now_ps() - begin_ps - read_ps
                self._read(passed_ps)
                found.append(self._read(duration_ps))
                read_ps += passed_ps + duration_ps
        finally:
            self._tagger.stop()
        return found

    def alone(
        self, clicks: tuple[Tags, Tags], duration_s: float, attenuation_db: float
    ) -> Alone:
        """Return the light of the one sender whose shutter was open.

        Raises UsageError when there are too few clicks to set anything by, or one in
        nearly every pulse.
        """
        p = self._ctx.parameters
        pulses = duration_s * 1e12 / p.symbol_period_ps
        turn = 2.0 * np.pi / p.symbol_period_ps
        means, centres = [], []
        for t, dark_hz in zip(clicks, self._darks_hz, strict=True):
            lit = t.size - dark_hz * duration_s
            if lit < _FEWEST or t.size > 0.9 * pulses:
                raise UsageError(
                    f"{t.size} clicks in {pulses:.3g} pulses of one sender at "
                    f"{attenuation_db:g} dB; "
                    f"{'lower' if lit < _FEWEST else 'raise'} "
                    "parameters.start_attenuation_db"
                )
            means.append(_mean_photons(p.light, lit / pulses))
            phases = np.exp(1j * turn * (t % p.symbol_period_ps))
            centres.append(float(np.angle(phases.sum())) / turn)
        return Alone(np.array(means), np.array(centres), attenuation_db)

    def _read(self, duration_ps: int) -> tuple[Tags, Tags]:
        one, two = read_clicks(self._ctx, duration_ps, 2)
        return one, two


def coincidences(
    p: HomParameters, clicks: tuple[Tags, Tags], alone: Alone
) -> NDArray[np.int64]:
    """Return int64[2 lags + 1], pairs of clicks by the periods between.

    alone: one sender's light, by which the second detector's delay is known
    """
    one, two = clicks
    turn = 2.0 * math.pi / p.symbol_period_ps
    late = float(alone.centre_ps[1] - alone.centre_ps[0]) - p.detector_delay_ps
    late = math.remainder(turn * late, 2.0 * math.pi) / turn + p.detector_delay_ps
    return pulsed_coincidences(
        one, two - round(late), p.symbol_period_ps, p.lags, p.half_gate_ps
    )


def _mean_photons(light: str, clicks: float) -> float:
    """Return the mean photons that give a detector so many clicks a pulse."""
    if light == "coherent":
        return -math.log1p(-clicks)
    return clicks / (1.0 - clicks) if light == "thermal" else clicks
