"""Laser mount, thermistor and thermoelectric cooler under PID control.

The temperature goes exponentially to where the controller drives it; a greater
proportional gain makes it quicker, and without integral gain it stops short of the set
point by 1 / (1 + loop gain). All numbers [guess] but for the thermistor, a common
10 kOhm NTC with B = 3950 K [mem].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["Cooler", "kelvin_of", "ohm_of"]

R25_OHM, BETA_K, T25_K = 10_000.0, 3950.0, 298.15
LOOP_GAIN_PER_PGAIN = 1000.0
KELVIN_PER_VOLT = 25.0
OHM_OF_COOLER = 2.0


def kelvin_of(resistance_ohm: float) -> float:
    """Return the temperature at which the thermistor has a resistance."""
    return 1.0 / (1.0 / T25_K + math.log(resistance_ohm / R25_OHM) / BETA_K)


def ohm_of(temperature_k: float) -> float:
    """Return the resistance of the thermistor at a temperature."""
    return R25_OHM * math.exp(BETA_K * (1.0 / temperature_k - 1.0 / T25_K))


@dataclass
class Cooler:
    """One controlled mount; change it only by :meth:`change`.

    set_ohm:   set point
    ambient_k: temperature of the surroundings
    tau_ps:    time constant of the mount without control
    """

    ambient_k: float = T25_K
    tau_ps: int = 5_000_000_000_000
    on: bool = False
    set_ohm: float = R25_OHM
    pgain: float = 0.01
    igain: float = 0.005
    dgain: float = 0.0
    min_v: float = -2.5
    max_v: float = 2.5
    _from_k: float = field(default=T25_K, init=False)
    _since_ps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._from_k = self.ambient_k

    def change(self, now_ps: int, **settings: float) -> None:
        """Change settings by name; the temperature starts from where it is."""
        self._from_k = self.temperature_k(now_ps)
        self._since_ps = now_ps
        for name, value in settings.items():
            setattr(self, name, value)

    def temperature_k(self, now_ps: int) -> float:
        """Return the temperature of the laser."""
        final_k = self.ambient_k + self._drive_v() * KELVIN_PER_VOLT
        tau_ps = self.tau_ps / (1.0 + self._loop_gain())
        part = math.exp(-max(0, now_ps - self._since_ps) / tau_ps)
        return final_k + (self._from_k - final_k) * part

    def resistance_ohm(self, now_ps: int) -> float:
        """Return the resistance of the thermistor."""
        return ohm_of(self.temperature_k(now_ps))

    def voltage_v(self, now_ps: int) -> float:
        """Return the voltage across the cooler; negative cools."""
        return self._drive_v()

    def current_a(self, now_ps: int) -> float:
        """Return the current through the cooler; negative cools."""
        return self._drive_v() / OHM_OF_COOLER

    def _loop_gain(self) -> float:
        return self.pgain * LOOP_GAIN_PER_PGAIN if self.on else 0.0

    def _drive_v(self) -> float:
        """Return the voltage that holds the final temperature."""
        if not self.on:
            return 0.0
        wanted_k = kelvin_of(self.set_ohm) - self.ambient_k
        if self.igain == 0.0:
            wanted_k *= self._loop_gain() / (1.0 + self._loop_gain())
        return min(max(wanted_k / KELVIN_PER_VOLT, self.min_v), self.max_v)
