"""What is known of the Stanford Research Systems drivers without importing QCoDeS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Dg645Options"]


class Dg645Options(BaseModel):
    """Options of the DG645."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_s: float = Field(default=3.0, gt=0)
    listen_s: float = Field(default=0.1, gt=0)
    """How long it listens for triggers before it says that there are none."""


SPECS = (
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
