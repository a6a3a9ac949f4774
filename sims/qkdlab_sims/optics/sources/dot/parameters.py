"""What a pulsed single-photon source is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.optics.ranges import in_range

__all__ = ["QuantumDot"]


@dataclass(frozen=True, slots=True)
class QuantumDot:
    """A dot that is excited once per pulse (sources-modulators-aux.md section 7).

    brightness:    mean number B of the dot's photons per pulse in the fibre while it
                   is on; 0.11 end to end in the C band (arXiv:2604.06869 [seen])
    g2_emitter:    of the dot's photons alone while it is on: two come with probability
                   p2 = g2 B^2 / 2, one with p1 = B - 2 p2 (re-excitation; pmf of the
                   reference's table [mem])
    noise_photons: mean number nu per pulse of photons that are not the dot's (laser
                   leakage): Poissonian, at the instant of the excitation, on or off
                   [mem]
    lifetime_ps:   of the exponential emission; 0 for none. Both photons of a pulse
                   follow it independently: a simplification
    on_time_ps, off_time_ps: mean times of blinking, exponential (random telegraph
                   [mem]); an off time of 0 is a dot that never blinks
    indistinguishability: mean overlap M of the wave packets of two pulses' first
                   photons, the visibility of their Hong-Ou-Mandel dip without noise
                   [mem]. A second photon comes of an excitation of its own, after
                   the first, and overlaps with no other photon: so three and four
                   that meet are exact too

    g2(0) between 0.056 and 0.185 at 76 to 1063 MHz (arXiv:2308.15922 [seen]). Raises
    ValueError outside physics.
    """

    brightness: float
    g2_emitter: float = 0.0
    noise_photons: float = 0.0
    lifetime_ps: float = 0.0
    on_time_ps: float = 1e9
    off_time_ps: float = 0.0
    indistinguishability: float = 1.0

    def __post_init__(self) -> None:
        in_range("brightness", self.brightness, 0.0, 1.0, "1")
        in_range("g2_emitter", self.g2_emitter, 0.0, 1.0, "1")
        in_range("noise_photons", self.noise_photons, 0.0, 10.0, "1")
        in_range("lifetime_ps", self.lifetime_ps, 0.0, 1e6, "ps")
        in_range("on_time_ps", self.on_time_ps, 1e3, 1e15, "ps")
        in_range("off_time_ps", self.off_time_ps, 0.0, 1e15, "ps")
        in_range("indistinguishability", self.indistinguishability, 0.0, 1.0, "1")

    def number_chances(self) -> tuple[float, float, float]:
        """Return the chances of 0, 1 and 2 photons of the dot while it is on."""
        two = 0.5 * self.g2_emitter * self.brightness**2
        one = self.brightness - 2.0 * two
        return 1.0 - one - two, one, two

    def on_share(self) -> float:
        """Return the part of the time in which the dot is on."""
        return self.on_time_ps / (self.on_time_ps + self.off_time_ps)

    def blinking_time_ps(self) -> float:
        """Return the correlation time of blinking, infinite without."""
        if self.off_time_ps == 0.0:
            return math.inf
        return 1.0 / (1.0 / self.on_time_ps + 1.0 / self.off_time_ps)

    def mean_photons(self) -> float:
        """Return the mean number of photons per pulse over a long time."""
        return self.on_share() * self.brightness + self.noise_photons

    def g2_zero(self) -> float:
        """Return <n (n - 1)> / <n>^2 of one pulse, as an HBT finds it.

        Against pulses far apart; against neighbours divide by `g2_after_ps(0)`.
        """
        dot, noise = self.on_share() * self.brightness, self.noise_photons
        pairs = dot * self.brightness * self.g2_emitter
        return (pairs + 2.0 * dot * noise + noise**2) / self.mean_photons() ** 2

    def g2_after_ps(self, delay_ps: float) -> float:
        """Return g2 of two pulses: 1 + (off/on) exp(-t / t_b) for a dot alone."""
        on = self.on_share()
        swing = on * (1.0 - on) * self.brightness**2 / self.mean_photons() ** 2
        return 1.0 + swing * math.exp(-delay_ps / self.blinking_time_ps())
