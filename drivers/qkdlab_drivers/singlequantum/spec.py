"""What is known of the Single Quantum drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "WebsqOptions"]

MAX_BIAS_UA = 90.9
"""End of the range of the vendor's own scan [code]."""
MIN_PERIOD_MS = 10
"""[code]"""
_Millivolts = Annotated[float, Field(ge=-10_000, le=10_000)]


class WebsqOptions(BaseModel):
    """Options of a WebSQ (legacy EOS/Atlas driver)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_detectors: int = Field(default=4, ge=1, le=64)
    """Detectors fitted; another number found is an error."""
    max_bias_ua: float = Field(default=40.0, gt=0, le=MAX_BIAS_UA)
    """Greater currents are refused before anything is sent."""
    measurement_period_ms: int | None = Field(
        default=None,
        ge=MIN_PERIOD_MS,
        le=60_000,
        json_schema_extra={"apply_on_open": True},
    )
    """Written when the instrument is opened; None leaves it as it is."""
    trigger_levels_mv: list[_Millivolts] | None = Field(
        default=None, json_schema_extra={"apply_on_open": True}
    )
    """One per detector, written when opened; None leaves them as they are."""
    bias_tolerance_ua: float = Field(default=0.05, gt=0, le=1000)
    """Read back further from its aim than this, a current is an error."""
    settle_s: float = Field(default=0.02, ge=0, le=600)
    """From a change of bias until the detectors count at the new rate."""
    timeout_s: float = Field(default=5.0, gt=0, le=3600)


SPECS = (
    DriverSpec(
        name="singlequantum.websq",
        model="Single Quantum WebSQ",
        roles=("BiasSource",),
        endpoints={
            "control": Endpoint("bytes", "TCPIP::{host}::12000::SOCKET"),
            "counts": Endpoint("bytes", "TCPIP::{host}::12345::SOCKET"),
        },
        options=WebsqOptions,
        target="qkdlab_drivers.singlequantum.websq:SingleQuantumWebsq",
        limits={"max_bias_ua": MAX_BIAS_UA, "min_period_ms": float(MIN_PERIOD_MS)},
    ),
)
