"""V_pi of Bob's phase modulator, from his own counts of Alice's public states.

Bob holds one voltage after the other; counts of each state at each detector follow a
sinusoid of the voltage, of period 2 V_pi whatever fibre and plates do (as in `states`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.phase_sweep import PhaseSweepFit, fit_phase_sweep
from qkdlab.roles import BasisModulator, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.calibration.counting import count_alone, seconds_for
from qkdlab_experiments.calibration.delays import alice
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.pattern import listen, slots_of_pattern
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob"]

_LEVELS = 16
_LEAST_CONTRAST = 0.3
_MOST_CHI_SQUARED = 2.5
_MOST_FROM_LABEL = 0.25
_MOST_RELATIVE_ERROR = 0.02
_VALID_S = 30 * 86_400.0


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count at every voltage and fit."""
    bias_on(ctx)
    return listen(ctx, lambda: _measured(ctx))


def _measured(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = active(ctx.parameters)
    receiver: Receiver = ctx.roles["receiver"]
    modulator: BasisModulator = ctx.roles["basis_modulator"]
    fit, blocks = slots_of_pattern(ctx)
    clicks_a_level = p.calibration.sweep_clicks // _LEVELS
    seconds = seconds_for(blocks, clicks_a_level, p)
    states = (polarimetry_frame(p) & np.uint8(3)).astype(np.int64)
    label_v = p.calibration.basis_v_pi_v
    volts = np.linspace(0.0, 2.0 * label_v, _LEVELS)
    counts = np.zeros((8, _LEVELS))
    for k, level_v in enumerate(volts.tolist()):
        ctx.progress("voltages of Bob's modulator", k, _LEVELS)
        modulator.hold_v(level_v, p.symbol_period_ps)
        clicks = acquire_clicks(receiver, p, align(fit, p), seconds)
        counts[:, k] = count_alone(clicks, states, 4, 2).reshape(-1)
    modulator.stop()
    fitted = fit_phase_sweep(volts, counts, label_v)
    figures = {
        "basis_v_pi_v": fitted.v_pi_v.value,
        "basis_v_pi_uncertainty_v": fitted.v_pi_v.uncertainty,
        "contrast": [c.value for c in fitted.contrast],
        "chi_squared": fitted.chi_squared,
    }
    record = ctx.calibration.measured(
        "basis_v_pi",
        fitted.v_pi_v.value,
        "V",
        fitted.v_pi_v.uncertainty,
        valid_for_s=_VALID_S,
        source="voltage sweep, counts of public states",
    )
    seen = int(np.argmax([c.value for c in fitted.contrast]))
    fine = np.linspace(volts[0], volts[-1], 101)
    curve = Curve(
        "Bob's phase modulator",
        "voltage at the board (V)",
        "counts",
        tuple(volts.tolist()),
        tuple(counts[seen].tolist()),
        tuple(np.sqrt(np.maximum(counts[seen], 1.0)).tolist()),
        tuple(fine.tolist()),
        tuple(fitted.counts(fine)[seen].tolist()),
        {"V_pi": fitted.v_pi_v.value},
    )
    return StepOutcome((record,), figures, (curve,), _problem(label_v, fitted)), {}


def _problem(label_v: float, fit: PhaseSweepFit) -> str | None:
    contrast = max(c.value for c in fit.contrast)
    if contrast < _LEAST_CONTRAST:
        return (
            f"no state shows Bob's phase modulator: greatest contrast {contrast:.2f}, "
            f"wanted {_LEAST_CONTRAST:g}; look at its drive and at its fibres' axes"
        )
    if fit.chi_squared > _MOST_CHI_SQUARED:
        return (
            f"the counts are no sinusoids of the voltage (chi squared "
            f"{fit.chi_squared:.1f}); look for a drive that saturates"
        )
    v_pi_v = fit.v_pi_v
    if abs(v_pi_v.value / label_v - 1.0) > _MOST_FROM_LABEL:
        return (
            f"V_pi is {v_pi_v.value:.3g} V where the label says {label_v:g} V; "
            "correct calibration.basis_v_pi_v, or look at the amplifier"
        )
    if v_pi_v.uncertainty > _MOST_RELATIVE_ERROR * v_pi_v.value:
        return (
            f"V_pi is known to {v_pi_v.uncertainty:.2g} V only; raise "
            "calibration.sweep_clicks or the light"
        )
    return None
