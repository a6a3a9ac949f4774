"""How alike two pulses are: the overlap of their fields in time and spectrum.

Two classical fields of equal power interfere with the contrast of this overlap; the
dip of their coincidences is as deep as its square (theory.md section 3, HOM).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.optics.gaussian import half_width_ps
from qkdlab_sims.optics.ranges import in_range

__all__ = ["PulsePair"]

_TWO_PI = 2.0 * math.pi


@dataclass(frozen=True, slots=True)
class PulsePair:
    """Two Gaussian pulses of one chirp, exp(-(1 + iC) t^2 / 2 T0^2) each.

    fwhm_ps:      of the power of each pulse
    delay_ps:     between their centres, mean
    jitter_ps:    standard deviation of that delay from pulse to pulse
    detuning_ghz: between their carriers
    chirp:        C, -5 to -3 of an unfiltered gain-switched diode [mem]
    other:        overlap of everything else (spatial mode, residual polarization)

    With equal widths the overlap of a pair that is d apart in time is
    exp(-(d^2 (1 + C^2) - 2 C T0^2 W d + T0^4 W^2) / 4 T0^2), W the detuning in rad/ps;
    the integral of exp(-(1 - iC)(t - d/2)^2 / 2 T0^2 - (1 + iC)(t + d/2)^2 / 2 T0^2
    + i W t) over that of exp(-t^2 / T0^2).
    """

    fwhm_ps: float
    delay_ps: float = 0.0
    jitter_ps: float = 0.0
    detuning_ghz: float = 0.0
    chirp: float = 0.0
    other: float = 1.0

    def __post_init__(self) -> None:
        in_range("fwhm_ps", self.fwhm_ps, 1e-3, 1e7, "ps")
        in_range("delay_ps", self.delay_ps, -1e9, 1e9, "ps")
        in_range("jitter_ps", self.jitter_ps, 0.0, 1e7, "ps")
        in_range("detuning_ghz", self.detuning_ghz, -1e6, 1e6, "GHz")
        in_range("chirp", self.chirp, -100.0, 100.0, "1")
        in_range("other", self.other, 0.0, 1.0, "1")

    @property
    def t0_ps(self) -> float:
        """Return T0."""
        return half_width_ps(self.fwhm_ps)

    @property
    def exponent(self) -> tuple[float, float, float]:
        """Return (a, b, c): pulses d apart overlap by other x exp(-(a d^2 + b d + c)).

        d in ps counts from `delay_ps` on.
        """
        t0 = self.t0_ps
        w = _TWO_PI * 1e-3 * self.detuning_ghz
        a = (1.0 + self.chirp**2) / (4.0 * t0 * t0)
        b = -0.5 * self.chirp * w
        c = 0.25 * t0 * t0 * w * w
        d = self.delay_ps
        return a, b + 2.0 * a * d, c + b * d + a * d * d

    def overlap(self, from_mean_ps: float = 0.0) -> float:
        """Return the overlap of a pair so far from the mean delay, 0 to 1."""
        a, b, c = self.exponent
        exponent = a * from_mean_ps**2 + b * from_mean_ps + c
        return self.other * math.exp(-max(exponent, 0.0))

    @property
    def mean_square_overlap(self) -> float:
        """Return the mean of the squared overlap over the jitter.

        The depth of the dip over the ideal one; a Gaussian integral.
        """
        a, b, c = (2.0 * x for x in self.exponent)
        s2 = self.jitter_ps**2
        wide = 1.0 + 2.0 * a * s2
        mean = math.exp(-c + 0.5 * b * b * s2 / wide) / math.sqrt(wide)
        return self.other**2 * mean
