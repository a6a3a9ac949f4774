"""What a run says of two lights at a beam splitter: the figures of its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab_experiments.hom import HomParameters
from qkdlab_experiments.interference.counting import Alone
from qkdlab_experiments.interference.dip import fit_dip, visibility
from qkdlab_experiments.interference.expected import expected_coincidences

__all__ = ["Point", "figures"]

_LIMITS = {"coherent": 0.5, "thermal": 1.0 / 3.0, "single_photons": 1.0}
"""Depth of the dip of dim light, all alike and of equal means."""


@dataclass(frozen=True, eq=False)
class Point:
    """One delay of the scan; coincidences int64[2 lags + 1] by lag."""

    delay_ps: float
    coincidences: NDArray[np.int64]


def figures(
    p: HomParameters,
    darks_hz: Sequence[float],
    alone: tuple[Alone, Alone],
    points: Sequence[Point],
) -> dict[str, Any]:
    """Return the public figures."""
    nearest = min(abs(point.delay_ps) for point in points)
    counts = sum(
        (q.coincidences for q in points if abs(q.delay_ps) == nearest),
        np.zeros(2 * p.lags + 1, np.int64),
    )
    _refuse_other_lag(p, counts)
    seen = visibility(counts[_held(p)])
    dip = fit_dip(
        [q.delay_ps for q in points], [int(q.coincidences[p.lags]) for q in points]
    )
    means = np.array([one.mean_photons for one in alone])
    gate_s = 2e-12 * p.half_gate_ps
    dark = darks_hz[0] * gate_s, darks_hz[1] * gate_s
    expected = expected_coincidences(p.light, means, dark)
    found: dict[str, Any] = {}
    for name, measured in (
        ("visibility", seen),
        ("dip_visibility", dip.depth),
        ("dip_fwhm_ps", dip.fwhm_ps),
        ("dip_centre_ps", dip.centre_ps),
    ):
        found[name] = measured.value
        found[f"{name}_uncertainty"] = measured.uncertainty
    return found | {
        "expected_visibility": expected.visibility,
        "expected_dip_visibility": expected.dip,
        "dim_light_visibility": _LIMITS[p.light],
        "scan": [_told(p, point) for point in points],
        "mean_photons": means.tolist(),
        "attenuation_db": [one.attenuation_db for one in alone],
        "dark_rates_hz": list(darks_hz),
    }


def _told(p: HomParameters, point: Point) -> dict[str, Any]:
    seen = visibility(point.coincidences[_held(p)])
    return {
        "delay_ps": point.delay_ps,
        "visibility": seen.value,
        "visibility_uncertainty": seen.uncertainty,
        "coincidences": point.coincidences.tolist(),
    }


def _held(p: HomParameters) -> NDArray[np.bool_]:
    """Return which lags are held against each other: not those next to the middle."""
    lag = np.abs(np.arange(-p.lags, p.lags + 1))
    held: NDArray[np.bool_] = (lag == 0) | (lag > p.near_lags)
    return held


def _refuse_other_lag(p: HomParameters, counts: NDArray[np.int64]) -> None:
    """Raise UsageError when the dip is at another lag than the middle.

    Tags tell the delay of the second detector to whole periods only by that.
    """
    lag = int(np.argmin(counts)) - p.lags
    others = np.delete(counts, lag + p.lags)
    mean = float(others.mean())
    if lag != 0 and float(counts.min()) < mean - 6.0 * max(mean, 1.0) ** 0.5:
        raise UsageError(
            f"the dip is {lag} periods of {p.symbol_period_ps} ps off; add "
            f"{lag * p.symbol_period_ps} to parameters.detector_delay_ps"
        )
