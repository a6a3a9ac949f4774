"""When drift is worth an action: a rise above noise, with hysteresis.

Error rates of finished blocks are held to the best that was seen since the last
alignment. Tracking begins when one rises clearly and ends when all are back: small
rises are left alone, and a correction is not begun twice for one fluctuation (SECURITY
rule 10; BENCHES, "Waveplates").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qkdlab.calibration.measured import Measured

__all__ = ["DriftState", "DriftTrigger"]


@dataclass(frozen=True, slots=True)
class DriftState:
    """What is remembered from block to block.

    reference: lowest error rate seen, by basis
    active:    whether plates are to be turned before the next block
    """

    reference: Mapping[str, Measured] = field(default_factory=dict)
    active: bool = False


@dataclass(frozen=True, slots=True)
class DriftTrigger:
    """The rule.

    start_rise: of an error rate above its reference, from which plates are turned
    stop_rise:  below which they are left alone again
    sigmas:     a rise counts beyond so many standard deviations only
    """

    start_rise: float
    stop_rise: float
    sigmas: float

    def after(self, state: DriftState, seen: Mapping[str, Measured]) -> DriftState:
        """Return the state after a block with the error rates `seen`, by basis."""
        reference = dict(state.reference)
        is_up = False
        rises = []
        for basis, rate in seen.items():
            known = reference.get(basis)
            if known is None or rate.value < known.value:
                reference[basis] = known = rate
            noise = self.sigmas * (rate.uncertainty**2 + known.uncertainty**2) ** 0.5
            rise = rate.value - known.value
            is_up |= rise > max(self.start_rise, noise)
            rises.append(rise)
        is_back = bool(rises) and all(rise < self.stop_rise for rise in rises)
        active = is_up or (state.active and not is_back)
        return replace(state, reference=reference, active=active)
