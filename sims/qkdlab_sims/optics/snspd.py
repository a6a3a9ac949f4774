"""What one superconducting nanowire detector is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.readout.bright import BrightWire
from qkdlab_sims.optics.readout.parameters import Readout

__all__ = ["DetectorParameters"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class DetectorParameters:
    """One nanowire (detectors-taggers.md section 7.1).

    efficiency: eta(I) = efficiency_max/2 [1 + erf((I - i_half_ua)/width_ua)] [doc]
    dark rate:  background dark_floor_hz, seen with the relative efficiency, plus
                exp(dark_slope_per_ua (I - dark_i0_ua)) Hz of the wire itself [run]
    recovery:   I(t) = I_bias (1 - exp(-t/recovery_tau_ps)) after a click [abs]
    jitter:     Gaussian, and with probability tail_fraction a further exponential
                delay of mean tail_ps [mem]
    latching:   at bias above switching_current_ua the wire stays normal until the
                bias falls to retrapping_ua [run; retrapping from the sweep's
                voltages, guess]
    readout:    what is not ideal behind the wire; None when all is
    bright:     its answer to bright light; None when it counts whatever comes
    polarization_ratio: efficiency for light across the wire over that along it; a
                meander favours one polarization [mem]. The path to the detector
                carries it, see `polarization.dichroism_jones`
    temperature: the currents hold at rated_k; see `at_temperature`

    Raises ValueError outside physics.
    """

    efficiency_max: float
    i_half_ua: float
    width_ua: float
    switching_current_ua: float
    dark_floor_hz: float
    dark_i0_ua: float
    dark_slope_per_ua: float
    recovery_tau_ps: float
    jitter_fwhm_ps: float
    tail_fraction: float = 0.0
    tail_ps: float = 0.0
    retrapping_ua: float = 6.5
    normal_ohm: float = 105e3
    series_ohm: float = 350.0
    readout: Readout | None = None
    bright: BrightWire | None = None
    polarization_ratio: float = 1.0
    rated_k: float = 2.5
    critical_k: float = 9.0

    def __post_init__(self) -> None:
        in_range("efficiency_max", self.efficiency_max, 0.0, 1.0, "1")
        in_range("i_half_ua", self.i_half_ua, 0.0, 1e3, "uA")
        in_range("width_ua", self.width_ua, 1e-3, 1e3, "uA")
        in_range("switching_current_ua", self.switching_current_ua, 0.1, 1e3, "uA")
        in_range("dark_floor_hz", self.dark_floor_hz, 0.0, 1e9, "Hz")
        in_range("dark_i0_ua", self.dark_i0_ua, -1e3, 1e3, "uA")
        in_range("dark_slope_per_ua", self.dark_slope_per_ua, 0.0, 1e3, "1/uA")
        in_range("recovery_tau_ps", self.recovery_tau_ps, 1.0, 1e9, "ps")
        in_range("jitter_fwhm_ps", self.jitter_fwhm_ps, 0.0, 1e5, "ps")
        in_range("tail_fraction", self.tail_fraction, 0.0, 1.0, "1")
        in_range("tail_ps", self.tail_ps, 0.0, 1e6, "ps")
        in_range("retrapping_ua", self.retrapping_ua, 0.0, 1e3, "uA")
        in_range("polarization_ratio", self.polarization_ratio, 0.0, 1.0, "1")
        in_range("critical_k", self.critical_k, 0.1, 150.0, "K")
        in_range("rated_k", self.rated_k, 0.01, self.critical_k, "K")

    def at_temperature(self, temperature_k: float) -> DetectorParameters:
        """Return the wire at a temperature below its critical one.

        The switching current follows (1 - (T/T_c)^2)^(3/2) (Bardeen [mem]); dark
        counts keep their distance from it, so that they rise steeply with T at one
        bias; the current of half efficiency stays [guess].
        """
        in_range("temperature_k", temperature_k, 0.0, 0.999 * self.critical_k, "K")
        here = 1.0 - (temperature_k / self.critical_k) ** 2
        there = 1.0 - (self.rated_k / self.critical_k) ** 2
        switching_ua = self.switching_current_ua * (here / there) ** 1.5
        lower_ua = self.switching_current_ua - switching_ua
        return replace(
            self,
            switching_current_ua=switching_ua,
            dark_i0_ua=self.dark_i0_ua - lower_ua,
            rated_k=temperature_k,
        )

    def relative_efficiency(self, current_ua: float) -> float:
        """Return eta(I) / efficiency_max."""
        return 0.5 * (1.0 + math.erf((current_ua - self.i_half_ua) / self.width_ua))

    def efficiency(self, bias_ua: float) -> float:
        """Return the efficiency at rest, 0 without bias."""
        if bias_ua <= 0.0:
            return 0.0
        return self.efficiency_max * self.relative_efficiency(bias_ua)

    def dark_rate_hz(self, bias_ua: float) -> float:
        """Return the dark count rate at rest, 0 without bias."""
        if bias_ua <= 0.0:
            return 0.0
        background = self.dark_floor_hz * self.relative_efficiency(bias_ua)
        exponent = self.dark_slope_per_ua * (bias_ua - self.dark_i0_ua)
        return background + math.exp(exponent)

    @property
    def rest_ps(self) -> float:
        """For about how long after a click there is none."""
        return self.recovery_tau_ps

    def jitter_sigma_ps(self, pulse_fwhm_ps: float = 0.0) -> float:
        """Return the standard deviation of detector and pulse width together."""
        return math.hypot(self.jitter_fwhm_ps, pulse_fwhm_ps) / _FWHM_IN_SIGMAS

    def recovery_time_ps(self, bias_ua: float, share: float) -> float:
        """Return how long after a click the efficiency is back at a share of itself.

        Within 1e-6 of `recovery_tau_ps`, and not before; at most 64 of them.
        """
        wanted = share * self.relative_efficiency(bias_ua)
        before, after = 0.0 if wanted > 0.0 else 64.0, 64.0
        while after - before > 1e-6:
            middle = 0.5 * (before + after)
            current_ua = bias_ua * (1.0 - math.exp(-middle))
            if self.relative_efficiency(current_ua) < wanted:
                before = middle
            else:
                after = middle
        return after * self.recovery_tau_ps

    def unrecovered_fraction(
        self, bias_ua: float, after_ps: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return 1 - eta(I(t))/eta(I_bias) at times after a click."""
        full = self.relative_efficiency(bias_ua)
        currents = bias_ua * -np.expm1(-after_ps / self.recovery_tau_ps)
        return np.array([1.0 - self.relative_efficiency(i) / full for i in currents])

    def latched(self, was_latched: bool, bias_ua: float) -> bool:
        """Return whether the wire is normal after the bias went to `bias_ua`."""
        if bias_ua > self.switching_current_ua:
            return True
        return was_latched and bias_ua > self.retrapping_ua

    def voltage_mv(self, latched: bool, bias_ua: float) -> float:
        """Return the voltage across bias resistor and wire.

        About 10 mV before switching; after it a hot spot of normal_ohm grows above
        the retrapping current: 2.1-2.9 V at 28-32 uA, 0.105 V/uA [run].
        """
        microvolts = bias_ua * self.series_ohm
        if latched:
            microvolts += (bias_ua - self.retrapping_ua) * self.normal_ohm
        return microvolts * 1e-3
