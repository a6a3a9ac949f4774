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
    analyser_rad: float,
    darks_hz: Sequence[float],
) -> dict[str, Any]:
    """Return the public figures, each beside that of the labelled state.

    What is expected has the accidental coincidences that were counted.

    analyser_rad: by which each analyser may be off at each setting. The fringe's centre
                  may be off, too, by the same for all settings, where it moves a
                  correlation but not S
    """
    slope_per_rad = 2.0 * fringe.visibility.value * math.sin(math.pi / 4.0)
    own = math.sqrt(2.0) * slope_per_rad * analyser_rad
    common = slope_per_rad * math.radians(fringe.centre_deg.uncertainty)
    expected = {name: _expected(p, angles_deg) for name, angles_deg in SETTINGS.items()}
    found: dict[str, Any] = {}
    for name, one in correlations.items():
        turned = _wider(one.raw, math.hypot(own, common))
        found |= _told(f"correlation_{name}", turned, expected[name] * one.genuine)
    raw = chsh({name: _wider(one.raw, own) for name, one in correlations.items()})
    net = chsh({name: _wider(one.net, own) for name, one in correlations.items()})
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
        | _told("fringe_centre_deg", fringe.centre_deg, None)
        | {
            "coincidences": {n: one.coincidences for n, one in correlations.items()},
            "genuine_share": {n: one.genuine for n, one in correlations.items()},
            "dark_rate_hz": list(darks_hz),
        }
    )


def _expected(p: ChshParameters, angles_deg: tuple[float, float]) -> float:
    ours, theirs = angles_deg
    return p.source_visibility * math.cos(2.0 * math.radians(ours - theirs))


def _wider(measured: Measured, by: float) -> Measured:
    return Measured(measured.value, math.hypot(measured.uncertainty, by))


def _told(name: str, measured: Measured, expected: float | None) -> dict[str, Any]:
    told = {name: measured.value, f"{name}_uncertainty": measured.uncertainty}
    return told if expected is None else told | {f"expected_{name}": expected}
