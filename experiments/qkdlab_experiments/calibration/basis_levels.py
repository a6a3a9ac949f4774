"""V_pi of Bob's phase modulator, from his own counts of Alice's public states.

Bob holds one voltage after the other; counts of each state at each detector follow a
sinusoid of the voltage, of period 2 V_pi whatever fibre and plates do (as in `states`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.calibration.phase_sweep import fit_phase_sweep
from qkdlab.roles import BasisModulator, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.calibration.counting import count_alone, seconds_for
from qkdlab_experiments.calibration.delays import alice
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.pattern import listen, slots_of_pattern
from qkdlab_experiments.calibration.phase_levels import (
    LEAST_CONTRAST,
    sweep_curve,
    sweep_figures,
    sweep_problem,
    sweep_record,
    sweep_voltages_v,
)
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob"]

_LEVELS = 16
_QUANTITY = "basis_v_pi"


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
    volts = sweep_voltages_v(label_v, _LEVELS)
    counts = np.zeros((8, _LEVELS))
    for k, level_v in enumerate(volts.tolist()):
        ctx.progress("voltages of Bob's modulator", k, _LEVELS)
        modulator.hold_v(level_v, p.symbol_period_ps)
        clicks = acquire_clicks(receiver, p, align(fit, p), seconds)
        counts[:, k] = count_alone(clicks, states, 4, 2).reshape(-1)
    modulator.stop()
    fitted = fit_phase_sweep(volts, counts, label_v)
    contrasts = [c.value for c in fitted.contrast]
    figures = {**sweep_figures(_QUANTITY, fitted), "contrast": contrasts}
    seen = int(np.argmax(contrasts))
    curve = sweep_curve("Bob's phase modulator", volts, counts, fitted, seen)
    problem = sweep_problem(fitted, label_v, "basis_v_pi_v")
    if contrasts[seen] < LEAST_CONTRAST:
        problem = (
            f"no state shows Bob's phase modulator: greatest contrast "
            f"{contrasts[seen]:.2f}, wanted {LEAST_CONTRAST:g}; look at its drive and "
            "at its fibres' axes"
        )
    record = sweep_record(
        ctx, _QUANTITY, fitted, "voltage sweep, counts of public states"
    )
    return StepOutcome((record,), figures, (curve,), problem), {}
