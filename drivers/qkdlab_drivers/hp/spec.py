"""What is known of the Hewlett-Packard drivers without importing QCoDeS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Hp8156AOptions"]


class Hp8156AOptions(BaseModel):
    """Options of the 8156A."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wavelength_nm: float | None = Field(
        default=None, ge=1200, le=1650, json_schema_extra={"apply_on_open": True}
    )
    """Written when the instrument is opened; None leaves it as it is."""
    repeatability_db: float = Field(default=0.006, ge=0, le=10)
    """Standard deviation from one move to the next; +-0.01 dB of the data sheet [mem],
    taken as even."""
    timeout_s: float = Field(default=3.0, gt=0, le=3600)
    settle_timeout_s: float = Field(default=5.0, gt=0, le=3600)
    """For the filter to come to rest; a move takes up to about 0.5 s."""
    shutter_settle_s: float = Field(default=0.1, ge=0, le=600)
    """Waited after the shutter moved; the instrument does not tell."""


SPECS = (
    DriverSpec(
        name="hp.8156a",
        model="HP 8156A",
        roles=("Attenuator",),
        endpoints={"control": Endpoint("bytes", "GPIB0::28::INSTR")},
        options=Hp8156AOptions,
        target="qkdlab_drivers.hp.attenuator_8156a:Hp8156A",
        limits={"min_attenuation_db": 0.0, "max_attenuation_db": 60.0},
    ),
)
