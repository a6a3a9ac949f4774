"""What is known of the Thorlabs drivers without importing QCoDeS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Ell14Options", "Pm100dOptions"]


class Pm100dOptions(BaseModel):
    """Options of the PM100D with an S155C fibre sensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wavelength_nm: float | None = Field(
        default=None, ge=800, le=1700, json_schema_extra={"apply_on_open": True}
    )
    """Written when the instrument is opened; None leaves it as it is."""
    average: int = Field(default=10, ge=1, le=10_000)
    """Samples of 3 ms in one reading; written before readings."""
    low_pass: bool = True
    """Bandwidth "low", 15 Hz [mem], which is slow: 0.1 s after each change of light;
    written before readings. False: up to 100 kHz. Readings much longer than 10 ms
    average as much noise away without it."""
    relative_uncertainty: float = Field(default=0.015, gt=0, lt=1)
    """Standard uncertainty (k = 1) of the scale, from the sensor's certificate."""
    min_power_w: float = Field(default=1e-9, gt=0, le=1000)
    """Floor of the sensor: what lies below it is noise."""
    max_power_w: float = Field(default=20e-3, gt=0, le=1000)
    """Top of the sensor; readings above are refused."""
    timeout_s: float = Field(default=3.0, gt=0, le=3600)
    zero_timeout_s: float = Field(default=60.0, gt=0, le=3600)


class Ell14Options(BaseModel):
    """Options of one ELL14 rotator on its bus."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: int = Field(ge=0, le=15)
    """Address on the bus, as set with the maker's software."""
    accuracy_deg: float = Field(default=0.1, gt=0, le=90)
    """Standard uncertainty of the absolute angle."""
    zero_deg: float = Field(default=0.0, ge=-360, le=360)
    """Angle of the motor at which the waveplate's axis stands at zero."""
    velocity_percent: int | None = Field(
        default=None, ge=25, le=100, json_schema_extra={"apply_on_open": True}
    )
    """Written when the instrument is opened; None leaves it as it is."""
    timeout_s: float = Field(default=2.0, gt=0, le=3600)
    move_timeout_s: float = Field(default=5.0, gt=0, le=3600)
    """A full turn at full speed takes about 0.9 s."""
    rest_s: float = Field(default=0.1, ge=0, le=600)
    """Between two moves; one client found that a rushed one may end at zero [seen]."""
    tolerance_deg: float = Field(default=0.1, gt=0, le=90)
    """A move that ends further from its aim by the encoder is an error."""


SPECS = (
    DriverSpec(
        name="thorlabs.pm100d",
        model="Thorlabs PM100D with S155C",
        roles=("PowerMeter",),
        endpoints={
            "control": Endpoint("bytes", "USB0::0x1313::0x8078::{serial}::INSTR")
        },
        options=Pm100dOptions,
        target="qkdlab_drivers.thorlabs.pm100d:ThorlabsPm100d",
        limits={"floor_dbm": -60.0, "max_dbm": 13.0},
    ),
    DriverSpec(
        name="thorlabs.ell14",
        model="Thorlabs ELL14",
        roles=("Rotator",),
        endpoints={"control": Endpoint("bytes", "serial:///dev/ttyUSB0?baud=9600")},
        options=Ell14Options,
        target="qkdlab_drivers.thorlabs.ell14:ThorlabsEll14",
    ),
)
