"""One Elliptec ELL14: where it stands, where it says it stands, its settings.

The encoder counts 143360 pulses per revolution [seen in four clients]. The true angle
misses the reported one by an error drawn anew for each move: 0.1 to 0.4 degrees are
quoted for the absolute accuracy [mem].
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ["PULSES_PER_TURN", "Motor", "Resonance"]

PULSES_PER_TURN = 143_360
_PS_PER_S = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Uniform motion from one angle to another; without end when `end_ps` is None."""

    begin_ps: int
    end_ps: int | None
    from_deg: float
    to_deg: float
    speed_deg_s: float = 0.0

    def angle_deg(self, now_ps: int) -> float:
        if self.end_ps is None:
            elapsed_s = (now_ps - self.begin_ps) / _PS_PER_S
            return self.from_deg + self.speed_deg_s * elapsed_s
        if now_ps >= self.end_ps:
            return self.to_deg
        part = (now_ps - self.begin_ps) / (self.end_ps - self.begin_ps)
        return self.from_deg + part * (self.to_deg - self.from_deg)


@dataclass(slots=True)
class Resonance:
    """Drive of one of the two piezos; frequency is 14 740 000 / period Hz."""

    is_on: bool = True
    current: int = 0x04A0
    """In units of 1/1866 A."""
    forward_period: int = 0x00A4
    backward_period: int = 0x008A


@dataclass(slots=True)
class Motor:
    """State of one motor.

    address:         hex digit on the bus
    serial:          eight characters
    reported_deg:    what its encoder says, unwrapped
    accuracy_deg:    standard deviation of (true - reported) after a move
    """

    address: int
    serial: str
    rng: np.random.Generator
    accuracy_deg: float
    max_speed_deg_s: float
    reported_deg: float = 0.0
    zero_deg: float = 0.0
    """Where the zero of the encoder lies in the motor's frame; moved by homing."""
    home_offset: int = 0
    jog_step: int = PULSES_PER_TURN // 8
    velocity_percent: int = 100
    group: int | None = None
    isolated_until_ps: int = 0
    status: int = 0
    arrived_ps: int = -_PS_PER_S
    resonances: tuple[Resonance, Resonance] = field(
        default_factory=lambda: (Resonance(), Resonance())
    )
    _path: deque[_Stretch] = field(default_factory=lambda: deque(maxlen=16))

    def __post_init__(self) -> None:
        at_deg = self.reported_deg + self.zero_deg
        self._path.append(_Stretch(0, 0, at_deg, at_deg))

    def angle_deg(self, now_ps: int) -> float:
        """Return the true angle in the motor's frame, in [0, 360)."""
        return self._stretch(now_ps).angle_deg(now_ps) % 360.0

    def is_moving(self, now_ps: int) -> bool:
        """Return whether it turns at `now_ps`."""
        end_ps = self._stretch(now_ps).end_ps
        return end_ps is None or now_ps < end_ps

    def position(self, now_ps: int) -> int:
        """Return what the encoder says, in pulses."""
        last = self._path[-1]
        jogged_deg = last.angle_deg(now_ps) - last.from_deg if last.speed_deg_s else 0.0
        return round((self.reported_deg + jogged_deg) * PULSES_PER_TURN / 360.0)

    def speed_deg_s(self) -> float:
        """Return the speed at the present setting (about 430 deg/s at full [mem])."""
        return self.max_speed_deg_s * self.velocity_percent / 100.0

    def move_to(self, pulses: int, start_ps: int) -> int:
        """Begin to turn at `start_ps`; return when it will have arrived."""
        self.stop(start_ps)
        target_deg = pulses * 360.0 / PULSES_PER_TURN
        distance_deg = abs(target_deg - self.reported_deg)
        end_ps = start_ps + round(distance_deg / self.speed_deg_s() * _PS_PER_S)
        error_deg = float(self.rng.normal(0.0, self.accuracy_deg))
        last = self._path[-1].angle_deg(start_ps)
        aim_deg = self.zero_deg + target_deg + error_deg
        self._path.append(_Stretch(start_ps, max(end_ps, start_ps + 1), last, aim_deg))
        self.reported_deg = target_deg
        self.arrived_ps = end_ps
        self.group = None
        return end_ps

    def home(self, start_ps: int) -> int:
        """Turn to the index mark plus home offset and count from there."""
        old_deg, self.zero_deg = self.zero_deg, self.home_offset * 360 / PULSES_PER_TURN
        self.reported_deg += old_deg - self.zero_deg
        return self.move_to(0, start_ps)

    def jog(self, direction: int, start_ps: int) -> None:
        """Turn until :meth:`stop`."""
        speed = direction * self.speed_deg_s()
        at_deg = self._path[-1].angle_deg(start_ps)
        self._path.append(_Stretch(start_ps, None, at_deg, at_deg, speed))

    def stop(self, now_ps: int) -> None:
        """End a jog; a bounded move goes on (tl_elliptec [seen])."""
        last = self._path[-1]
        if last.end_ps is not None:
            return
        at_deg = last.angle_deg(now_ps)
        self._path.append(_Stretch(now_ps, now_ps, at_deg, at_deg))
        self.reported_deg += at_deg - last.from_deg

    def _stretch(self, now_ps: int) -> _Stretch:
        for stretch in reversed(self._path):
            if stretch.begin_ps <= now_ps:
                return stretch
        return self._path[0]
