"""How the polarization of a fibre drifts, and how often that is looked at."""

from __future__ import annotations

from qkdlab.clock import PS_PER_S
from qkdlab.wiring.parts import Fibre
from qkdlab_sims.optics.channel import FibreDrift
from qkdlab_sims.optics.detector import PULSES_PER_TICK

__all__ = ["drift_of"]

_LONGEST_STEP_PS = 64 * PULSES_PER_TICK * 10_000


def _ticks_per_step(fibre: Fibre, tick_ps: int) -> int:
    """Return how long a fibre may stand still: steps of 1 mrad, at most 42 ms."""
    most = max(_LONGEST_STEP_PS // tick_ps, 1)
    if fibre.drift_rad_per_sqrt_s == 0.0:
        return most
    still_s = (1e-3 / fibre.drift_rad_per_sqrt_s) ** 2
    return min(max(int(still_s * PS_PER_S / tick_ps), 1), most)


def drift_of(part: Fibre, name: str, seed: int, period_ps: int) -> FibreDrift:
    """Return how a fibre's polarization drifts under pulses of a period."""
    return FibreDrift(
        seed,
        part.drift_rad_per_sqrt_s,
        component=name,
        period_ps=period_ps,
        ticks_per_step=_ticks_per_step(part, PULSES_PER_TICK * period_ps),
    )
