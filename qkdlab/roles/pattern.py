"""A generator of arbitrary electrical waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["PatternGenerator", "PatternGeneratorCapabilities"]


@dataclass(frozen=True, slots=True)
class PatternGeneratorCapabilities:
    """Limits of a pattern generator."""

    n_channels: int
    max_sample_rate_hz: float
    min_samples: int
    max_samples: int
    dac_bits: int
    max_amplitude_v: float
    """Greatest absolute voltage into 50 Ohm."""


class PatternGenerator(Protocol):
    """Channels are numbered from 1, as on the front panel."""

    def pattern_capabilities(self) -> PatternGeneratorCapabilities:
        """Return the limits."""
        ...

    def load_waveforms(
        self, volts: dict[int, NDArray[np.float64]], sample_rate_hz: float
    ) -> dict[int, NDArray[np.float64]]:
        """Upload one period per channel (volts into 50 Ohm), outputs off.

        All arrays have one length. Returns what the converter will really give
        (quantised). Raises InstrumentError when a limit is broken, before anything is
        sent, and when the instrument reports an error.
        """
        ...

    def start(self) -> None:
        """Start all loaded channels in step and switch their outputs on."""
        ...

    def stop(self) -> None:
        """Switch the outputs off."""
        ...

    def safe_state(self) -> None:
        """Switch the outputs off."""
        ...
