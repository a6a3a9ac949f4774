"""`TwoArms`: two lights that met, with instants of their own and both polarizations.

What interferes is drawn for one instant and one polarization a row (`interference`).
Here a detector takes both polarizations, and each photon gets the instant of one arm,
by the share of that arm in the photons that the row would see without interference.
That is the law of the instants on the average over the pulses' phases; how instants of
two photons of one pair follow each other (beats within a pulse) is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource, poisson_bound

__all__ = ["Arm", "TwoArms", "both_polarizations"]


@dataclass(frozen=True, eq=False)
class Arm:
    """What one light gives the rows of an interference without the other.

    photons:     float64[n_contexts, 2 n_det], of a pulse
    first_pulse: pulse k has context (k - first_pulse) mod n
    """

    photons: NDArray[np.float64]
    first_pulse: int = 0

    @property
    def shift(self) -> int:
        """Return what to add to a pulse's number."""
        return -self.first_pulse % len(self.photons)


class TwoArms:
    """An `ArrivalSource` of another's rows 2 d and 2 d + 1, detector d's H and V.

    early, late: the arms
    late_ps:     by which the late one comes after the early one, 0 to less than one
                 period
    key:         uint64[2], of the random numbers
    """

    def __init__(
        self,
        source: ArrivalSource,
        early: Arm,
        late: Arm,
        late_ps: int,
        period_ps: int,
        key: NDArray[np.uint64],
    ) -> None:
        if not 0 <= late_ps < period_ps:
            raise ValueError("two arms want a delay shorter than the period")
        self._source = source
        self._early, self._late = early, late
        self._late_ps = late_ps
        self._period_ps = period_ps
        self._key = key

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals of a tick, or a bound on it."""
        return self._source.per_tick

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        from qkdlab_sims.optics.arms._kernels import join_polarizations

        made = Arrivals(2 * len(out.ends))
        room = poisson_bound(self.per_tick * (tick_end - tick))
        made.make_room(room + poisson_bound(self.per_tick), tick_end - tick)
        its_ps = np.append(np.repeat(arrival_ps[:-1], 2), 0)
        tick_end = self._source.draw(tick, tick_end, its_ps, made)
        fits: bool = join_polarizations(
            tick,
            made.t_ps,
            made.chance,
            made.number,
            made.ends,
            self._period_ps,
            arrival_ps,
            self._late_ps,
            self._early.photons,
            self._late.photons,
            (self._early.shift, self._late.shift),
            self._key,
            tick_end - tick,
            out.t_ps,
            out.chance,
            out.number,
            out.ends,
        )
        if not fits:
            raise OverflowError("a tick holds more photons than its bound")
        return tick_end


def both_polarizations(
    ways: NDArray[np.complex128], efficiencies: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Return complex128[2 n_det, 2], amplitudes in H and V before each detector.

    ways: complex128[n_det, 2, 2], Jones matrices; the root of the efficiency enters
    """
    scaled = np.sqrt(efficiencies)[:, None, None] * ways
    return scaled.reshape(-1, 2)
