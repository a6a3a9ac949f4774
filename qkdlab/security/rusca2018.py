"""Key length of decoy-state BB84 with one decoy: Rusca et al., APL 112, 171104 (2018).

Key in Z, test in X, intensities mu1 > mu2 > 0. Equation numbers are those of the
paper's appendix, whose text could not be read: the formulas are those of a formally
verified implementation (adomasbaliuka/formal-qkd, RuscaEqn.lean) [code] and of a
transcription [R2, theory section 2c] with its errata: (A18) carries e^k / p_k, (A16)
takes one epsilon for both widths, gamma holds 19^2. So a length is an estimate.

The bound s_Z0^u on vacuum events of the key basis rests on the errors of the key basis,
at the weaker intensity as in the verified implementation. They are known only after
error correction and verification: evaluate the length then, and let a failed
verification end the block. n^- and m^- are not clamped at zero; events of one kind are
never taken to be more than all events. epsilon_sec is split into 19 equal parts.

Intensities may be intervals: the length is the least over the box that they span.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qkdlab.errors import UsageError
from qkdlab.security.balls import Interval, Number, precise
from qkdlab.security.over_intensities import Least, OverIntensities, key_of_singles
from qkdlab.security.quantities import (
    Quantity,
    at_least,
    at_most,
    constant,
    exp,
    log2,
    positive_part,
)
from qkdlab.security.requirements import (
    box_of,
    check_counts,
    check_epsilons,
    check_leak,
)
from qkdlab.security.tails import hoeffding_width

__all__ = ["THEOREM", "Rusca2018Counts", "TwoIntensities", "key_length"]

THEOREM = "Rusca et al., Appl. Phys. Lett. 112, 171104 (2018), one decoy"
PARTS = 19

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rusca2018Counts:
    """Observed counts by intensity and the probabilities that they rest on.

    n_key, m_key:   events and errors in Z
    n_test, m_test: events and errors in X
    p_key, p_test:  probability of each intensity given the basis; the realised class
                    fractions of the block
    """

    n_key: Pair
    m_key: Pair
    n_test: Pair
    m_test: Pair
    p_key: Sequence[Number]
    p_test: Sequence[Number]

    def __post_init__(self) -> None:
        check_counts(
            (*self.n_key, *self.m_key, *self.n_test, *self.m_test),
            self.p_key,
            self.p_test,
        )


@precise
def key_length(
    counts: Rusca2018Counts,
    intensities: Sequence[Number | tuple[Number, Number]],
    *,
    leak_bits: Number,
    epsilon_secrecy: Number,
    epsilon_correctness: Number,
) -> Least:
    """Return (A25): s_Z0 + s_Z1 (1 - h(phi_Z)) - lambda_EC - log terms.

    intensities: mean photon numbers mu1, mu2, each a number or (low, high)
    leak_bits:   lambda_EC, all bits disclosed by reconciliation (verification is the
                 term log2(2 / epsilon_cor))

    Raises UsageError when the intensities break the theorem's order anywhere, or a
    number is none that the formula is for.
    """
    check_leak(leak_bits)
    check_epsilons(
        epsilon_secrecy=epsilon_secrecy, epsilon_correctness=epsilon_correctness
    )
    return _Formulas(
        counts,
        constant(leak_bits),
        constant(epsilon_secrecy),
        constant(epsilon_correctness),
    ).least(_intensity_box(intensities))


def _intensity_box(
    intensities: Sequence[Number | tuple[Number, Number]],
) -> list[Interval]:
    mu1, mu2 = box = box_of(intensities, 2)
    if not (mu2.low > 0 and mu1.low > mu2.high):
        raise UsageError(
            "intensities must keep mu1 > mu2 > 0 everywhere in their intervals"
        )
    return box


class TwoIntensities:
    """Bounds on vacuum and single-photon events of one basis.

    low, high: n^-_k and n^+_k
    """

    def __init__(
        self,
        mu: Sequence[Quantity],
        probabilities: Sequence[Number],
        events: Pair,
        errors: Pair,
        widths: tuple[Quantity, Quantity],
    ) -> None:
        """Take counts and how far they may stray: delta(n, eps), delta(m, eps)."""
        self._mu, self._total = mu, sum(events)
        wide, wide_errors = widths
        p = [constant(x) for x in probabilities]
        w1, w2 = (p_k * exp(-k) for p_k, k in zip(p, mu, strict=True))
        self.tau0 = w1 + w2
        self.tau1 = w1 * mu[0] + w2 * mu[1]
        self.low = [(n - wide) / w for n, w in zip(events, (w1, w2), strict=True)]
        self.high = [(n + wide) / w for n, w in zip(events, (w1, w2), strict=True)]
        self.errors_high = (errors[0] + wide_errors) / w1
        self.errors_low = (errors[1] - wide_errors) / w2
        # (A16) with k = mu2
        most_errors = self.tau0 * (errors[1] + wide_errors) / w2
        self.most_vacuum = at_most(2 * (most_errors + wide), self._total)

    def least_vacuum(self) -> Quantity:
        """Return s_0 by (A19), as it is."""
        mu1, mu2 = self._mu
        part = mu1 * self.low[1] - mu2 * self.high[0]
        return positive_part(self.tau0 * part / (mu1 - mu2))

    def least_single(self) -> Quantity:
        """Return s_1 by (A17), as it is; (A18), likewise, for the test basis."""
        mu1, mu2 = self._mu
        squares = mu2 * mu2 / (mu1 * mu1)
        rest = self.low[1] - squares * self.high[0]
        vacuum = (1 - squares) * self.most_vacuum / self.tau0
        return self.tau1 * mu1 * (rest - vacuum) / (mu2 * (mu1 - mu2))

    def most_single_errors(self) -> Quantity:
        """Return v_1 by (A22)."""
        mu1, mu2 = self._mu
        return self.tau1 * (self.errors_high - self.errors_low) / (mu1 - mu2)

    def bounds(self, limited: bool | None = None) -> tuple[Quantity, Quantity]:
        """Return s_0 and s_1 (`qkdlab.security.over_intensities.BasisBounds`)."""
        s0 = at_most(self.least_vacuum(), self._total)
        limit = self._total - s0
        if limited:
            return s0, limit
        s1 = self.least_single()
        return s0, at_most(s1, limit) if limited is None else s1

    @property
    def excess(self) -> Quantity:
        """By how much s_0 or s_1 surpasses all events; above 0 that is impossible."""
        return at_least(self.least_vacuum(), self.least_single()) - self._total


class _Formulas(OverIntensities):
    """The appendix' equations for one set of counts."""

    def __init__(
        self,
        counts: Rusca2018Counts,
        leak: Quantity,
        epsilon_secrecy: Quantity,
        epsilon_correctness: Quantity,
    ) -> None:
        epsilon = epsilon_secrecy / PARTS
        self._key = _basis(counts.p_key, counts.n_key, counts.m_key, epsilon)
        self._test = _basis(counts.p_test, counts.n_test, counts.m_test, epsilon)
        super().__init__(self._key, self._test)
        self.leak = leak
        self.epsilon_secrecy = epsilon_secrecy
        self.log_terms = 6 * log2(PARTS / epsilon_secrecy) + log2(
            2 / epsilon_correctness
        )

    def evaluate(
        self,
        mu: Sequence[Quantity],
        limited_key: bool | None = None,
        limited_test: bool | None = None,
    ) -> dict[str, Quantity]:
        """Return all bounds by name, the length as ``ell``."""
        key, test = self._key(mu), self._test(mu)
        s_z0, s_z1 = key.bounds(limited_key)
        _, s_x1 = test.bounds(limited_test)
        v_x1 = test.most_single_errors()
        # (A23)
        phi, gamma, part = key_of_singles(s_z1, s_x1, v_x1, self.epsilon_secrecy, PARTS)
        # (A25)
        ell = s_z0 + part - self.leak - self.log_terms
        return {
            "tau_0": key.tau0,
            "tau_1": key.tau1,
            **{f"n_Z{i + 1}_minus": key.low[i] for i in range(2)},
            **{f"n_Z{i + 1}_plus": key.high[i] for i in range(2)},
            **{f"n_X{i + 1}_minus": test.low[i] for i in range(2)},
            **{f"n_X{i + 1}_plus": test.high[i] for i in range(2)},
            "m_X1_plus": test.errors_high,
            "m_X2_minus": test.errors_low,
            "s_Z0_u": key.most_vacuum,
            "s_X0_u": test.most_vacuum,
            "s_Z0_l": s_z0,
            "s_Z1_l": s_z1,
            "s_X1_l": s_x1,
            "v_X1_u": v_x1,
            "gamma": gamma,
            "phi_Z_u": phi,
            "lambda_EC": self.leak,
            "ell": ell,
        }


def _basis(
    p: Sequence[Number], n: Pair, m: Pair, epsilon: Quantity
) -> Callable[[Sequence[Quantity]], TwoIntensities]:
    widths = hoeffding_width(sum(n), epsilon), hoeffding_width(sum(m), epsilon)
    return functools.partial(
        TwoIntensities, probabilities=p, events=n, errors=m, widths=widths
    )
