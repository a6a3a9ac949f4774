"""What the world asks of simulated instruments: their connectors, not their protocols.

Channels of a generator are numbered from 1, detectors and motors as the instrument
does. Times are picoseconds of world time; a question about a time not yet reached is
never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.machine import ByteMachine, MessageMachine

__all__ = [
    "AttenuatorPort",
    "BiasPort",
    "GeneratorOutput",
    "GeneratorPort",
    "Instrument",
    "PowerMeterPort",
    "RotatorPort",
    "TaggerPort",
]


class Instrument(Protocol):
    """Any simulated instrument."""

    @property
    def endpoints(self) -> Mapping[str, ByteMachine | MessageMachine]:
        """Return its connections by name."""
        ...


class GeneratorOutput(Protocol):
    """What leaves one channel of a generator."""

    @property
    def enabled(self) -> bool:
        """Whether the output is on."""
        ...

    @property
    def volts(self) -> NDArray[np.float64]:
        """One period of samples, into a matched load."""
        ...

    @property
    def sample_rate_hz(self) -> float:
        """Samples per second."""
        ...

    @property
    def filter(self) -> str:
        """``NORM``, ``STEP`` or ``OFF``."""
        ...

    @property
    def start_ps(self) -> int:
        """When sample 0 of a period began."""
        ...


class GeneratorPort(Protocol):
    """Two outputs and a sync pulse per period of one of them."""

    on_change: Callable[[int], None] | None
    """Called with the time whenever what leaves an output may be different."""
    sync_source: int
    """The channel whose periods the sync output marks."""

    def output(self, channel: int) -> GeneratorOutput:
        """Return what leaves `channel`."""
        ...

    def sync_period_ps(self) -> int | None:
        """Return the period of the sync output, or None when it rests."""
        ...


class AttenuatorPort(Protocol):
    """Attenuation and shutter."""

    def attenuation_db(self, now_ps: int) -> float:
        """Return the attenuation, settling included, by the instrument's own scale."""
        ...

    def shutter_open(self, now_ps: int) -> bool:
        """Return whether light passes."""
        ...


class RotatorPort(Protocol):
    """Motors that turn plates."""

    def angle_deg(self, address: int, now_ps: int) -> float:
        """Return the true angle in the motor's frame."""
        ...


class PowerMeterPort(Protocol):
    """A sensor in the light."""

    light: Callable[[int, int], float]
    """(t0_ps, t1_ps) -> average power in watts."""


class BiasPort(Protocol):
    """Bias and readout of detectors."""

    counts: Callable[[int], Sequence[int]]
    """t_ps -> cumulative counts per detector."""
    voltages_mv: Callable[[int], Sequence[float]]
    """t_ps -> voltages per detector."""

    def bias_ua(self) -> Sequence[float]:
        """Return the bias currents, 0 where disabled."""
        ...


class TaggerPort(Protocol):
    """Electrical inputs of a time tagger.

    Pulses come sorted, each call's after the former call's.
    """

    def push(self, input_index: int, t_ps: NDArray[np.int64]) -> None:
        """Give pulses on one input (1 ...)."""
        ...

    def push_start(self, t_ps: NDArray[np.int64]) -> None:
        """Give pulses on the START input."""
        ...

    def advance(self, t_ps: int) -> None:
        """Promise that everything before `t_ps` has been given."""
        ...

    def recording(self) -> bool:
        """Return whether pulses are being turned into tags."""
        ...
