"""What a configuration may let go wrong on the bench itself, at some moment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Incident"]

Place = Annotated[int, Field(ge=0, le=255)]


class Incident(BaseModel):
    """One incident.

    latch:    a spike on the bias line drives the wires normal for a moment; they stay
              so until their bias is taken away
    silence:  the wires detect nothing for a while, and their voltages are low
    brighten: the light that leaves variable attenuators is brighter for a while
    turn:     somebody moves the fibre: its rotation of polarization changes for good
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["latch", "silence", "brighten", "turn"]
    at_s: float = Field(ge=0, le=1e9)
    """Of the world's time."""
    duration_s: float = Field(default=0.5, gt=0, le=1e9)
    """Of silence and brighter light."""
    detectors: list[Place] = Field(default_factory=list)
    """Places in the bank, as in the truth; none given: all."""
    gain_db: float = Field(default=6.0, gt=0, le=300)
    angle_rad: float = Field(default=0.5, ge=-7, le=7)
    """On the Poincare sphere, about an axis between the others."""
