"""Parameters of BB84 with a receiver that chooses his basis by a modulator."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab_experiments.fresh_parameters import FreshBb84Parameters
from qkdlab_experiments.parameters import (
    Bb84Parameters,
    BiasMicroamps,
    Calibration,
    Detection,
    Tracking,
)

__all__ = [
    "ActiveBb84Parameters",
    "ActiveCalibration",
    "ActiveDetection",
    "BasisChoice",
    "Security",
    "active",
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ActiveDetection(Detection):
    """Two detectors serve both bases."""

    bias_ua: list[BiasMicroamps] = Field(min_length=2, max_length=2)


class ActiveCalibration(Calibration):
    """How the bench is brought up, Bob's modulator included."""

    basis_v_pi_v: float = Field(default=0.8, gt=0, le=10)
    """Of the label of Bob's modulator, at his board's output; a sweep finds the true
    one."""
    basis_clicks: int = Field(default=400_000, ge=10_000, le=10**9)
    """Wanted to find which of Bob's settings meets which pulse."""
    memory_clicks: int = Field(default=12_000_000, ge=100_000, le=10**9)
    """Wanted to tell what detectors remember of a click."""


class BasisChoice(_Model):
    """What Bob's board is told."""

    basis_x_probability: float = Field(default=0.8, gt=0, lt=1)


class Security(_Model):
    """The formula of the key length, and what is fixed before the first pulse."""

    theorem: Literal["bb84-decoy2-eur", "lim2014"] = "bb84-decoy2-eur"
    slack: Literal["chernoff", "hoeffding"] = "chernoff"
    """Tail bound for what unequal detectors may hide; `hoeffding` is the published
    one, and gives the shorter key."""
    committed_length_bits: int | None = Field(default=None, ge=1, le=10**9)
    """Length of the key of each block, fixed before its first pulse; a block whose
    counts allow less gives none. Without it the counts decide."""
    leak_factor: float | None = Field(default=None, ge=1, le=10)
    """What all messages of a block may disclose (lambda_EC), over the Shannon limit
    of the sifted bits and the error rate that `verification` leads to expect; more
    ends the block. Without it as `distillation.reconciliation` asks: 2.25 for cascade,
    2.35 for cascade-far and auto, 1.35 for ldpc."""
    intensity_margin: float = Field(default=0.01, ge=0, lt=1)
    """Relative, by which committed intensities of signal and decoy reach beyond those
    measured before the block: what they may drift in it."""
    vacuum_margin: float = Field(default=0.15, ge=0, lt=1)
    """The same of the weakest class, where a drift of the modulator's null tells."""
    memory_max: float = Field(default=0.06, gt=0, lt=1)
    """By how much a click may still part the detectors' efficiencies behind the masked
    time, at the upper end; more rejects the calibration."""


class ActiveBb84Parameters(FreshBb84Parameters):
    """Decoy-state BB84, fresh settings on both sides; key in X, test in Z."""

    # frozen models: what is narrower may stand for what is wider
    detection: ActiveDetection  # pyright: ignore[reportIncompatibleVariableOverride]
    calibration: ActiveCalibration = (  # pyright: ignore[reportIncompatibleVariableOverride]
        ActiveCalibration()
    )
    receiver: BasisChoice = BasisChoice()
    security: Security = Security()
    tracking: Tracking = Tracking(plates=False)

    @property
    def receiver_chooses(self) -> bool:
        """Bob's modulator chooses the basis."""
        return True

    @property
    def theorem(self) -> str:
        """As a block plan names it."""
        return self.security.theorem

    @model_validator(mode="after")
    def _check_tracking(self) -> Self:
        if self.tracking.plates:
            raise ValueError(
                "tracking.plates: the plates of this receiver are turned in "
                "calibration only; set it false"
            )
        return self


def active(p: Bb84Parameters) -> ActiveBb84Parameters:
    """Return parameters as those of a receiver that chooses, which they must be."""
    if not isinstance(p, ActiveBb84Parameters):
        raise TypeError("these parameters know no modulator of Bob's")
    return p
