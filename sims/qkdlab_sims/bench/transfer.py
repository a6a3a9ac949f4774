"""From Alice's last modulator to an absorber: Jones matrices of what light passes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.parts import (
    BeamSplitter,
    Fibre,
    FixedLoss,
    IntensityModulator,
    PhaseModulator,
    PolarizingSplitter,
    Tap,
    VariableAttenuator,
    Waveplate,
)
from qkdlab_sims.bench.paths import Step
from qkdlab_sims.optics.polarization import polarizer_jones, waveplate_jones

__all__ = ["Transfer", "Turning", "fixed_jones"]


@dataclass(frozen=True)
class Turning:
    """All that changes between ticks on the way of the light, by part."""

    transmission: Mapping[str, float] = field(default_factory=dict)
    """Of variable attenuators, shutter included."""
    axis_deg: Mapping[str, float] = field(default_factory=dict)
    """Fast axes of the plates that motors turn."""
    rotation: Mapping[str, NDArray[np.complex128]] = field(default_factory=dict)
    """Polarization's rotation by drifting fibres, complex128[2, 2]."""


def fixed_jones(step: Step) -> NDArray[np.complex128]:
    """Return what of a passage never changes: losses, splitters, fixed plates.

    Insertion losses of modulators are in it, their modulation is not.
    """
    jones = np.eye(2, dtype=np.complex128)
    loss_db = step.cable.loss_db
    part = step.part
    match part:
        case FixedLoss():
            loss_db += part.loss_db
        case IntensityModulator() | PhaseModulator() | VariableAttenuator():
            loss_db += part.insertion_loss_db
        case Fibre():
            loss_db += part.length_km * part.loss_db_per_km + part.excess_loss_db
        case Tap():
            fraction = part.tap_fraction
            share = fraction if step.port == "tap" else 1.0 - fraction
            jones = math.sqrt(share) * jones
        case BeamSplitter():
            share = part.x_fraction if step.port == "x" else 1.0 - part.x_fraction
            jones = math.sqrt(share) * jones
        case PolarizingSplitter():
            angle_rad = 0.0 if step.port == "h" else math.pi / 2
            jones = polarizer_jones(angle_rad, part.extinction_db)
        case Waveplate(instrument=None):
            angle_rad = math.radians(part.angle_deg)
            jones = waveplate_jones(angle_rad, part.retardance_waves)
    jones *= 10.0 ** (-loss_db / 20.0)
    return jones


class Transfer:
    """The way through some steps, quick to evaluate again when knobs turn."""

    def __init__(self, steps: Sequence[Step]) -> None:
        # Fixed matrices with one turned step between each and the next.
        self._turned = [step for step in steps if _is_turned(step)]
        self._fixed = [np.eye(2, dtype=np.complex128)]
        for step in steps:
            if _is_turned(step):
                self._fixed.append(np.eye(2, dtype=np.complex128))
            self._fixed[-1] = fixed_jones(step) @ self._fixed[-1]

    def jones(self, turning: Turning) -> NDArray[np.complex128]:
        """Return the 2x2 matrix of the whole way."""
        total = self._fixed[0]
        for step, fixed in zip(self._turned, self._fixed[1:], strict=True):
            total = fixed @ _turned_jones(step, turning) @ total
        return total


def _is_turned(step: Step) -> bool:
    match step.part:
        case Waveplate(instrument=str()) | VariableAttenuator() | Fibre():
            return True
        case _:
            return False


def _turned_jones(step: Step, turning: Turning) -> NDArray[np.complex128]:
    match step.part:
        case Waveplate():
            angle_rad = math.radians(turning.axis_deg[step.name])
            return waveplate_jones(angle_rad, step.part.retardance_waves)
        case Fibre():
            return turning.rotation[step.name]
        case _:
            amplitude = math.sqrt(turning.transmission[step.name])
            return amplitude * np.eye(2, dtype=np.complex128)
