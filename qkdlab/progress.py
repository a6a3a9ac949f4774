"""`Report`: how everything that takes its time says how far it is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Report"]

Report = Callable[[str, float, float], None]
"""Called with (what, done, total), for people."""
