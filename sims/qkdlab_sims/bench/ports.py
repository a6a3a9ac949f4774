"""What the world asks of simulated instruments: their connectors, not their protocols.

Channels of a generator are numbered from 1, detectors and motors as the instrument
does. Times are picoseconds of world time; a question about a time not yet reached is
never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.machine import ByteMachine, MessageMachine

__all__ = [
    "AttenuatorPort",
    "BiasPort",
    "ClockPort",
    "DelayPort",
    "DelayPulse",
    "GeneratorOutput",
    "GeneratorPort",
    "Instrument",
    "LaserPort",
    "LooksBack",
    "PowerMeterPort",
    "RotatorPort",
    "ShutterPort",
    "TaggerPort",
    "VoltagePort",
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
    """Attenuation."""

    def attenuation_db(self, now_ps: int) -> float:
        """Return the attenuation, settling included, by the instrument's own scale."""
        ...


@runtime_checkable
class ShutterPort(Protocol):
    """What an attenuator with a shutter has beside."""

    def shutter_open(self, now_ps: int) -> bool:
        """Return whether light passes."""
        ...


class ClockPort(Protocol):
    """A sine."""

    on_change: Callable[[int], None] | None
    """Called with the time whenever what leaves the output may be different."""

    def frequency_hz(self) -> float:
        """Return the frequency."""
        ...

    def phase_deg(self) -> float:
        """Return the phase against the reference output."""
        ...

    def power_dbm(self) -> float:
        """Return the level into 50 Ohm."""
        ...

    def output_on(self) -> bool:
        """Return whether the sine leaves."""
        ...


class LaserPort(Protocol):
    """Current and temperature of a laser diode."""

    on_change: Callable[[int], None] | None
    """Called with the time whenever it was told something."""
    photodiode_ma: Callable[[int], float]
    """t_ps -> current of the monitor photodiode."""

    def current_ma(self, now_ps: int) -> float:
        """Return the direct current, 0 when it is off."""
        ...

    def thermistor_ohm(self, now_ps: int) -> float:
        """Return the thermistor's resistance."""
        ...


class VoltagePort(Protocol):
    """A direct voltage."""

    on_change: Callable[[int], None] | None
    """Called with the time whenever it was told something."""

    def voltage_v(self, now_ps: int) -> float:
        """Return the voltage at the connector, 0 when the output is off."""
        ...


class DelayPulse(Protocol):
    """A pulse of a delay generator; delay from the trigger, insertion included."""

    @property
    def delay_ps(self) -> int:
        """To the first edge."""
        ...

    @property
    def width_ps(self) -> int:
        """From the first edge to the second."""
        ...

    @property
    def amplitude_v(self) -> float:
        """Step into 50 Ohm, positive."""
        ...

    @property
    def offset_v(self) -> float:
        """The lower level."""
        ...

    @property
    def positive(self) -> bool:
        """Whether the pulse goes up from the lower level."""
        ...


class DelayPort(Protocol):
    """A delay generator."""

    on_change: Callable[[int], None] | None
    """Called with the time whenever pulses may be different."""
    jitter_rms_ps: float
    trigger_rate: Callable[[int], float]
    """t_ps -> rate in Hz of the triggers that come at the input and cross the level."""

    def pulse(self, output: str) -> DelayPulse:
        """Return the pulse at an output: ``T0``, ``AB``, ``CD``, ``EF``, ``GH``."""
        ...

    def trigger_source(self) -> str:
        """Return what triggers it, such as ``external rising``."""
        ...

    def trigger_threshold_v(self) -> float:
        """Return the level at the external input."""
        ...


class RotatorPort(Protocol):
    """Motors that turn plates."""

    def angle_deg(self, address: int, now_ps: int) -> float:
        """Return the true angle in the motor's frame."""
        ...


class LooksBack(Protocol):
    """An instrument that asks what was before now."""

    def settle(self, now_ps: int) -> int:
        """Finish what is due by `now_ps`, a time that may have passed already.

        Returns the earliest time about which it may still ask.
        """
        ...


class PowerMeterPort(LooksBack, Protocol):
    """A sensor in the light."""

    light: Callable[[int, int, float], float]
    """(t0_ps, t1_ps, lag_ps) -> average power in watts behind a low-pass."""


class BiasPort(LooksBack, Protocol):
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

    start_height_v: float
    """Of the pulses at START."""
    jitter_rms_ps: float
    """Of each edge."""

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
