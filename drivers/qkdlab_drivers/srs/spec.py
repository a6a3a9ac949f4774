"""What is known of the Stanford Research Systems drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Dc205Options", "Dg645Options", "Sg384Options"]


class Dg645Options(BaseModel):
    """Options of the DG645."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timebase: Literal["external", "any"] = "any"
    """External: it refuses to take triggers unless 10 MHz arrive at its rear."""

    timeout_s: float = Field(default=3.0, gt=0, le=3600)
    listen_s: float = Field(default=0.1, gt=0, le=3600)
    """How long it listens for triggers before it says that there are none."""


class Sg384Options(BaseModel):
    """Options of the SG384; those of the sine are written when it is opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: Literal["type_n", "bnc"] = "type_n"
    """The output that clocks: type N from 950 kHz, BNC up to 62.5 MHz."""
    frequency_hz_on_open: float | None = Field(
        default=None, gt=0, le=4.05e9, json_schema_extra={"apply_on_open": True}
    )
    phase_deg_on_open: float | None = Field(
        default=None, ge=-360, le=360, json_schema_extra={"apply_on_open": True}
    )
    power_dbm_on_open: float | None = Field(
        default=None, ge=-110, le=16.5, json_schema_extra={"apply_on_open": True}
    )
    output_on_open: bool | None = Field(
        default=None, json_schema_extra={"apply_on_open": True}
    )
    """None, for each of these, leaves it as it is."""
    timeout_s: float = Field(default=3.0, gt=0, le=3600)


class Dc205Options(BaseModel):
    """Options of the DC205."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    range_v: Literal[1, 10, 100] = 10
    """The range that is needed; written, with the output off, before it is used."""
    max_abs_v: float = Field(default=10.0, gt=0, le=101)
    """What the load bears; more is refused whatever the range."""
    settle_s: float = Field(default=0.05, ge=0, le=600)
    """Waited after the output changed; the instrument does not tell."""
    timeout_s: float = Field(default=2.0, gt=0, le=3600)


SPECS = (
    DriverSpec(
        name="srs.sg384",
        model="SRS SG384",
        roles=("ClockSource",),
        endpoints={"control": Endpoint("bytes", "TCPIP::{host}::5025::SOCKET")},
        options=Sg384Options,
        target="qkdlab_drivers.srs.clock_sg384:SrsSg384",
        limits={"max_output_dbm": 16.5, "max_frequency_hz": 4.05e9},
    ),
    DriverSpec(
        name="srs.dc205",
        model="SRS DC205",
        roles=("VoltageSource",),
        endpoints={"control": Endpoint("bytes", "serial:///dev/ttyUSB0?baud=115200")},
        options=Dc205Options,
        target="qkdlab_drivers.srs.voltage_dc205:SrsDc205",
        limits={"max_output_v": 101.0},
    ),
    DriverSpec(
        name="srs.dg645",
        model="SRS DG645",
        roles=("DelayGenerator",),
        endpoints={"control": Endpoint("bytes", "TCPIP::{host}::5025::SOCKET")},
        options=Dg645Options,
        target="qkdlab_drivers.srs.delay_generator_dg645:SrsDg645",
        limits={
            "max_trigger_hz": 1e7,
            "min_trigger_v": -3.5,
            "max_trigger_v": 3.5,
            "min_amplitude_v": 0.5,
            "max_output_v": 6.0,
        },
    ),
)
