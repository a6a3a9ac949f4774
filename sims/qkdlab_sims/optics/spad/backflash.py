"""Light that an avalanche sends back: what observers outside could count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import uniforms

__all__ = ["Backflash", "Flashes"]


@dataclass(frozen=True, slots=True)
class Flashes:
    """Photons that observers at rest would click for, in the order of their clicks.

    t_ps:     int64[n], when they leave the diode
    observer: int64[n], who sees each
    chance:   float64[n], uniform in [0, 1), of `Arrivals`
    """

    t_ps: NDArray[np.int64]
    observer: NDArray[np.int64]
    chance: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Backflash:
    """Hot carriers that recombine in an avalanche (detectors-taggers.md section 7.2).

    Seen in gated InGaAs (Meda 2017), small in GHz gating (arXiv 2006.04107), in Si
    (arXiv 1804.10317) [abs]; no figure was extracted, the sizes below are [guess].

    probability: of a photon in the diode's fibre per click; at most one
    delay_ps:    from the click to the beginning of the flash: both have the jitter of
                 the avalanche's own start
    decay_ps:    the flash fades as exp(-t/decay), as the current being quenched [guess]

    Raises ValueError outside physics.
    """

    probability: float
    delay_ps: int = 0
    decay_ps: float = 500.0

    def __post_init__(self) -> None:
        in_range("probability", self.probability, 0.0, 1.0, "1")
        in_range("delay_ps", self.delay_ps, 0, 10**7, "ps")
        in_range("decay_ps", self.decay_ps, 0.0, 1e6, "ps")

    def flashes(
        self,
        clicks_ps: NDArray[np.int64],
        key: NDArray[np.uint64],
        first: int,
        shares: NDArray[np.float64],
    ) -> Flashes:
        """Return the photons of one detector's clicks that observers take.

        clicks_ps: int64[n], number `first` onwards of the detector's clicks
        key:       uint64[2], of the detector; the numbers of a click follow from its
                   own number, so that it does not matter how clicks are cut
        shares:    float64[n_observers], chance of a photon to be taken by each; at
                   most 1 together
        """
        u = uniforms(key, first, len(clicks_ps))
        bounds = np.cumsum(self.probability * shares)
        observer = np.searchsorted(bounds, u[:, 0], side="right")
        seen = observer < len(shares)
        within_ps = self.delay_ps - self.decay_ps * np.log(u[seen, 1])
        t_ps = clicks_ps[seen] + np.rint(within_ps).astype(np.int64)
        return Flashes(t_ps, observer[seen], u[seen, 2])
