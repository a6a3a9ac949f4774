"""Decoy-state BB84 with infinite keys: Ma, Qi, Zhao, Lo, PRA 72, 012326 (2005).

For planning and comparison, never for a claim. Equation numbers are the paper's [R2,
theory section 2a]. Gains follow its equation (10) (printed with an approximate equals
sign; mixing it with the exact sum puts Y1 above its true value, theory section 11).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab.security.asymptotic import binary_entropy

__all__ = [
    "Channel",
    "SinglePhotonBounds",
    "bounds_two_decoys",
    "bounds_vacuum_weak",
    "key_rate",
    "optimal_mean_photon_number",
]


@dataclass(frozen=True, slots=True)
class Channel:
    """The paper's channel.

    transmittance: eta, channel and detector together
    background:    Y0 per gate over all detectors
    misalignment:  e_d (e_detector)
    """

    transmittance: float
    background: float
    misalignment: float

    def gain(self, mu: float) -> float:
        """Return Q_mu = Y0 + 1 - exp(-eta mu), equation (10)."""
        return self.background - math.expm1(-self.transmittance * mu)

    def error_gain(self, mu: float) -> float:
        """Return E_mu Q_mu = Y0 / 2 + e_d (1 - exp(-eta mu)), equation (11)."""
        clicks = -math.expm1(-self.transmittance * mu)
        return self.background / 2 + self.misalignment * clicks

    def single_photon(self) -> SinglePhotonBounds:
        """Return the true Y1 and e1, equations (7) and (9), as infinite decoys see."""
        gain = self.background + self.transmittance
        errors = self.background / 2 + self.misalignment * self.transmittance
        return SinglePhotonBounds(gain, errors / gain)


@dataclass(frozen=True, slots=True)
class SinglePhotonBounds:
    """What is known of pulses with one photon.

    yield_1: Y1, probability of a click, bounded from below
    error_1: e1, their error rate, bounded from above, at most 1/2
    """

    yield_1: float
    error_1: float


def bounds_vacuum_weak(channel: Channel, mu: float, nu: float) -> SinglePhotonBounds:
    """Return Y1 by (34) and e1 by (37), vacuum and one weak decoy, mu > nu > 0."""
    y0 = channel.background
    y1 = (mu / (mu * nu - nu * nu)) * (
        channel.gain(nu) * math.exp(nu)
        - channel.gain(mu) * math.exp(mu) * (nu / mu) ** 2
        - (mu * mu - nu * nu) / (mu * mu) * y0
    )
    if y1 <= 0:
        return SinglePhotonBounds(0.0, 0.5)
    e1 = (channel.error_gain(nu) * math.exp(nu) - y0 / 2) / (y1 * nu)
    return SinglePhotonBounds(y1, min(e1, 0.5))


def bounds_two_decoys(
    channel: Channel, mu: float, nu1: float, nu2: float
) -> SinglePhotonBounds:
    """Return Y1 by (18), (21) and e1 by (25), nu1 > nu2 >= 0, nu1 + nu2 < mu."""
    weak = channel.gain(nu1) * math.exp(nu1)
    weaker = channel.gain(nu2) * math.exp(nu2)
    y0 = max(0.0, (nu1 * weaker - nu2 * weak) / (nu1 - nu2))
    y1 = (mu / (mu * nu1 - mu * nu2 - nu1**2 + nu2**2)) * (
        weak
        - weaker
        - (nu1**2 - nu2**2) / mu**2 * (channel.gain(mu) * math.exp(mu) - y0)
    )
    if y1 <= 0:
        return SinglePhotonBounds(0.0, 0.5)
    errors = channel.error_gain(nu1) * math.exp(nu1)
    errors -= channel.error_gain(nu2) * math.exp(nu2)
    return SinglePhotonBounds(y1, min(errors / ((nu1 - nu2) * y1), 0.5))


def key_rate(
    channel: Channel,
    mu: float,
    bounds: SinglePhotonBounds,
    efficiency: float,
    sifting: float = 0.5,
) -> float:
    """Return the secret bits per pulse, equation (1); may be negative.

    efficiency: f of reconciliation
    sifting:    q, 1/2 for unbiased bases
    """
    gain = channel.gain(mu)
    leak = gain * efficiency * binary_entropy(channel.error_gain(mu) / gain)
    single = bounds.yield_1 * mu * math.exp(-mu)
    return sifting * (single * (1 - binary_entropy(bounds.error_1)) - leak)


def optimal_mean_photon_number(misalignment: float, efficiency: float) -> float:
    """Return mu of equation (12): (1 - mu) e^-mu = f h(e_d) / (1 - h(e_d))."""
    entropy = binary_entropy(misalignment)
    target = efficiency * entropy / (1 - entropy)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 - middle) * math.exp(-middle) > target:
            low = middle
        else:
            high = middle
    return low
