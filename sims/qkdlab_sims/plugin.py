"""The simulated bench as plug-ins of the name ``sim``.

``qkdlab.benches``: in this process; ``qkdlab.servers``: for other processes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab_sims.bench.simulated import SimulatedBench

__all__ = ["SimulatedBenches", "open_bench", "serve"]


class SimulatedBenches:
    """Open simulated benches, or say why one could not be opened."""

    def __call__(self, config: RunConfig, seed: int | None = None) -> SimulatedBench:
        """Return the simulated bench of a configuration.

        `seed` decides every true value and every event; a fresh one is drawn when it
        is None. Raises ConfigError when the configuration is no bench that can be
        simulated.
        """
        from qkdlab_sims.bench.simulated import SimulatedBench

        return SimulatedBench(config, secrets.randbits(63) if seed is None else seed)

    def check(self, config: RunConfig) -> None:
        """Raise ConfigError for what no simulated world could be, with its place.

        The world is put together by the configuration's seed, and not run.
        """
        from qkdlab.errors import ConfigError
        from qkdlab_sims.bench.refusals import placed

        try:
            self(config, config.seed or 0).close()
        except ConfigError as error:
            raise placed(config, error) from None


open_bench = SimulatedBenches()


def serve(
    config: RunConfig,
    seed: int | None,
    ready: Callable[[list[dict[str, Any]]], None],
    behind: Callable[[float], None],
    stop: Callable[[], bool],
    *,
    speed: float = 1.0,
    bind: str = "127.0.0.1",
) -> float:
    """Serve the instruments of a configuration; see `qkdlab_sims.mount.server`."""
    from qkdlab_sims.mount.server import Hooks, serve

    chosen = secrets.randbits(63) if seed is None else seed
    return serve(config, chosen, Hooks(ready, behind, stop), speed=speed, bind=bind)
