"""Run a whole quantum-key-distribution bench, real or simulated, on record."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
