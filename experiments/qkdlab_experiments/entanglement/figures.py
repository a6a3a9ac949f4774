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
    fringes: tuple[Fringe, Fringe],
    correlations: Mapping[str, Correlation],
    analysers_rad: tuple[float, float],
    darks_hz: Sequence[float],
) -> dict[str, Any]:
    """Return the public figures, each beside that of the labelled state.

    What is expected has the accidental coincidences that were counted.

    fringes:       Alice's analyser at 0, by which both stand, and turned
    analysers_rad: standard uncertainty of each setting of Alice's analyser, of Bob's

    At the settings every correlation has the slope sqrt(2) V by either angle. One that
    is set once, for two correlations, comes into S with both signs of it: S does not
    move with a1, a2, b2, nor with the fringe's centre, common to all. Only b1 is set
    twice, at the beginning and at the end: with independent errors, each in one
    correlation, S has sqrt(2) slope times the uncertainty of Bob's angle from it.
    """
    fringe, turned = fringes
    slope_per_rad = 2.0 * fringe.visibility.value * math.sin(math.pi / 4.0)
    both_rad = math.hypot(*analysers_rad, math.radians(fringe.centre_deg.uncertainty))
    b1_twice = math.sqrt(2.0) * slope_per_rad * analysers_rad[1]
    expected = {name: _expected(p, angles_deg) for name, angles_deg in SETTINGS.items()}
    found: dict[str, Any] = {}
    for name, one in correlations.items():
        at_angles = _wider(one.raw, slope_per_rad * both_rad)
        found |= _told(f"correlation_{name}", at_angles, expected[name] * one.genuine)
    raw = _wider(chsh({name: one.raw for name, one in correlations.items()}), b1_twice)
    net = _wider(chsh({name: one.net for name, one in correlations.items()}), b1_twice)
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
        | _told("fringe_visibility_45", turned.visibility, None)
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
