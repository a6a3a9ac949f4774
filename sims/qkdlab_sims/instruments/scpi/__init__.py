"""What the simulated SCPI instruments share: framing, headers, values, status.

Theirs alone: no driver may import it, so that a mistake here is not made twice.
Rules: IEEE 488.2-1992 sections 7 and 8, SCPI-1999 volume 1 chapters 5 and 6 [mem].
"""

from qkdlab_sims.instruments.scpi.arguments import (
    AMPERE,
    DECIBEL,
    HERTZ,
    METRE,
    OHM,
    SECOND,
    VOLT,
    WATT,
    boolean,
    choice,
    limit_value,
    number,
    text,
)
from qkdlab_sims.instruments.scpi.header import CommandTable
from qkdlab_sims.instruments.scpi.machine import Call, Later, ScpiMachine
from qkdlab_sims.instruments.scpi.status import ScpiError, Status
from qkdlab_sims.instruments.scpi.syntax import Argument, Block, Quoted

__all__ = [
    "AMPERE",
    "DECIBEL",
    "HERTZ",
    "METRE",
    "OHM",
    "SECOND",
    "VOLT",
    "WATT",
    "Argument",
    "Block",
    "Call",
    "CommandTable",
    "Later",
    "Quoted",
    "ScpiError",
    "ScpiMachine",
    "Status",
    "boolean",
    "choice",
    "limit_value",
    "number",
    "text",
]
