"""Have everything compiled and loaded before time begins to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.bench.assembly import assemble
from qkdlab_sims.bench.world import LONGEST_WAIT_PS
from qkdlab_sims.sections import SimulationSection

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["rehearse"]


@dataclass(frozen=True, eq=False)
class _Waveform:
    """A short arbitrary waveform, as a generator would put it out."""

    sample_rate_hz: float
    volts: NDArray[np.float64] = field(
        default_factory=lambda: np.linspace(-0.5, 0.5, 1000)
    )
    enabled: bool = True
    filter: str = "STEP"
    start_ps: int = 0


def rehearse(config: RunConfig, section: SimulationSection, seed: int) -> None:
    """Let another world run for a moment, so that no code is loaded later.

    Instruments with loops of their own have a method `rehearse`, too. Raises
    ConfigError when the configuration is no bench that can be simulated.
    """
    assembly = assemble(config, section, seed)
    world = assembly.world
    for t_ps in (LONGEST_WAIT_PS, 2 * LONGEST_WAIT_PS):
        world.advance(t_ps)
        world.deliver()
    # A whole number of samples in a pulse period of 10 ns is one case, others another.
    for sample_rate_hz in (1e9, 250e6):
        form = _Waveform(sample_rate_hz)
        outputs = {(name, ch): form for name in world.generators for ch in (1, 2)}
        world.ways.source.pattern(outputs, 0, {})
    for instrument in assembly.instruments.values():
        own = getattr(instrument, "rehearse", None)
        if own is not None:
            own()
