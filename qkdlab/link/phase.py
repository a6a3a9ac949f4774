"""How much of the conversation one tag may cover."""

from __future__ import annotations

__all__ = ["MAX_PHASE_BYTES", "MAX_PHASE_MESSAGES"]

MAX_PHASE_BYTES = 1 << 30
"""Bytes under one tag at most, lengths of messages included; more is refused.

So memory is bounded, and so is the chance of a forgery.
"""
MAX_PHASE_MESSAGES = 1 << 18
"""Messages under one tag at most: small ones take memory, too."""
