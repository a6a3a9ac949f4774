"""Roles built from parts: what several instruments are together."""

from qkdlab.station.composites.build import build

__all__ = ["build"]
