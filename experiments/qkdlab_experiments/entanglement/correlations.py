"""Correlations of two analysers' clicks, and the sum of Clauser, Horne, Shimony, Holt.

With pairs of a Werner state of visibility V a correlation is V cos(2 (a - b)) for
analysers at the angles a and b, and S = 2 sqrt(2) V at 0, 45 and 22.5, 67.5 degrees
(CHSH, PRL 23, 880 (1969) [mem]; theory section 4 [C]). Any local model has |S| <= 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["SETTINGS", "Correlation", "Fringe", "chsh", "fit_fringe"]

SETTINGS: dict[str, tuple[float, float]] = {
    "a1_b1": (0.0, 22.5),
    "a1_b2": (0.0, 67.5),
    "a2_b2": (45.0, 67.5),
    "a2_b1": (45.0, 22.5),
}
"""Angles of both analysers in degrees, in an order in which one party turns."""

_SIGNS = {"a1_b1": 1.0, "a1_b2": -1.0, "a2_b2": 1.0, "a2_b1": 1.0}


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of one setting.

    raw:      of all coincidences
    net:      accidental ones, as other pulses have them, taken off
    genuine:  share of the coincidences that are not accidental
    coincidences: counted
    """

    raw: Measured
    net: Measured
    genuine: float
    coincidences: int

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> Correlation:
        """Return the correlation of int64[2, 2, 2 lags + 1].

        counts: of Alice's detector, Bob's detector, periods between; the same pulse
                in the middle, and at least one other

        Raises ValueError without coincidences beyond accidental ones.
        """
        middle = counts.shape[2] // 2
        peak = counts[:, :, middle].astype(float)
        pairs = peak - np.delete(counts, middle, axis=2).mean(axis=2)
        if pairs.sum() <= 0.0:
            raise ValueError("no coincidences beyond accidental ones")
        sign = np.array([[1.0, -1.0], [-1.0, 1.0]])
        raw = float((sign * peak).sum() / peak.sum())
        net = float((sign * pairs).sum() / pairs.sum())
        # Poissonian counts; the accidental ones are known from many lags
        spread = [
            math.sqrt(float(((sign - e) ** 2 * peak).sum())) / float(n.sum())
            for e, n in ((raw, peak), (net, pairs))
        ]
        least = 1.0 / float(peak.sum())
        return cls(
            Measured(raw, max(spread[0], least)),
            Measured(net, max(spread[1], least)),
            float(pairs.sum() / peak.sum()),
            int(peak.sum()),
        )


@dataclass(frozen=True, slots=True)
class Fringe:
    """Correlation by the angle of Bob's analyser: V cos(2 (angle - centre)).

    centre_deg: the angle, modulo 180, at which both parties find the same
    """

    visibility: Measured
    centre_deg: Measured


def fit_fringe(angles_deg: Sequence[float], found: Sequence[Measured]) -> Fringe:
    """Fit a fringe to correlations at three angles or more, Alice's analyser at rest.

    Raises ValueError when it is not told from none.
    """
    turns = 2.0 * np.radians(np.asarray(angles_deg, float))
    weights = 1.0 / np.array([m.uncertainty for m in found])
    columns = np.stack([np.cos(turns), np.sin(turns)], axis=1) * weights[:, None]
    covariance = np.linalg.inv(columns.T @ columns)
    c, s = covariance @ columns.T @ (weights * np.array([m.value for m in found]))
    visibility = math.hypot(c, s)
    along, across = np.array([c, s]) / visibility, np.array([-s, c]) / visibility
    height, width = (
        math.sqrt(float(v @ covariance @ v)) for v in (along, across / visibility)
    )
    if visibility < 5.0 * height:
        raise ValueError(
            f"the correlation hardly follows Bob's angle: visibility {visibility:.2g} "
            f"with uncertainty {height:.2g}"
        )
    return Fringe(
        Measured(visibility, height),
        Measured(math.degrees(math.atan2(s, c)) / 2.0, math.degrees(width) / 2.0),
    )


def chsh(found: Mapping[str, Measured]) -> Measured:
    """Return S of the four correlations, by the names of `SETTINGS`."""
    value = sum(sign * found[name].value for name, sign in _SIGNS.items())
    return Measured(value, math.hypot(*(found[name].uncertainty for name in _SIGNS)))
