"""Figures of published experiments: what the simulators' engine makes of them."""

from __future__ import annotations

from qkdlab.cli.figure import Figure

__all__ = ["published"]


def published() -> list[Figure]:
    """Simulate published experiments in full; the baseline is what they found.

    Raises ConfigError where no simulators are installed.
    """
    from qkdlab.plugins import lookup

    rows = lookup("qkdlab.benchmarks", "published")()
    return [Figure("published", *row) for row in rows]
