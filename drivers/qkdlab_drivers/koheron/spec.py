"""What is known of the Koheron drivers without importing QCoDeS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Ctl200Options"]


class Ctl200Options(BaseModel):
    """Options of the CTL200."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    current_limit_ma: float = Field(gt=0, le=200)
    """What the laser bears; written and read back before the laser may go on."""
    current_tolerance_ma: float = Field(default=0.02, gt=0, le=1)
    """By so much an echo may differ from what was asked for: it tells what the
    converter took, in steps of some microamperes [guess]."""
    thermistor_tolerance_ohm: float = Field(default=50.0, gt=0, le=1e6)
    """The laser may be on within this of the set point; about 0.1 K of a 10 kOhm
    thermistor."""
    settle_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """For the temperature to come within its tolerance."""
    thermistor_ohm_on_open: float | None = Field(
        default=None, gt=100, lt=1e6, json_schema_extra={"apply_on_open": True}
    )
    """Set point written when the instrument is opened; None leaves it as it is."""
    cooler_on_open: bool | None = Field(
        default=None, json_schema_extra={"apply_on_open": True}
    )
    """Whether the cooler is switched when it is opened; None leaves it as it is."""
    ramp_s: float = Field(default=0.05, ge=0, le=600)
    """Waited for the current to rise after the instrument's own start delay."""
    timeout_s: float = Field(default=2.0, gt=0, le=3600)


SPECS = (
    DriverSpec(
        name="koheron.ctl200",
        model="Koheron CTL200",
        roles=("LaserDriver",),
        endpoints={"control": Endpoint("bytes", "serial:///dev/ttyUSB0?baud=115200")},
        options=Ctl200Options,
        target="qkdlab_drivers.koheron.laser_ctl200:KoheronCtl200",
        limits={"max_current_ma": 200.0},
    ),
)
