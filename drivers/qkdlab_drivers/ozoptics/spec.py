"""What is known of the OZ Optics drivers without importing QCoDeS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Dd100Options"]


class Dd100Options(BaseModel):
    """Options of the DD-100-MC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home_on_open: bool = Field(default=False, json_schema_extra={"apply_on_open": True})
    """Find the home position when the unit does not know where its motor stands. On its
    way the motor opens the path: only where no light can do harm."""
    attenuation_db_on_open: float | None = Field(
        default=None, ge=0, le=100, json_schema_extra={"apply_on_open": True}
    )
    """Written when the instrument is opened; None leaves it as it is."""
    min_attenuation_db: float = Field(default=1.2, ge=0, le=300)
    """Taken for the least attenuation until the unit has told its insertion loss."""
    max_attenuation_db: float = Field(default=60.0, gt=0, le=300)
    """Taken for the greatest attenuation until the unit has told its own."""
    timeout_s: float = Field(default=3.0, gt=0, le=3600)
    move_timeout_s: float = Field(default=40.0, gt=0, le=3600)
    """For homing and for a move, during which the unit is deaf."""


SPECS = (
    DriverSpec(
        name="ozoptics.dd100",
        model="OZ Optics DD-100-MC",
        roles=("Attenuator",),
        endpoints={"control": Endpoint("bytes", "serial:///dev/ttyUSB0?baud=9600")},
        options=Dd100Options,
        target="qkdlab_drivers.ozoptics.attenuator_dd100:OzDd100",
        limits={"min_attenuation_db": 1.2, "max_attenuation_db": 60.0},
    ),
)
