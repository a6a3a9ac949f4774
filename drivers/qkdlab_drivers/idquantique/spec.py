"""What is known of the ID Quantique drivers without importing QCoDeS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from qkdlab.roles.spec import DriverSpec, Endpoint

__all__ = ["SPECS", "Id900InputOptions", "Id900Options"]

N_INPUTS = 4
MAX_RATE_HZ = 8e6
"""Above 10 million timestamps a second in all, the unit may hang until it is switched
off and on (user's manual [doc]); this keeps away from it."""
MAX_START_HZ = 10e6
"""[guess]"""
BIN_PS = {"hires": 13, "lowres": 100}
"""[code]"""

_ON_OPEN: JsonDict = {"apply_on_open": True}
_Port = Annotated[int, Field(ge=1, le=65535)]


class Id900InputOptions(BaseModel):
    """One connector. Written when the unit is opened; None leaves it as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool | None = Field(default=None, json_schema_extra=_ON_OPEN)
    threshold_v: float | None = Field(
        default=None, ge=-2.0, le=2.0, json_schema_extra=_ON_OPEN
    )
    edge: Literal["rising", "falling"] | None = Field(
        default=None, json_schema_extra=_ON_OPEN
    )
    coupling: Literal["ac", "dc"] | None = Field(
        default=None, json_schema_extra=_ON_OPEN
    )
    select: Literal["unshaped", "shaped", "output", "loop"] | None = Field(
        default=None, json_schema_extra=_ON_OPEN
    )
    """What feeds the block: the connector as it is or shaped, or the unit's own
    output, where the maker's demonstrations leave it [code]."""
    delay_ps: int | None = Field(
        default=None, ge=0, le=4_000_000, json_schema_extra=_ON_OPEN
    )
    """Above 4 us the unit does not guarantee that it works [code]."""


class Id900Options(BaseModel):
    """Options of an ID900 Time Controller with its DataLink service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_inputs: int = Field(default=N_INPUTS, ge=1, le=N_INPUTS)
    """Inputs in use, from INPUT1 on."""
    inputs: list[Id900InputOptions] = Field(default_factory=list, max_length=N_INPUTS)
    """From INPUT1 on; the rest stay as they are."""
    start: Id900InputOptions = Id900InputOptions()
    """The reference input."""
    resolution: Literal["hires", "lowres"] | None = Field(
        default=None, json_schema_extra=_ON_OPEN
    )
    """Bins of 13 ps (needs a licence [doc]) or 100 ps; None leaves it as it is."""
    sync: Literal["internal", "external"] | None = Field(
        default=None, json_schema_extra=_ON_OPEN
    )
    """Own time base or 10 MHz from outside; None leaves it as it is."""
    unit_address: str = "127.0.0.1"
    """Where the DataLink service finds the unit; not used by the driver itself."""
    stream_ports: list[_Port] = Field(
        default=[4242, 4243, 4244, 4245], min_length=N_INPUTS, max_length=N_INPUTS
    )
    """Where the service offers the streams of RAW1 to RAW4 [code]."""
    max_rate_hz: float = Field(default=MAX_RATE_HZ, gt=0, le=MAX_RATE_HZ)
    timestamp_unit: Literal["ps", "bins"] = "ps"
    """Public clients disagree [code]; the manual says ps [doc]."""
    first_ref_index: Literal[0, 1] = 1
    """Number that the first reference of an acquisition gets [guess]."""
    max_offset_ppm: float = Field(default=100.0, ge=0, le=1000)
    """Greatest difference between the unit's, the reference's and the host's clocks."""
    grace_s: float = Field(default=0.05, gt=0, le=3600)
    """From a tag to its arrival, at most; what a silent input's coverage waits for."""
    max_acquisition_s: float = Field(default=86_400.0, gt=0, le=1e6)
    timeout_s: float = Field(default=2.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _inputs_in_use(self) -> Id900Options:
        if len(self.inputs) > self.n_inputs:
            raise ValueError(
                f"inputs: {len(self.inputs)} given, {self.n_inputs} in use"
            )
        return self


SPECS = (
    DriverSpec(
        name="idquantique.id900",
        model="ID Quantique ID900 Time Controller",
        roles=("TimeTagger",),
        endpoints={
            "control": Endpoint("messages", "zmq+tcp://{host}:5555?remote=yes"),
            "datalink": Endpoint("messages", "zmq+tcp://127.0.0.1:6060"),
            **{
                f"stream{n}": Endpoint(
                    "messages",
                    f"zmq+tcp://127.0.0.1:{4241 + n}?pattern=pair",
                    is_stream=True,
                )
                for n in range(1, N_INPUTS + 1)
            },
        },
        options=Id900Options,
        target="qkdlab_drivers.idquantique.id900:IdQuantiqueId900",
        limits={
            "n_inputs": float(N_INPUTS),
            "max_rate_hz": MAX_RATE_HZ,
            "max_start_hz": MAX_START_HZ,
            "resolution_ps": float(BIN_PS["hires"]),
            "min_input_v": -2.0,
            "max_input_v": 2.0,
        },
    ),
)
