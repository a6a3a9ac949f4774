"""What a sweep of a phase modulator's voltage gives, whoever's modulator it is.

Steps `states` and `basis_levels` count at many voltages over one nominal period of
2 V_pi and fit sinusoids to the counts (`qkdlab.calibration.phase_sweep`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.outcome import Curve
from qkdlab.calibration.phase_sweep import PhaseSweepFit
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "LEAST_CONTRAST",
    "sweep_curve",
    "sweep_figures",
    "sweep_problem",
    "sweep_record",
    "sweep_voltages_v",
]

LEAST_CONTRAST = 0.3
"""Of some counts, below which nothing shows the modulator."""
_REACH = 2.0
"""In V_pi of the label: one nominal period."""
_MOST_CHI_SQUARED = 2.5
_MOST_FROM_LABEL = 0.25
_MOST_RELATIVE_ERROR = 0.02
_VALID_S = 30 * 86_400.0


def sweep_voltages_v(label_v: float, n: int) -> NDArray[np.float64]:
    """Return `n` voltages at the generator; label_v: V_pi of the label there."""
    return np.linspace(0.0, _REACH * label_v, n)


def sweep_record(
    ctx: PartyContext[Bb84Parameters], quantity: str, fit: PhaseSweepFit, source: str
) -> CalibrationRecord:
    """Return V_pi as a record."""
    return ctx.calibration.measured(
        quantity,
        fit.v_pi_v.value,
        "V",
        fit.v_pi_v.uncertainty,
        valid_for_s=_VALID_S,
        source=source,
    )


def sweep_figures(quantity: str, fit: PhaseSweepFit) -> dict[str, Any]:
    """Return what the step shows of the fit."""
    return {
        f"{quantity}_v": fit.v_pi_v.value,
        f"{quantity}_uncertainty_v": fit.v_pi_v.uncertainty,
        "compression": fit.compression.value,
        "chi_squared": fit.chi_squared,
    }


def sweep_problem(fit: PhaseSweepFit, label_v: float, parameter: str) -> str | None:
    """Return why the fit is not to be used, and what to do; None when it is.

    parameter: of ``calibration``, that holds the label's V_pi
    """
    if fit.chi_squared > _MOST_CHI_SQUARED:
        return (
            f"the counts are no sinusoids of the voltage (chi squared "
            f"{fit.chi_squared:.1f}); look for a drive that saturates, or a fibre that "
            "is being moved"
        )
    v_pi_v = fit.v_pi_v
    if abs(v_pi_v.value / label_v - 1.0) > _MOST_FROM_LABEL:
        return (
            f"V_pi is {v_pi_v.value:.3g} V where the label says {label_v:g} V; "
            f"correct calibration.{parameter}, or look at the amplifier"
        )
    if v_pi_v.uncertainty > _MOST_RELATIVE_ERROR * v_pi_v.value:
        return (
            f"V_pi is known to {v_pi_v.uncertainty:.2g} V only; raise "
            "calibration.sweep_clicks or the light"
        )
    return None


def sweep_curve(
    title: str,
    volts: NDArray[np.float64],
    counts: NDArray[np.float64],
    fit: PhaseSweepFit,
    row: int,
) -> Curve:
    """Return one row of the counts with what the fit makes of it."""
    mine = counts[row]
    fine = np.linspace(volts[0], volts[-1], 101)
    return Curve(
        title,
        "voltage at the generator (V)",
        "counts",
        tuple(volts.tolist()),
        tuple(mine.tolist()),
        tuple(np.sqrt(np.maximum(mine, 1.0)).tolist()),
        tuple(fine.tolist()),
        tuple(fit.counts(fine)[row].tolist()),
        {"V_pi": fit.v_pi_v.value},
    )
