"""What a run says of entangled pairs: the figures of its result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qkdlab.calibration.measured import Measured
from qkdlab_experiments.chsh import ChshParameters
from qkdlab_experiments.entanglement.correlations import (
    SETTINGS,
    Correlation,
    Fringe,
    chsh,
)

__all__ = ["figures"]

_MOST = 2.0 * math.sqrt(2.0)
"""S of a maximally entangled state (Cirel'son 1980 [mem])."""


def figures(
    p: ChshParameters,
    fringe: Fringe,
    correlations: Mapping[str, Correlation],
    darks_hz: Sequence[float],
) -> dict[str, Any]:
    """Return the public figures, each beside that of the labelled state.

    What is expected has the accidental coincidences that were counted.
    """
    expected = {name: _expected(p, angles_deg) for name, angles_deg in SETTINGS.items()}
    found: dict[str, Any] = {}
    for name, one in correlations.items():
        found |= _told(f"correlation_{name}", one.raw, expected[name] * one.genuine)
    raw, net = (
        chsh({name: getattr(one, kind) for name, one in correlations.items()})
        for kind in ("raw", "net")
    )
    genuine = {
        name: Measured(expected[name] * one.genuine, 0.0)
        for name, one in correlations.items()
    }
    visibility = Measured(net.value / _MOST, net.uncertainty / _MOST)
    return (
        found
        | _told("chsh", raw, chsh(genuine).value)
        | _told("visibility", visibility, p.source_visibility)
        | _told("fringe_visibility", fringe.visibility, None)
        | {
            "fringe_centre_deg": fringe.centre_deg.value,
            "coincidences": {n: one.coincidences for n, one in correlations.items()},
            "genuine_share": {n: one.genuine for n, one in correlations.items()},
            "dark_rate_hz": list(darks_hz),
        }
    )


def _expected(p: ChshParameters, angles_deg: tuple[float, float]) -> float:
    ours, theirs = angles_deg
    return p.source_visibility * math.cos(2.0 * math.radians(ours - theirs))


def _told(name: str, measured: Measured, expected: float | None) -> dict[str, Any]:
    told = {name: measured.value, f"{name}_uncertainty": measured.uncertainty}
    return told if expected is None else told | {f"expected_{name}": expected}
