"""The steps in order, by name; their halves are imported when they run.

`qkdlab.session.steps.run_steps` runs them. Whoever only checks a configuration imports
this module and nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qkdlab.session.experiment import CalibrationHalf, CalibrationStep

if TYPE_CHECKING:
    from qkdlab.calibration.outcome import StepOutcome
    from qkdlab.session.experiment import PartyContext
    from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["ACTIVE_STEPS", "STEPS", "steps_of"]


def _half(module: str, party: str) -> CalibrationHalf:
    """Return the function `party` of a module beside this one, not yet imported."""

    def half(ctx: PartyContext[Any]) -> StepOutcome:
        found = import_module(f"qkdlab_experiments.calibration.{module}")
        run: CalibrationHalf = getattr(found, party)
        return run(ctx)

    return half


def _halves(module: str, *parties: str) -> dict[str, CalibrationHalf]:
    return {party: _half(module, party) for party in parties}


def _each(n: int, *quantities: str) -> tuple[str, ...]:
    """Return the quantities of every detector."""
    return tuple(f"{quantity}_{d}" for quantity in quantities for d in range(n))


_LASER = ("meter_offset_w", "laser_bias_ma")
_INTENSITIES = (
    *(f"mean_photon_number_{name}" for name in ("signal", "decoy", "vacuum")),
    *(f"tap_power_w_{name}" for name in ("signal", "decoy", "vacuum")),
    "attenuation_db",
    "meter_offset_w",
)
_MODULATOR = (
    "modulator_null_v",
    "modulator_dc_v_pi_v",
    "modulator_extinction",
    "intensity_v_pi",
)
_PLATES = tuple(f"plate_angle_deg_{i}" for i in range(3))
_ZEROS = tuple(f"plate_zero_deg_{i}" for i in range(3))


def _steps(n_detectors: int, *, receiver_chooses: bool) -> tuple[CalibrationStep, ...]:
    bias = _each(n_detectors, "bias_ua")
    chosen = ("basis_v_pi",) if receiver_chooses else ()
    timed = (*chosen, "basis_lag_ps") if receiver_chooses else ()
    steps = (
        CalibrationStep(
            name="detectors",
            title="dark counts and bias of the nanowires, shutter closed",
            halves=_halves("detectors", "alice", "bob"),
            gives={"bob": _each(n_detectors, "bias_ua", "dark_rate_hz")},
        ),
        CalibrationStep(
            name="laser",
            title="meter zero, threshold of the laser, current below it",
            halves=_halves("laser", "alice"),
            gives={"alice": ("meter_offset_w", "laser_threshold_ma", "laser_bias_ma")},
        ),
        CalibrationStep(
            name="modulator",
            title="null, V_pi and extinction of the intensity modulator",
            halves=_halves("modulator", "alice"),
            needs={"alice": _LASER},
            gives={"alice": _MODULATOR},
        ),
        CalibrationStep(
            name="timing",
            title="pulse inside the symbol, at both modulators",
            halves=_halves("timing", "alice", "bob"),
            needs={"alice": _LASER + _MODULATOR, "bob": bias},
            gives={
                "alice": ("symbol_phase_deg", "polarization_skew_ps", "edge_rise_ps")
            },
        ),
        CalibrationStep(
            name="states",
            title="V_pi of the polarization modulator from Bob's counts",
            halves=_halves("states", "alice", "bob"),
            needs={"bob": bias},
            gives={"alice": ("polarization_v_pi",)},
        ),
        CalibrationStep(
            name="intensities",
            title="mean photon number of every class, attenuator",
            halves=_halves("intensities", "alice"),
            needs={"alice": _LASER + _MODULATOR},
            gives={"alice": _INTENSITIES},
        ),
        CalibrationStep(
            name="delays",
            title="delay and jitter of each detector, gate",
            halves=_halves("delays", "alice", "bob"),
            needs={"alice": ("polarization_v_pi",), "bob": bias},
            gives={"bob": _each(n_detectors, "delay_ps", "jitter_fwhm_ps")},
        ),
        CalibrationStep(
            name="basis_levels",
            title="V_pi of Bob's phase modulator",
            halves=_halves("basis_levels", "alice", "bob"),
            needs={"alice": ("polarization_v_pi",), "bob": bias},
            gives={"bob": ("basis_v_pi",)},
        ),
        CalibrationStep(
            name="polarization",
            title="plates turned until Alice's states meet Bob's splitters",
            halves=_halves("polarization", "alice", "bob"),
            needs={"alice": ("polarization_v_pi",), "bob": (*bias, *chosen)},
            gives={"bob": _PLATES + _ZEROS},
        ),
        CalibrationStep(
            name="basis_timing",
            title="which of Bob's settings meets which pulse",
            halves=_halves("basis_timing", "alice", "bob"),
            needs={
                "alice": ("polarization_v_pi",),
                "bob": (*bias, *_PLATES, *chosen),
            },
            gives={"bob": ("basis_lag_ps",)},
        ),
        CalibrationStep(
            name="balance",
            title="efficiencies of the detectors against each other",
            halves=_halves("balance", "alice", "bob"),
            needs={"alice": ("polarization_v_pi",), "bob": (*bias, *_PLATES, *chosen)},
            gives={"bob": ("efficiency_mismatch",)},
        ),
        CalibrationStep(
            name="memory",
            title="after how long a click is forgotten",
            halves=_halves("memory", "alice", "bob"),
            needs={"alice": ("polarization_v_pi",), "bob": (*bias, *_PLATES, *chosen)},
            gives={"bob": ("recovery_ps", "memory_mismatch")},
        ),
        CalibrationStep(
            name="verification",
            title="error rate of every state, gain of every class",
            halves=_halves("verification", "alice", "bob"),
            needs={
                "alice": (
                    "polarization_v_pi",
                    "mean_photon_number_signal",
                    "mean_photon_number_decoy",
                    "mean_photon_number_vacuum",
                ),
                "bob": (
                    *bias,
                    *_PLATES,
                    *timed,
                    *_each(n_detectors, "dark_rate_hz"),
                ),
            },
            gives={"alice": ("link_transmission", "error_rate_x")},
        ),
    )
    return tuple(s for s in steps if receiver_chooses or s.name not in _OF_MODULATOR)


_OF_MODULATOR = ("basis_levels", "basis_timing", "memory")
"""Steps of receivers that choose by a modulator."""

STEPS = _steps(4, receiver_chooses=False)
"""(1) to (10) of BENCHES, "Calibration order"."""

ACTIVE_STEPS = _steps(2, receiver_chooses=True)
"""The same with Bob's modulator, its levels and its timing, and with the detectors'
memory."""


def steps_of(p: Bb84Parameters) -> tuple[CalibrationStep, ...]:
    """Return the steps of the receiver that the parameters stand for."""
    return ACTIVE_STEPS if p.receiver_chooses else STEPS
