"""What each pulse of a laser has of its own; laws: docs/sources.md."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LaserPulses"]


class LaserPulses(BaseModel):
    """Timing, noise, chirp and phase of a gain-switched diode's pulses.

    Sources and sizes: docs/sources.md, "Laser diode: pulse by pulse".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    jitter_rms_ps: float = Field(default=0.0, ge=0, le=1e4)
    """Of the turn-on, common to all photons of a pulse."""
    chirp: float = Field(default=0.0, ge=-100, le=100)
    """C of the field exp(-(1 + iC) t^2 / (2 T^2)); shows behind dispersion."""
    noise_rms: float = Field(default=0.0, ge=0, le=0.3)
    """Relative intensity noise from pulse to pulse."""
    noise_neighbour: float = Field(default=0.0, ge=-0.5, le=0.5)
    """Correlation of that noise between neighbours."""
    linewidth_enhancement: float = Field(default=4.0, ge=-20, le=20)
    photon_lifetime_ps: float = Field(default=2.0, ge=0.1, le=100)
    peak_photons: float = Field(default=1e5, ge=1, le=1e12)
    spontaneous_per_ps: float = Field(default=1.0, ge=0, le=1e6)
