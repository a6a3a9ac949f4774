"""What can go wrong on the way to an instrument, as a configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CoalesceFault",
    "DropLineFault",
    "Fault",
    "FragmentFault",
    "GarbageFault",
    "SilentFault",
]


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    endpoint: str | None = None
    """The connection that it strikes; all of the instrument's when not given."""


class _Onset(_Fault):
    after_bytes: int = Field(default=0, ge=0, le=10**15)
    """Bytes that the instrument has said before the fault begins."""
    after_s: float = Field(default=0.0, ge=0, le=1e9)
    """World time before which the fault does not begin."""


class SilentFault(_Onset):
    """The instrument hangs: it neither hears nor answers any more."""

    kind: Literal["silent"]


class GarbageFault(_Onset):
    """The instrument obeys, but what it says is noise of the same length.

    Carriage return and line feed stay, so that answers still end.
    """

    kind: Literal["garbage"]


class DropLineFault(_Fault):
    """The line is cut at a time and stays so."""

    kind: Literal["drop_line"]
    at_s: float = Field(ge=0, le=1e9)


class FragmentFault(_Fault):
    """What the instrument says comes in small pieces. Legal; drivers must bear it."""

    kind: Literal["fragment"]
    piece_bytes: int = Field(default=1, ge=1, le=10**9)
    gap_s: float = Field(default=1e-3, ge=0, le=1e6)
    """From one piece to the next."""


class CoalesceFault(_Fault):
    """What the instrument says comes late and in one piece. Legal as well."""

    kind: Literal["coalesce"]
    window_s: float = Field(default=0.02, gt=0, le=1e6)
    """All that is said within one such window comes at its end."""


Fault = Annotated[
    SilentFault | GarbageFault | DropLineFault | FragmentFault | CoalesceFault,
    Field(discriminator="kind"),
]
