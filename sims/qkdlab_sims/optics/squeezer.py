"""A fibre squeezer: a piezo presses the fibre, which becomes a waveplate.

The piezo's force lags behind its voltage (hysteresis): a sum of play operators, each of
which follows the voltage only when pushed by more than its width (Prandtl and
Ishlinskii [mem]). It depends on the turning points of the voltage, not on speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.polarization import waveplate_jones
from qkdlab_sims.optics.ranges import in_range

__all__ = ["Squeezer"]


@dataclass(eq=False)
class Squeezer:
    """One squeezer; its state is where its plays stand.

    v_pi_v:       voltage of half a wave without hysteresis, 20 to 60 V [mem]
    max_v:        what the piezo bears, 0 to this
    axis_rad:     of the pressure; squeezers at 0 and 45 degrees take turns
    rest_rad:     retardance at 0 V after `reset`
    hysteresis:   greatest width of the loop over the full range, as a share of the
                  retardance there; 0.1 to 0.15 for soft piezo ceramics [mem]
    axis_error_rad: by which the fibre lies off the axis
    """

    v_pi_v: float
    max_v: float = 140.0
    axis_rad: float = 0.0
    rest_rad: float = 0.0
    hysteresis: float = 0.1
    axis_error_rad: float = 0.0
    n_plays: int = 16
    voltage_v: float = field(default=0.0, init=False)
    _plays_v: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        in_range("v_pi_v", self.v_pi_v, 0.1, 1e4, "V")
        in_range("max_v", self.max_v, 0.1, 1e4, "V")
        in_range("hysteresis", self.hysteresis, 0.0, 0.3, "1")
        in_range("n_plays", self.n_plays, 1, 1000, "1")
        self.reset()

    @property
    def _widths_v(self) -> NDArray[np.float64]:
        """Half the dead band of each play, up to half of the range."""
        steps = np.arange(self.n_plays) + 0.5
        return 0.5 * self.max_v * steps / self.n_plays

    @property
    def _share(self) -> float:
        """Weight of all plays together, for a loop of the stated width.

        In a full cycle a play of half width r opens a loop of height min(2 r,
        max - 2 r) about the middle; the mean over the widths is 1/2 of the range.
        """
        middle = np.minimum(2.0 * self._widths_v, self.max_v - 2.0 * self._widths_v)
        return self.hysteresis * self.max_v / float(np.mean(middle))

    def reset(self) -> None:
        """Go to 0 V after the plays have been shaken out."""
        self.voltage_v = 0.0
        self._plays_v = np.zeros(self.n_plays)

    def set_voltage(self, voltage_v: float) -> None:
        """Go to a voltage straight from the present one.

        Raises ValueError outside 0 to `max_v`.
        """
        in_range("voltage_v", voltage_v, 0.0, self.max_v, "V")
        self.voltage_v = voltage_v
        widths = self._widths_v
        self._plays_v = np.clip(self._plays_v, voltage_v - widths, voltage_v + widths)

    @property
    def retardance_rad(self) -> float:
        """Return the present retardance."""
        share = self._share
        felt_v = (1.0 - share) * self.voltage_v + share * float(np.mean(self._plays_v))
        return self.rest_rad + np.pi * felt_v / self.v_pi_v

    def jones(self) -> NDArray[np.complex128]:
        """Return the present 2x2 matrix."""
        axis = self.axis_rad + self.axis_error_rad
        return waveplate_jones(axis, self.retardance_rad / (2.0 * np.pi))
