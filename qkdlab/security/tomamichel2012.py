"""Finite key of single-photon BB84: Tomamichel, Lim, Gisin, Renner (2012).

Nature Communications 3, 634, equation (2) [form as in theory section 1]:

    ell = floor( n [q - h(Q_tol + mu)] - leak_EC - log2(2 / (eps_s^2 eps_c)) ),
    mu  = sqrt( (n + k)/(n k) (k + 1)/k ln(4 / eps_s) ).

Assumes single photons, an active, basis-independent measurement, and that the run
aborts when the observed test error rate exceeds Q_tol, fixed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab.security.balls import Number, floor_below, precise
from qkdlab.security.quantities import constant, entropy, log, log2, sqrt

__all__ = ["THEOREM", "Tomamichel2012Length", "key_length"]

THEOREM = "Tomamichel et al., Nat. Commun. 3, 634 (2012), single photons"


@dataclass(frozen=True, slots=True)
class Tomamichel2012Length:
    """The secret length, at least 0, and the intermediates by name."""

    secret_bits: int
    bounds: dict[str, float]


@precise
def key_length(
    n: int,
    k: int,
    *,
    qber_tolerated: Number,
    leak_bits: Number,
    epsilon_secrecy: Number,
    epsilon_correctness: Number,
    preparation_quality: Number = 1,
) -> Tomamichel2012Length:
    """Return equation (2).

    n, k:                key bits and test bits, both at least 1
    qber_tolerated:      Q_tol, 0 to 0.5
    leak_bits:           leak_EC, all bits disclosed by reconciliation
    preparation_quality: q, 1 for two ideal complementary bases
    """
    if n < 1 or k < 1:
        raise ValueError("Tomamichel 2012 wants key bits and test bits")
    epsilon = constant(epsilon_secrecy)
    mu = sqrt(constant(n + k) * (k + 1) / n / k / k * log(4 / epsilon))
    phase_error = constant(qber_tolerated) + mu
    leak = constant(leak_bits)
    log_terms = log2(2 / (epsilon * epsilon * constant(epsilon_correctness)))
    fraction = constant(preparation_quality) - entropy(phase_error)
    ell = n * fraction - leak - log_terms
    length = floor_below(ell.value) or 0
    bounds = {
        "mu": mu.number,
        "Q_tol_plus_mu": phase_error.number,
        "leak_EC": leak.number,
        "ell": ell.number,
    }
    return Tomamichel2012Length(max(0, length), bounds)
