"""Bits of ``err`` of the CTL200 [seen, pymeasure]."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["Error"]


class Error(IntFlag):
    """What was wrong since ``errclr``."""

    OVERFLOW = 1 << 0
    BEFORE_PROMPT = 1 << 1
    TOO_COLD = 1 << 2
    TOO_HOT = 1 << 3
    UNKNOWN = 1 << 4
    INVALID = 1 << 5
    ON_WHILE_INTERLOCK = 1 << 6
    INTERLOCK = 1 << 7
