"""Experiments: short programs, one per party."""
