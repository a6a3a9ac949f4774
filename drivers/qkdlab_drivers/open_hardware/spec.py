"""What is known of the open-hardware drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "FpgaTransmitterOptions"]


class FpgaTransmitterOptions(BaseModel):
    """Options of the FPGA transmitter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: Literal["external"] = "external"
    """The board has no time base of its own: it locks to the 10 MHz at its input."""
    max_rate_hz: float = Field(default=1e9, gt=0, le=1e12)
    """Of pulses, as the board is built."""
    max_samples: int = Field(default=1 << 20, ge=32, le=2**40)
    """Pattern memory."""
    timeout_s: float = Field(default=5.0, gt=0, le=3600)
    load_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """For taking in one pattern."""


SPECS = (
    DriverSpec(
        name="open.fpga_transmitter",
        model="FPGA transmitter, dialect 1.0",
        roles=("PatternGenerator", "CounterModeTransmitter"),
        endpoints={"control": Endpoint("bytes", "TCPIP::{host}::5025::SOCKET")},
        options=FpgaTransmitterOptions,
        target="qkdlab_drivers.open_hardware.fpga_transmitter:FpgaTransmitter",
        limits={
            "max_sample_rate_hz": 1e9,
            "min_samples": 32,
            "max_samples": 1 << 20,
            "max_output_v": 2.0,
        },
    ),
)
