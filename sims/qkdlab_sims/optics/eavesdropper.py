"""Attacks on the channel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["InterceptResend"]


def _identity() -> NDArray[np.complex128]:
    return np.eye(2, dtype=np.complex128)


@dataclass(frozen=True, eq=False)
class InterceptResend:
    """Measure pulses in X or Z at random and send on what was found.

    fraction: share of pulses attacked
    before:   2x2 transfer of the path from the light to Eve, in whose output D/A is
              her X and R/L her Z basis; the analysers of the detectors then describe
              the path after her

    The outcome follows the Born rule of the pulse's state; the pulse sent on has the
    same mean photon number in the state found. All photons of a pulse share both
    choices (standards-attacks-ux.md section 2).
    """

    fraction: float = 1.0
    before: NDArray[np.complex128] = field(default_factory=_identity)
