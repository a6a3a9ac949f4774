"""A `ByteMachine` that speaks the four-letter commands of Stanford Research Systems."""

from qkdlab_sims.instruments.srs.errors import (
    ErrorBook,
    ErrorFifo,
    Fault,
    LastErrors,
    SrsError,
)
from qkdlab_sims.instruments.srs.machine import SrsMachine
from qkdlab_sims.instruments.srs.parameters import Call

__all__ = [
    "Call",
    "ErrorBook",
    "ErrorFifo",
    "Fault",
    "LastErrors",
    "SrsError",
    "SrsMachine",
]
