"""What every part of a bench has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["BasePart"]


class BasePart(BaseModel):
    """A part of one of the stations, or of the channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: str
    """The party whose station it stands in, or ``channel``."""
