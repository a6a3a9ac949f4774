"""From Alice's last modulator to an absorber: Jones matrices of what light passes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.graph import Stage
from qkdlab.wiring.parts import (
    BeamSplitter,
    Fibre,
    FixedLoss,
    FreeSpace,
    PolarizingSplitter,
    SatellitePass,
    Snspd,
    Spad,
    Squeezer,
    VariableAttenuator,
    Waveplate,
)
from qkdlab.wiring.passage import passage_db
from qkdlab_sims.optics.polarization import (
    diattenuator_jones,
    dichroism_jones,
    polarizer_jones,
    waveplate_jones,
)

__all__ = ["Transfer", "Turning", "fixed_jones"]


@dataclass(frozen=True)
class Turning:
    """All that changes between ticks on the way of the light, by part."""

    transmission: Mapping[str, float] = field(default_factory=dict)
    """Of variable attenuators, shutter included, and of open air by its weather."""
    axis_deg: Mapping[str, float] = field(default_factory=dict)
    """Fast axes of the plates that motors turn."""
    rotation: Mapping[str, NDArray[np.complex128]] = field(default_factory=dict)
    """Polarization's rotation by drifting fibres, complex128[2, 2]."""
    retardance_rad: Mapping[str, float] = field(default_factory=dict)
    """Of squeezers."""


def fixed_jones(stage: Stage) -> NDArray[np.complex128]:
    """Return what of a passage never changes: losses, splitters, fixed plates.

    Insertion losses of modulators are in it, their modulation is not.
    """
    jones = np.eye(2, dtype=np.complex128)
    loss_db = stage.loss_db
    match stage.part:
        case BeamSplitter() if (stage.entry, stage.exit) == ("in2", "x"):
            jones = -jones  # what leaves is no more than what came: one of four signs
        case PolarizingSplitter():
            angle_rad = 0.0 if stage.exit == "h" else math.pi / 2
            jones = polarizer_jones(angle_rad, stage.part.extinction_db)
            # The graph's loss is that of unpolarized light.
            loss_db -= passage_db(stage.part, stage.exit)
        case Waveplate(instrument=None):
            angle_rad = math.radians(stage.part.angle_deg)
            jones = waveplate_jones(angle_rad, stage.part.retardance_waves)
        case FixedLoss() | VariableAttenuator():
            axis_rad = math.radians(stage.part.pdl_axis_deg)
            jones = diattenuator_jones(axis_rad, stage.part.pdl_db)
        case Snspd() | Spad() if stage.part.polarization_ratio < 1.0:
            axis_rad = math.radians(stage.part.polarization_axis_deg)
            jones = dichroism_jones(stage.part.polarization_ratio, axis_rad)
    jones *= 10.0 ** (-loss_db / 20.0)
    return jones


class Transfer:
    """The way through some stages, quick to evaluate again when knobs turn."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        # Fixed matrices with one turned stage between each and the next.
        self._turned = [stage for stage in stages if _is_turned(stage)]
        self._fixed = [np.eye(2, dtype=np.complex128)]
        for stage in stages:
            if _is_turned(stage):
                self._fixed.append(np.eye(2, dtype=np.complex128))
            self._fixed[-1] = fixed_jones(stage) @ self._fixed[-1]

    def jones(self, turning: Turning) -> NDArray[np.complex128]:
        """Return the 2x2 matrix of the whole way."""
        total = self._fixed[0]
        for stage, fixed in zip(self._turned, self._fixed[1:], strict=True):
            total = fixed @ _turned(stage, turning, total)
        return total


def _is_turned(stage: Stage) -> bool:
    match stage.part:
        case Waveplate(instrument=str()) | VariableAttenuator() | Fibre():
            return True
        case FreeSpace() | SatellitePass() | Squeezer():
            return True
        case _:
            return False


def _turned(
    stage: Stage, turning: Turning, incoming: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    match stage.part:
        case Waveplate():
            angle_deg = turning.axis_deg[stage.name]
            return _plate(angle_deg, stage.part.retardance_waves) @ incoming
        case Squeezer():
            axis_deg = stage.part.axis_deg + stage.part.axis_error_deg
            waves = turning.retardance_rad[stage.name] / (2.0 * math.pi)
            return _plate(axis_deg, waves) @ incoming
        case Fibre():
            return turning.rotation[stage.name] @ incoming
        case _:
            return math.sqrt(turning.transmission[stage.name]) * incoming


@functools.lru_cache(maxsize=64)
def _plate(angle_deg: float, retardance_waves: float) -> NDArray[np.complex128]:
    # Every detector's way asks again for plates that mostly rest.
    return waveplate_jones(math.radians(angle_deg), retardance_waves)
