"""The simulated bench as a plug-in: ``qkdlab.benches``, name ``sim``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab_sims.bench.simulated import SimulatedBench

__all__ = ["open_bench"]


def open_bench(config: RunConfig, seed: int | None = None) -> SimulatedBench:
    """Return the simulated bench of a configuration.

    `seed` decides every true value and every event; a fresh one is drawn when it is
    None. Raises ConfigError when the configuration is no bench that can be simulated.
    """
    from qkdlab_sims.bench.simulated import SimulatedBench

    return SimulatedBench(config, secrets.randbits(63) if seed is None else seed)
