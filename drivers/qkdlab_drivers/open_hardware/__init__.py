"""Drivers of hardware with dialects of our own, documented under docs/."""
