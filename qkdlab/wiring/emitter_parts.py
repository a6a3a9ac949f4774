"""Sources of single photons and pairs, pumped by the laser; docs/sources.md."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.wiring.base_part import BasePart

__all__ = ["PairPolarization", "PairSource", "QuantumDot"]


class QuantumDot(BasePart):
    """A dot that each pulse of the laser excites once; ports: ``in``, ``out``.

    The pump goes no further; what of it gets through is `noise_photons`.
    """

    kind: Literal["quantum_dot"]
    wavelength_nm: float = Field(gt=600, lt=2000)
    brightness: float = Field(ge=0, le=1)
    """Mean photons per pulse at ``out`` while it is on."""
    g2_emitter: float = Field(default=0.0, ge=0, le=1)
    noise_photons: float = Field(default=0.0, ge=0, le=10)
    lifetime_ps: float = Field(default=0.0, ge=0, le=1e6)
    on_time_ps: float = Field(default=1e9, ge=1e3, le=1e15)
    off_time_ps: float = Field(default=0.0, ge=0, le=1e15)
    indistinguishability: float = Field(default=1.0, ge=0, le=1)
    """Where two dots' photons meet they overlap by the product of both."""


class PairPolarization(BaseModel):
    """Werner state about cos b |HX> + e^(i p) sin b |VY>; docs/sources.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    family: Literal["phi", "psi"] = "phi"
    phase_rad: float = Field(default=0.0, ge=-math.pi, le=math.pi)
    balance_rad: float = Field(default=math.pi / 4, ge=0, le=math.pi / 2)
    visibility: float = Field(default=1.0, ge=0, le=1)
    rotation_rad: float = Field(default=0.0, ge=-math.pi, le=math.pi)


class PairSource(BasePart):
    """A crystal that makes pairs of photons; ports: ``in``, ``signal``, ``idler``.

    Pumped by pulses it has `pairs_per_pulse`, else `pair_rate_hz`; either only while
    the laser is on.
    """

    kind: Literal["pair_source"]
    wavelength_nm: float = Field(gt=600, lt=2000)
    pair_rate_hz: float = Field(default=0.0, ge=0, le=1e12)
    pairs_per_pulse: float = Field(default=0.0, ge=0, le=100)
    schmidt_number: float | None = Field(default=None, ge=1, le=1e9)
    """Modes of a pulse; Poissonian numbers when not given."""
    heralding_signal: float = Field(default=1.0, ge=0, le=1)
    heralding_idler: float = Field(default=1.0, ge=0, le=1)
    """From the crystal to the ports."""
    state: PairPolarization = PairPolarization()
    correlation_fwhm_ps: float = Field(default=0.0, ge=0, le=1e6)
    emission_fwhm_ps: float = Field(default=0.0, ge=0, le=1e6)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.pair_rate_hz > 0.0 and self.pairs_per_pulse > 0.0:
            raise ValueError(
                f"pair_rate_hz {self.pair_rate_hz:g} Hz and pairs_per_pulse "
                f"{self.pairs_per_pulse:g} exclude each other; give one of them"
            )
        return self
