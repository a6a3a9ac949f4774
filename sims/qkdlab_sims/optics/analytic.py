"""Closed-form expectation of gains, error rates and live time.

Exact for phase-randomised (Poisson) light at threshold detectors: given the context,
detectors click independently with 1 - exp(-mean), so every class of clicks is a
product of exponentials. Click classes are those of SECURITY rule 4: a single click; a
double click in one basis, which becomes a random bit; a cross-basis click, which is
counted apart and in no gain.

Left out, all below 1e-4 relative on the reference bench: clicks out of the gate that
take a later photon's place in the same slot, and efficiency not yet back after
t_blank.

Against the table of BENCHES: rate (1.98 Mcps), live fraction (0.888) and QBER agree;
X gains are 2.792e-2, 1.131e-2, 1.145e-4 for 2.784e-2, 1.123e-2, 1.133e-4, Z gains
6.905e-3, 2.816e-3, 2.892e-5 for 7.034e-3, 2.820e-3, 2.86e-5. The table takes 0.99 of
the efficiency (that after blanking at least) and leaves cross clicks in the gains;
they are 0.7 % of the X signals and 2.8 % of the Z signals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Reading",
    "SlotOutcomes",
    "click_probabilities",
    "gate_acceptance",
    "live_probability",
    "mean_photons_at",
    "slot_outcomes",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reading:
    """How Bob reads his detectors; one entry per detector.

    basis:           0 for X, 1 for Z
    bit:             0 or 1
    dark_rate_hz:    at rest
    jitter_sigma_ps: detector, pulse width and clock together
    offset_ps:       mean click time from the centre of the gate
    gate_ps:         width of the gate, one for all
    period_ps:       time between pulses
    """

    basis: Integers
    bit: Integers
    dark_rate_hz: Floats
    jitter_sigma_ps: Floats
    offset_ps: Floats
    gate_ps: float
    period_ps: float


@dataclass(frozen=True, eq=False)
class SlotOutcomes:
    """Probabilities of what one live slot gives, by context.

    gain:   float64[n, 2] a bit in Bob's X, Z (single or double click)
    error:  float64[n, 2] that bit differs from Alice's (half of the doubles)
    double: float64[n, 2] both detectors of one basis and none of the other
    cross:  float64[n] clicks in both bases
    """

    gain: Floats
    error: Floats
    double: Floats
    cross: Floats


def mean_photons_at(stokes: Floats, analysers: Floats) -> Floats:
    """Return float64[n, n_det]: M . S / 2 for each state and each detector."""
    means: Floats = 0.5 * stokes @ analysers.T
    return np.maximum(means, 0.0)


def gate_acceptance(reading: Reading) -> Floats:
    """Return the fraction of each detector's photon clicks that fall in the gate."""
    half = 0.5 * reading.gate_ps
    out = np.zeros(len(reading.offset_ps))
    pairs = zip(reading.offset_ps, reading.jitter_sigma_ps, strict=True)
    for d, (offset, sigma) in enumerate(pairs):
        out[d] = _normal_cdf(half - offset, sigma) - _normal_cdf(-half - offset, sigma)
    return out


def click_probabilities(means: Floats, reading: Reading) -> Floats:
    """Return float64[n, n_det]: probability of a click in the gate of a live slot."""
    darks = reading.dark_rate_hz * (reading.gate_ps * 1e-12)
    probabilities: Floats = -np.expm1(-(means * gate_acceptance(reading) + darks))
    return probabilities


def slot_outcomes(
    clicks: Floats, reading: Reading, alice_bit: Integers
) -> SlotOutcomes:
    """Return the outcomes given click probabilities float64[n, n_det]."""
    n = len(clicks)
    # silent[:, basis, bit]: no detector of that basis and bit clicks
    silent = np.ones((n, 2, 2))
    for d in range(clicks.shape[1]):
        silent[:, reading.basis[d], reading.bit[d]] *= 1.0 - clicks[:, d]
    basis_silent = silent[:, :, 0] * silent[:, :, 1]
    other_silent = basis_silent[:, ::-1]
    double = (1.0 - silent[:, :, 0]) * (1.0 - silent[:, :, 1]) * other_silent
    rows = np.arange(n)
    right = silent[rows, :, alice_bit]
    wrong = silent[rows, :, 1 - alice_bit]
    return SlotOutcomes(
        gain=(1.0 - basis_silent) * other_silent,
        error=right * (1.0 - wrong) * other_silent + 0.5 * double,
        double=double,
        cross=(1.0 - basis_silent[:, 0]) * (1.0 - basis_silent[:, 1]),
    )


def live_probability(
    means: Floats,
    reading: Reading,
    blank_ps: float,
    lead_ps: float,
    *,
    unrecovered: Floats | None = None,
    extending: bool = True,
) -> Floats:
    """Return float64[n]: probability that the slot of each context is live.

    means:       float64[n, n_det] in the order in which contexts are sent; cyclic
    blank_ps:    a slot is live if no detector clicked this long before its opening
    lead_ps:     from a slot's opening to its photon clicks
    unrecovered: float64[n_lags, n_det], efficiency missing 1, 2 ... periods after a
                 click (1 - eta(I(t))/eta(I_bias)); corrects, to first order, for
                 clicks that a click just before the window prevents
    extending:   every click blanks, also one in a slot that is not live (SECURITY
                 rule 4); otherwise only clicks in live slots do, and the average
                 1 / (1 + blanked slots x click probability) is given for all contexts
    """
    total = means.sum(axis=1)
    sigma = float(np.max(reading.jitter_sigma_ps))
    lags = math.ceil((blank_ps + lead_ps + 8.0 * sigma) / reading.period_ps)
    inside = [
        _normal_cdf(blank_ps + lead_ps - j * reading.period_ps, sigma)
        for j in range(1, lags + 1)
    ]
    darks = float(reading.dark_rate_hz.sum()) * blank_ps * 1e-12
    if not extending:
        click = float(-np.expm1(-total).mean()) * sum(inside) + darks
        return np.full(len(means), 1.0 / (1.0 + click))
    exponent = np.full(len(means), darks)
    for j, weight in enumerate(inside, start=1):
        exponent += weight * np.roll(total, j)
    live: Floats = np.exp(-exponent)
    if unrecovered is not None:
        distances = np.arange(1, len(unrecovered) + 1)
        pairs = np.minimum(distances, sum(inside))
        live *= 1.0 + float(pairs @ unrecovered @ means.mean(axis=0) ** 2)
    return live


def _normal_cdf(x: float, sigma: float) -> float:
    if sigma <= 0.0:
        return 1.0 if x >= 0.0 else 0.0
    return 0.5 * math.erfc(-x / (sigma * math.sqrt(2.0)))
