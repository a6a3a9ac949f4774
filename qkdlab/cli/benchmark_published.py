"""Figures of published experiments: what the simulators' engine makes of them."""

from __future__ import annotations

from pathlib import Path

from qkdlab.cli.figure import Figure

__all__ = ["published"]


def published(inputs: Path | None = None) -> list[Figure]:
    """Simulate published experiments in full; the baseline is what they found.

    inputs: TOML, other than the package's own

    Raises ConfigError where no simulators are installed, and for wrong inputs.
    """
    from qkdlab.plugins import lookup

    rows = lookup("qkdlab.benchmarks", "published")(inputs)
    return [Figure("published", *row) for row in rows]
