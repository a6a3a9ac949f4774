"""The gate train of a diode that is biased above breakdown for short times only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from qkdlab_sims.optics.ranges import in_range

__all__ = ["Gate"]


@dataclass(frozen=True, slots=True)
class Gate:
    """Gates in step with the pulses (detectors-taggers.md section 7.2).

    period_ps:   from gate to gate
    width_ps:    from the first to the last moment of any efficiency
    lead_ps:     a pulse without delay of its own arrives so long after the opening
    edge_ps:     rise and fall of a flat-top gate, linear [mem]
    shape:       "flat": trapezium; "sine": half a sine (self-differencing and sine
                 gating, Losev arXiv 2103.07363 [abs])
    persistence: chance, relative to the efficiency, that a photon absorbed just before
                 the gate fires at its opening; 1e-4 .. 1e-2 [mem]
    persistence_tau_ps: how it decays with the time to the opening; a few ns [mem]

    Raises ValueError outside physics.
    """

    period_ps: int
    width_ps: int
    lead_ps: int = 0
    edge_ps: int = 0
    shape: Literal["flat", "sine"] = "flat"
    persistence: float = 0.0
    persistence_tau_ps: float = 3_000.0

    def __post_init__(self) -> None:
        in_range("period_ps", self.period_ps, 100, 10**12, "ps")
        in_range("width_ps", self.width_ps, 10, self.period_ps, "ps")
        in_range("lead_ps", self.lead_ps, 0, self.period_ps, "ps")
        in_range("edge_ps", self.edge_ps, 0, self.width_ps // 2, "ps")
        in_range("persistence", self.persistence, 0.0, 1.0, "1")
        in_range("persistence_tau_ps", self.persistence_tau_ps, 1.0, 1e9, "ps")

    def profile(self, since_opening_ps: float) -> float:
        """Return the relative efficiency at a time after a gate's opening."""
        if not 0.0 <= since_opening_ps < self.width_ps:
            return 0.0
        if self.shape == "sine":
            return math.sin(math.pi * since_opening_ps / self.width_ps)
        nearest = min(since_opening_ps, self.width_ps - since_opening_ps)
        return 1.0 if nearest >= self.edge_ps else nearest / self.edge_ps

    @property
    def duty(self) -> float:
        """Return the mean of the profile: dark counts a second over those in a gate."""
        if self.shape == "sine":
            return 2.0 / math.pi * self.width_ps / self.period_ps
        return (self.width_ps - self.edge_ps) / self.period_ps
