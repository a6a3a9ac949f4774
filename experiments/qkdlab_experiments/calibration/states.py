"""Step 5: V_pi of the polarization modulator from Bob's counts.

Alice sends symbols at many voltages of her phase modulator in one public frame; the
counts of each of Bob's detectors follow a sinusoid of the voltage, of period 2 V_pi
whatever the fibre does (BENCHES, calibration step 5). Bob counts, Alice fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.calibration.phase_sweep import fit_phase_sweep
from qkdlab.protocols.symbols import Basis
from qkdlab.roles import PolarizationCompensator, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import acquire_clicks, align
from qkdlab_experiments.calibration.counting import (
    count_alone,
    public_table,
    seconds_for,
)
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.light import (
    relative_transmissions,
    set_rough_level,
)
from qkdlab_experiments.calibration.pattern import listen, play, slots_of_pattern
from qkdlab_experiments.calibration.phase_levels import (
    sweep_curve,
    sweep_figures,
    sweep_problem,
    sweep_record,
    sweep_voltages_v,
)
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["N_LEVELS", "alice", "bob", "sweep_levels"]

N_LEVELS = 32
_QUANTITY = "polarization_v_pi"
_MIX = 13
"""Coprime to the number of levels: neighbours in time are not neighbours in voltage."""
_ENOUGH_CONTRAST = 0.4
"""Of some detector's counts: less leaves V_pi too uncertain, and other plates help."""
_TURNS_DEG: tuple[tuple[float, ...], ...] = ((0, 0, 0), (0, 22.5, 0), (45, 22.5, 0))


def sweep_levels(p: Bb84Parameters) -> NDArray[np.int64]:
    """Return the level of every symbol of the frame, -1 in the header.

    Every level occurs equally often; what is left over at the end is -1, too.
    """
    body = p.pattern.symbols - p.pattern.header_symbols
    k = np.arange(body)
    levels = (_MIX * k + 7 * (k // N_LEVELS)) % N_LEVELS
    levels[body // N_LEVELS * N_LEVELS :] = -1
    return np.concatenate([np.full(p.pattern.header_symbols, -1), levels])


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Send the sweep, then fit Bob's counts."""
    p = ctx.parameters
    set_rough_level(ctx)
    frame, levels = polarimetry_frame(p), sweep_levels(p)
    label_v = p.calibration.polarization_v_pi_v
    volts = sweep_voltages_v(label_v, N_LEVELS)
    # header symbols get the four states as the label has them
    phases = np.array([0.0, 1.0, 0.5, 1.5])[frame & 3]
    symbols_v = np.where(levels < 0, phases * label_v, volts[levels])
    said = play(ctx, frame, relative_transmissions(p), polarization_v=symbols_v)
    if "counts" not in said:
        return StepOutcome()
    return _fitted(ctx, volts, public_table(said, "counts", N_LEVELS))


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count by voltage; turn the plates when no detector sees the modulator."""
    bias_on(ctx)
    return listen(ctx, lambda: _counted(ctx))


def _counted(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    compensator: PolarizationCompensator = ctx.roles["compensator"]
    fit, blocks = slots_of_pattern(ctx)
    seconds = seconds_for(blocks, p.calibration.sweep_clicks, p)
    levels, label_v = sweep_levels(p), p.calibration.polarization_v_pi_v
    volts = sweep_voltages_v(label_v, N_LEVELS)
    contrasts: list[float] = []
    for turn, angles in enumerate(_TURNS_DEG):
        if turn:
            compensator.set_angles_deg(angles)
        clicks = acquire_clicks(receiver, p, align(fit, p), seconds)
        counts = count_alone(clicks, levels, N_LEVELS, len(receiver.channels))
        fitted = fit_phase_sweep(volts, counts, label_v)
        contrasts = [c.value for c in fitted.contrast]
        if max(contrasts) >= _ENOUGH_CONTRAST:
            said = {"counts": counts.astype(int).tolist()}
            figures = {"contrast": contrasts, "plate_settings_tried": turn + 1}
            curves = tuple(
                sweep_curve(
                    f"Phase modulator seen by {Basis(basis).name}{bit}",
                    volts,
                    counts,
                    fitted,
                    row,
                )
                for row, (basis, bit) in enumerate(receiver.channels)
            )
            return StepOutcome(figures=figures, curves=curves), said
    return StepOutcome(
        figures={"contrast": contrasts},
        problem="no detector sees the phase modulator at any setting of the plates: "
        f"greatest contrast {max(contrasts):.2f}, wanted {_ENOUGH_CONTRAST:g}; look at "
        "the modulator's drive and at the polarization that enters it",
    ), {}


def _fitted(
    ctx: PartyContext[Bb84Parameters],
    volts: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> StepOutcome:
    label_v = ctx.parameters.calibration.polarization_v_pi_v
    fit = fit_phase_sweep(volts, counts, label_v)
    record = sweep_record(ctx, _QUANTITY, fit, "voltage sweep, counts of all detectors")
    return StepOutcome(
        (record,),
        sweep_figures(_QUANTITY, fit),
        problem=sweep_problem(fit, label_v, "polarization_v_pi_v"),
    )
