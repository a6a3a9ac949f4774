"""The knobs of the bench, and when they are read.

What moves in time (attenuators, shutters, plates, squeezers) is read as it stands at
the beginning of a stretch of up to `KNOB_STEP_PS`, 0.66 ms, and holds for it. The bias
of detectors, as it was last told, is read in each tick; so are the generators. Orders
to the one and to the other may thus take effect up to 0.66 ms out of order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qkdlab.wiring.parts import Squeezer as SqueezerPart
from qkdlab_sims.bench.detectors import AlwaysOn
from qkdlab_sims.bench.ports import (
    AttenuatorPort,
    BiasPort,
    RotatorPort,
    ShutterPort,
    VoltagePort,
)
from qkdlab_sims.bench.truth import TrueBench
from qkdlab_sims.optics.squeezer import Squeezer

__all__ = ["KNOB_STEP_PS", "KnobBoard", "Knobs", "MotorPort", "squeezer_of"]

KNOB_STEP_PS = 660_000_000
"""What instruments move is followed in steps of whole ticks, one or as many as this
holds: those of 100 MHz. A plate at 430 degrees a second goes 0.3 degrees in it."""


@dataclass(frozen=True)
class Knobs:
    """Where everything stands that instruments move; equal when nothing moved."""

    transmission: tuple[tuple[str, float], ...] = ()
    """Of each variable attenuator by part, insertion loss not in it."""
    axis_deg: tuple[tuple[str, float], ...] = ()
    """Fast axis of each turned plate by part."""
    bias_ua: tuple[float, ...] = ()
    """By detector of the bank."""
    retardance_rad: tuple[tuple[str, float], ...] = ()
    """Of each squeezer by part."""


def squeezer_of(part: SqueezerPart) -> Squeezer:
    """Return the squeezer of a part, at rest."""
    return Squeezer(
        v_pi_v=part.v_pi_v,
        max_v=part.max_v,
        axis_rad=math.radians(part.axis_deg),
        rest_rad=part.rest_rad,
        hysteresis=part.hysteresis,
        axis_error_rad=math.radians(part.axis_error_deg),
    )


@dataclass(frozen=True)
class MotorPort:
    """One motor on a bus."""

    bus: RotatorPort
    address: int


@dataclass(frozen=True)
class KnobBoard:
    """Every instrument that moves something, by part.

    detectors: per detector of the bank, its bias source and channel there
    squeezers: with what drives them, if anything; they remember what they were told
    """

    true: TrueBench
    attenuators: Mapping[str, AttenuatorPort] = field(default_factory=dict)
    motors: Mapping[str, MotorPort] = field(default_factory=dict)
    detectors: Sequence[tuple[BiasPort | AlwaysOn, int]] = ()
    squeezers: Mapping[str, tuple[Squeezer, VoltagePort | None]] = field(
        default_factory=dict
    )
    _shutters: Mapping[str, ShutterPort] = field(init=False)

    def __post_init__(self) -> None:
        # Asked once: whether a class has a method takes long to find out.
        ports = self.attenuators.items()
        found = {name: port for name, port in ports if isinstance(port, ShutterPort)}
        object.__setattr__(self, "_shutters", found)

    def read(self, t_ps: int) -> Knobs:
        """Return where everything stands at `t_ps`, true values."""
        return Knobs(
            tuple([(n, self._transmission(n, t_ps)) for n in self.attenuators]),
            tuple([(name, self._axis_deg(name, t_ps)) for name in self.motors]),
            tuple(self._bias_ua()),
            tuple([(name, self._squeezed(name, t_ps)) for name in self.squeezers]),
        )

    def _bias_ua(self) -> Iterator[float]:
        asked: BiasPort | AlwaysOn | None = None
        currents_ua: Sequence[float] = ()
        for port, channel in self.detectors:
            if port is not asked:  # one source has many channels
                asked, currents_ua = port, port.bias_ua()
            yield float(currents_ua[channel])

    def _transmission(self, name: str, t_ps: int) -> float:
        port, shutter = self.attenuators[name], self._shutters.get(name)
        if shutter is not None and not shutter.shutter_open(t_ps):
            return 0.0
        scale = self.true.attenuator_scale.get(name, 1.0)
        return float(10.0 ** (-scale * port.attenuation_db(t_ps) / 10.0))

    def _squeezed(self, name: str, t_ps: int) -> float:
        squeezer, port = self.squeezers[name]
        if port is not None:
            wanted_v = port.voltage_v(t_ps)
            squeezer.set_voltage(min(max(wanted_v, 0.0), squeezer.max_v))
        return squeezer.retardance_rad

    def _axis_deg(self, name: str, t_ps: int) -> float:
        motor = self.motors[name]
        zero_deg = self.true.plate_zero_deg.get(name, 0.0)
        return motor.bus.angle_deg(motor.address, t_ps) + zero_deg
