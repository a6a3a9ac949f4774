"""Traps that an avalanche fills and that let go of their carriers later."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.optics.ranges import in_range

__all__ = [
    "MOST_AFTERPULSES",
    "MOST_PENDING",
    "MOST_TRAPS",
    "Trap",
    "afterpulse_mean",
    "clicks_per_primary",
    "trap_spectrum",
    "traps_of",
]

MOST_TRAPS = 32
"""Kinds of traps that a diode's record has room for."""

MOST_PENDING = 512
"""Carriers in traps that a diode's record has room for; one more is an error."""

MOST_AFTERPULSES = 0.9
"""Mean carriers after the dead time above which avalanches hardly end."""

_BOLTZMANN_EV_PER_K = 8.617333262e-5


@dataclass(frozen=True, slots=True)
class Trap:
    """One kind of traps (detectors-taggers.md 7.2, Korzh arXiv 1411.0653 [abs]).

    mean:   carriers that one avalanche at the rated excess bias leaves in these traps
            and that would fire a live diode; Poisson distributed [mem]
    tau_ps: mean time after which a trap lets go, at the rated temperature

    Raises ValueError outside physics.
    """

    mean: float
    tau_ps: float

    def __post_init__(self) -> None:
        in_range("mean", self.mean, 0.0, 100.0, "1")
        in_range("tau_ps", self.tau_ps, 1.0, 1e12, "ps")

    def at(self, charge: float, activation_ev: float, k: float, rated_k: float) -> Trap:
        """Return the trap at `k` kelvin after an avalanche of relative `charge`.

        tau grows as exp(E_a / k_B T) (Arrhenius, detectors-taggers.md 7.2 [abs]); the
        filling is proportional to the charge that flows [mem].
        """
        inverse = 1.0 / (_BOLTZMANN_EV_PER_K * k)
        rated = 1.0 / (_BOLTZMANN_EV_PER_K * rated_k)
        slower = math.exp(activation_ev * (inverse - rated))
        return Trap(self.mean * charge, self.tau_ps * slower)


def afterpulse_mean(traps: tuple[Trap, ...], dead_time_ps: float) -> float:
    """Return the mean carriers released by one avalanche after the dead time.

    sum_k A_k exp(-tau_dead / tau_k): closed form of releases lost in the dead time.
    """
    return sum(t.mean * math.exp(-dead_time_ps / t.tau_ps) for t in traps)


def clicks_per_primary(mean: float) -> float:
    """Return the clicks of a primary avalanche and all its descendants.

    1 / (1 - mean): the geometric total of a branching whose afterpulses breed as
    primaries do; for rare clicks, whose descendants are not lost in dead times.
    Raises ValueError for a branching that never ends.
    """
    in_range("mean", mean, 0.0, MOST_AFTERPULSES, "1")
    return 1.0 / (1.0 - mean)


def traps_of(
    probability: float,
    taus_ps: tuple[float, ...],
    shares: tuple[float, ...],
    dead_time_ps: float,
) -> tuple[Trap, ...]:
    """Return traps that give an afterpulse with `probability` after the dead time.

    probability: that at least one release of an avalanche follows the dead time; what
                 data sheets call the afterpulse probability
    shares:      of the releases after the dead time, by time constant; sum 1
    """
    in_range("probability", probability, 0.0, 0.5, "1")
    if len(taus_ps) != len(shares) or abs(sum(shares) - 1.0) > 1e-9:
        raise ValueError("traps_of wants one share per time constant, sum 1")
    total = -math.log1p(-probability)
    return tuple(
        Trap(total * share * math.exp(dead_time_ps / tau), tau)
        for tau, share in zip(taus_ps, shares, strict=True)
        if share > 0.0 and total > 0.0
    )


def trap_spectrum(
    probability: float,
    shortest_ps: float,
    longest_ps: float,
    dead_time_ps: float,
    *,
    kinds: int = MOST_TRAPS,
) -> tuple[Trap, ...]:
    """Return a continuous spectrum of traps with sharp edges, densely sampled.

    Time constants are spaced evenly on a logarithmic scale and filled alike, which
    gives the power law near t^-1 between the edges that free-running InGaAs diodes
    show (Korzh arXiv 1411.0653 [abs]; edges 300 ns to 1 ms [abs]).
    """
    in_range("shortest_ps", shortest_ps, 1.0, longest_ps, "ps")
    in_range("kinds", kinds, 2, MOST_TRAPS, "1")
    taus = np.geomspace(shortest_ps, longest_ps, kinds)
    left = np.exp(-dead_time_ps / taus)
    in_range("probability", probability, 0.0, 0.5, "1")
    total = -math.log1p(-probability)
    return tuple(Trap(total / float(left.sum()), float(tau)) for tau in taus)
