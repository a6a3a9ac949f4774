"""Infinite-key rates of BB84 with single photons: for planning, never for a claim.

Shor and Preskill, PRL 85, 441 (2000): r = 1 - h(e_phase) - f h(e_bit) per sifted bit.
Vectors: theory section 1 [C].
"""

from __future__ import annotations

import math

__all__ = ["binary_entropy", "max_qber", "secret_fraction", "single_photon_rate"]


def binary_entropy(x: float) -> float:
    """Return h(x) in bits, 0 <= x <= 1."""
    if not 0 <= x <= 1:
        raise ValueError("binary entropy wants a probability")
    if x in (0.0, 1.0):
        return 0.0
    return -x * math.log2(x) - (1 - x) * math.log2(1 - x)


def secret_fraction(qber_phase: float, qber_bit: float, efficiency: float) -> float:
    """Return 1 - h(e_phase) - f h(e_bit); may be negative.

    efficiency: f of reconciliation, 1 at the Shannon limit
    """
    return 1 - binary_entropy(qber_phase) - efficiency * binary_entropy(qber_bit)


def max_qber(efficiency: float = 1.0) -> float:
    """Return the equal error rate in both bases at which the secret fraction ends."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        if secret_fraction(middle, middle, efficiency) > 0:
            low = middle
        else:
            high = middle
    return low


def single_photon_rate(
    transmittance: float,
    background: float,
    misalignment: float,
    efficiency: float,
    sifting: float = 0.5,
) -> float:
    """Return the secret bits per pulse of an ideal single-photon source.

    transmittance: eta, channel and detector together
    background:    Y0, probability of a dark click per gate over all detectors
    misalignment:  e_d, error probability of a photon that is detected
    sifting:       q, 1/2 for unbiased bases
    """
    gain = background + transmittance - background * transmittance
    qber = (background / 2 + misalignment * transmittance) / gain
    return sifting * gain * secret_fraction(qber, qber, efficiency)
