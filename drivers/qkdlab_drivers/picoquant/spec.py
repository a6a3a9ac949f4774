"""What is known of the PicoQuant drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "MultiHarpInputOptions", "MultiHarpOptions"]

MAX_INPUTS = 16
MAX_RATE_HZ = 80e6
"""Of all inputs together, sustained over USB 3 [mem]."""


class MultiHarpInputOptions(BaseModel):
    """One connector; written when an acquisition starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trigger_mv: int = Field(default=100, ge=-1200, le=1200)
    edge: Literal["rising", "falling"] = "rising"
    offset_ps: int = Field(default=0, ge=-99_999, le=99_999)
    """Added to the time of each edge, as a cable would."""
    dead_ps: int | None = Field(default=None, ge=800, le=160_000)
    """None: the hardware's own, below 650 ps [mem]."""


class MultiHarpOptions(BaseModel):
    """Options of a MultiHarp 150 through the maker's library MHLib."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device_index: int = Field(default=0, ge=0, le=7)
    """As MHLib counts the devices."""
    n_inputs: int = Field(default=4, ge=1, le=MAX_INPUTS)
    """Inputs in use, from 1 on; the others are switched off."""
    inputs: list[MultiHarpInputOptions] = Field(
        default_factory=list, max_length=MAX_INPUTS
    )
    """From input 1 on; the rest have the defaults."""
    sync: MultiHarpInputOptions = MultiHarpInputOptions(trigger_mv=500)
    """The reference input."""
    reference: Literal["internal", "external"] = "internal"
    """Own time base, or 10 MHz from outside."""
    max_rate_hz: float = Field(default=MAX_RATE_HZ, gt=0, le=MAX_RATE_HZ)
    max_offset_ppm: float = Field(default=100.0, ge=0, le=1000)
    """Greatest difference between its own clock and that of the references."""
    first_reference_s: float = Field(default=30.0, gt=0, le=3600)
    """How long the first reference of an acquisition is waited for."""
    timeout_s: float = Field(default=2.0, gt=0, le=3600)


SPECS = (
    DriverSpec(
        name="picoquant.multiharp150",
        model="PicoQuant MultiHarp 150",
        roles=("TimeTagger",),
        endpoints={"api": Endpoint("messages", "library:mhlib", is_stream=True)},
        options=MultiHarpOptions,
        target="qkdlab_drivers.picoquant.multiharp150:PicoQuantMultiHarp150",
        limits={
            "n_inputs": float(MAX_INPUTS),
            "max_rate_hz": MAX_RATE_HZ,
            "max_start_hz": 10e6,
            "resolution_ps": 5.0,
            "min_input_v": -1.2,
            "max_input_v": 1.2,
        },
    ),
)
