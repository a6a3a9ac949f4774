"""How much the messages of a block may disclose, fixed before its first pulse.

lambda_EC of the formula must not follow the block's own errors (theory-claims T1: a
cap, [code]). It follows the public pulses of the step `verification`: benches differ
in loss and error rate by far more than one bench does between then and its block. How
far above the Shannon limit it lies follows the methods that the plan allows.
"""

from __future__ import annotations

import math

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.party import PartyBook
from qkdlab.link.method import AUTO
from qkdlab.security.asymptotic import binary_entropy
from qkdlab_experiments.active_parameters import ActiveBb84Parameters
from qkdlab_experiments.parameters import CLASSES

__all__ = ["ERROR_RATE", "LEAK_FACTORS", "TRANSMISSION", "leak_cap_bits", "leak_factor"]

TRANSMISSION = "link_transmission"
"""Record of Alice's: clicks per photon at her output, in live slots."""
ERROR_RATE = "error_rate_x"
"""Record of Alice's: of D and A in the X basis, signal and decoy."""

LEAK_FACTORS = {"cascade": 2.25, "cascade-far": 2.35, "ldpc": 1.35}
"""By method, over the Shannon limit, of both directions. Disclosed are at 0.5 to 10 %
2.09 to 2.14, 2.16 (at 2 %), and 1.15 to 1.29 where a string fills a code [run]; some
five per cent are left for what errors and light change until the block."""


def leak_factor(p: ActiveBb84Parameters) -> float:
    """Return the factor of the parameters, or the greatest that the method may need."""
    if p.security.leak_factor is not None:
        return p.security.leak_factor
    planned = p.distillation.reconciliation
    return max(LEAK_FACTORS.values()) if planned == AUTO else LEAK_FACTORS[planned]


def leak_cap_bits(book: PartyBook, p: ActiveBb84Parameters) -> int:
    """Return `leak_factor(p)` times the Shannon limit of a block of calibrated light.

    The error rate is the upper end of its interval, with the coverage of the
    intensities'. Raises as :meth:`PartyBook.record`.
    """
    error = book.record(ERROR_RATE)
    width = coverage_factor(p.calibration.interval_coverage)
    most = min(0.5, error.value + width * error.uncertainty)
    return round(leak_factor(p) * binary_entropy(most) * _sifted(book, p))


def _sifted(book: PartyBook, p: ActiveBb84Parameters) -> float:
    """Return the expected sifted bits of a block; dark counts are left out."""
    transmission = book.value(TRANSMISSION)
    clicks = sum(
        -one.probability
        * math.expm1(-transmission * book.value(f"mean_photon_number_{name}"))
        for name, one in zip(CLASSES, p.intensities.ordered(), strict=True)
    )
    live = 1.0 / (1.0 + clicks * p.detection.blank_ps / p.symbol_period_ps)
    both_x = p.basis_x_probability * p.receiver.basis_x_probability
    return p.n_frames * p.pattern.symbols * both_x * clicks * live
