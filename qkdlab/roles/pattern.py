"""A generator of arbitrary electrical waveforms."""

from __future__ import annotations

from collections.abc import Mapping
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
        self,
        volts: dict[int, NDArray[np.float64]],
        sample_rate_hz: float,
        spans_v: Mapping[int, tuple[float, float]] | None = None,
    ) -> dict[int, NDArray[np.float64]]:
        """Upload one period per channel (volts into 50 Ohm), outputs off.

        All arrays have one length. `spans_v` are, per channel, the lowest and highest
        voltage that the output's settings are chosen for, by default those of the
        waveform: what was measured with one waveform holds for another only if gain
        and offset of the output stage were the same. Returns what the converter will
        really give (quantised). Raises InstrumentError when a limit is broken, before
        anything is sent, and when the instrument reports an error.
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
