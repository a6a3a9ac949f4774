"""What is known of the Keysight drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Keysight33622AOptions"]


class Keysight33622AOptions(BaseModel):
    """Options of the 33622A."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter: Literal["STEP", "NORM", "OFF"] = "STEP"
    """Output filter of arbitrary waveforms; OFF holds 250 MSa/s only."""
    reference: Literal["internal", "external"] | None = None
    """Time base, set when waveforms are loaded; None leaves it as it is."""
    sync_channel: Literal[1, 2] | None = 1
    """Channel whose period the Sync output marks; None leaves it as it is."""
    max_samples: int = Field(default=4_000_000, ge=32, le=64_000_000)
    """Waveform memory of a channel; 64 000 000 with option MEM."""
    timeout_s: float = Field(default=5.0, gt=0, le=3600)
    load_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """For taking in one waveform."""


SPECS = (
    DriverSpec(
        name="keysight.33622a",
        model="Keysight 33622A",
        roles=("PatternGenerator",),
        endpoints={"control": Endpoint("bytes", "TCPIP::{host}::5025::SOCKET")},
        options=Keysight33622AOptions,
        target="qkdlab_drivers.keysight.awg_33622a:Keysight33622A",
        limits={
            "max_sample_rate_hz": 1e9,
            "max_sample_rate_filter_off_hz": 250e6,
            "min_samples": 32,
            "max_samples": 4_000_000,
            "max_output_v": 5.0,
        },
    ),
)
