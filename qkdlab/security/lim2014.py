"""Key length of decoy-state BB84 with two decoys: Lim et al., PRA 89, 022307 (2014).

Key in X, test in Z, intensities mu1 > mu2 + mu3, mu2 > mu3 >= 0. Equation numbers are
those of the paper [R, read in full; theory section 2b], with the erratum that concerns
it observed: lambda_EC contains the number of key bits (the other, eta in e_k, is in the
paper's simulation). The lower bounds n^- and m^- are not clamped at zero; s_X0 and s_Z0
are. epsilon_sec is split into 21 equal parts. Assumes an active, basis-independent
measurement and a block fixed in advance.

Single-photon and vacuum events are never taken to be more than all events. Counts that
would need that at every intensity allowed contradict the model and grant nothing.

Intensities may be intervals: the length is the least over the box that they span, found
rigorously (`qkdlab.security.minimum`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR

from qkdlab.errors import UsageError
from qkdlab.security.intervals import Interval, Number
from qkdlab.security.minimum import minimum
from qkdlab.security.quantities import (
    Quantity,
    at_most,
    constant,
    entropy,
    exp,
    log2,
    positive_part,
)
from qkdlab.security.tails import gamma_random_sampling, hoeffding_width

__all__ = [
    "THEOREM",
    "Lim2014Counts",
    "Lim2014Length",
    "key_length",
    "reconciliation_leak",
]

THEOREM = "Lim et al., Phys. Rev. A 89, 022307 (2014), two decoys"

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Lim2014Counts:
    """Observed counts by intensity and the probabilities that they rest on.

    n_key, n_test, m_test: events in X, events in Z, errors in Z
    p_key, p_test: probability of each intensity given the basis; the realised class
                   fractions of the block
    """

    n_key: Triple
    n_test: Triple
    m_test: Triple
    p_key: Sequence[Number]
    p_test: Sequence[Number]

    def __post_init__(self) -> None:
        if min(*self.n_key, *self.n_test, *self.m_test) < 0:
            raise UsageError("counts of events are not negative")
        if not all(0 < float(p) <= 1 for p in (*self.p_key, *self.p_test)):
            raise UsageError("every intensity wants a probability above 0, at most 1")


@dataclass(frozen=True, slots=True)
class Lim2014Length:
    """The secret length and every intermediate by its name in the paper.

    secret_bits:  the length, at least 0
    bounds:       the intermediates at the intensities that give the least length
    intensities:  those intensities
    contradicted: True when no intensity allowed explains the counts: no bit then, and
                  the intermediates are those at the middle
    """

    secret_bits: int
    bounds: dict[str, float]
    intensities: tuple[float, float, float]
    contradicted: bool = False


def key_length(
    counts: Lim2014Counts,
    intensities: Sequence[Number | tuple[Number, Number]],
    *,
    leak_bits: Number,
    epsilon_secrecy: Number,
    epsilon_correctness: Number,
) -> Lim2014Length:
    """Return equation (1): s_X0 + s_X1 (1 - h(phi_X)) - lambda_EC - log terms.

    intensities: mean photon numbers mu1, mu2, mu3, each a number or (low, high)
    leak_bits:   lambda_EC, all bits disclosed by reconciliation (verification is the
                 term log2(2 / epsilon_cor))

    Raises UsageError when the intensities break the theorem's order anywhere, or a
    number is none that the formula is for.
    """
    if not float(leak_bits) >= 0:
        raise UsageError("leak_bits is not negative")
    for name, epsilon in (
        ("epsilon_secrecy", epsilon_secrecy),
        ("epsilon_correctness", epsilon_correctness),
    ):
        if not 0 < float(epsilon) < 1:
            raise UsageError(f"{name} lies between 0 and 1")
    box = [_interval(mu) for mu in intensities]
    if len(box) != 3:
        raise UsageError("Lim 2014 wants three intensities")
    _check_order(box)
    formulas = _Formulas(
        counts, constant(leak_bits), constant(epsilon_secrecy), epsilon_correctness
    )
    contradicted = formulas.contradicted([Quantity(side) for side in box])
    if contradicted:
        length, point = 0, [Interval(side.middle, side.middle) for side in box]
    else:
        least = minimum(lambda mu: formulas.evaluate(mu)["ell"], box)
        length = int(least.low.to_integral_value(rounding=ROUND_FLOOR))
        point = list(least.point)
    places = [Quantity(side) for side in point]
    bounds = {name: q.number for name, q in formulas.evaluate(places).items()}
    mu1, mu2, mu3 = (q.number for q in places)
    return Lim2014Length(max(0, length), bounds, (mu1, mu2, mu3), contradicted)


def _interval(mu: Number | tuple[Number, Number]) -> Interval:
    low, high = mu if isinstance(mu, (tuple, list)) else (mu, mu)
    return Interval(Interval.of(low).low, Interval.of(high).high)


def _check_order(box: Sequence[Interval]) -> None:
    mu1, mu2, mu3 = box
    if any(side.low > side.high for side in box):
        raise UsageError("an intensity interval must run from low to high")
    if mu3.low < 0 or mu2.low <= mu3.high or mu1.low <= (mu2 + mu3).high:
        raise UsageError(
            "intensities must keep mu1 > mu2 + mu3 and mu2 > mu3 >= 0 "
            "everywhere in their intervals"
        )


class _Formulas:
    """The paper's equations for one set of counts."""

    def __init__(
        self,
        counts: Lim2014Counts,
        leak: Quantity,
        epsilon_secrecy: Quantity,
        epsilon_correctness: Number,
    ) -> None:
        self.counts = counts
        self.leak = leak
        self.epsilon_secrecy = epsilon_secrecy
        self.log_terms = 6 * log2(21 / epsilon_secrecy) + log2(
            2 / constant(epsilon_correctness)
        )

    def evaluate(self, mu: Sequence[Quantity]) -> dict[str, Quantity]:
        """Return all bounds by name, the length as ``ell``."""
        c = self.counts
        key = _Basis(mu, c.p_key, c.n_key, self.epsilon_secrecy)
        test = _Basis(mu, c.p_test, c.n_test, self.epsilon_secrecy)
        errors = _Basis(mu, c.p_test, c.m_test, self.epsilon_secrecy)
        # (4)
        v_z1 = errors.tau1 * (errors.high[1] - errors.low[2]) / (mu[1] - mu[2])
        phi, gamma, part = self._phase_error(key.s1, test.s1, v_z1)
        # (1)
        ell = key.s0 + part - self.leak - self.log_terms
        return {
            "tau_0": key.tau0,
            "tau_1": key.tau1,
            **{f"n_X{i + 1}_minus": key.low[i] for i in range(3)},
            **{f"n_X{i + 1}_plus": key.high[i] for i in range(3)},
            **{f"n_Z{i + 1}_minus": test.low[i] for i in range(3)},
            **{f"n_Z{i + 1}_plus": test.high[i] for i in range(3)},
            **{f"m_Z{i + 1}_minus": errors.low[i] for i in range(3)},
            **{f"m_Z{i + 1}_plus": errors.high[i] for i in range(3)},
            "s_X0": key.s0,
            "s_X1": key.s1,
            "s_Z0": test.s0,
            "s_Z1": test.s1,
            "v_Z1": v_z1,
            "gamma": gamma,
            "phi_X": phi,
            "lambda_EC": self.leak,
            "ell": ell,
        }

    def contradicted(self, mu: Sequence[Quantity]) -> bool:
        """Say whether no intensity of the box explains the counts.

        Certain for every point of the box when true, so that intervals can only make
        it more lenient; the length stays below the number of events in any case.
        """
        c = self.counts
        return any(
            _Basis(mu, p, n, self.epsilon_secrecy).contradicted
            for p, n in ((c.p_key, c.n_key), (c.p_test, c.n_test))
        )

    def _phase_error(
        self, s_x1: Quantity, s_z1: Quantity, v_z1: Quantity
    ) -> tuple[Quantity, Quantity, Quantity]:
        """Return phi_X by (5), gamma, and s_X1 (1 - h(phi_X)).

        Where a bound on single photons is not positive, nothing is granted; where the
        error bound is not positive the counts contradict the model, and nothing is
        granted either; nor where the root in gamma is not real, which no epsilon that
        anybody would choose leads to.
        """
        half, zero = constant(0.5), constant(0)
        if s_x1.value.high <= 0 or s_z1.value.high <= 0:
            return half, zero, zero
        unknown = Interval(zero.value.low, s_x1.value.high)
        if min(s_x1.value.low, s_z1.value.low, v_z1.value.low) <= 0:
            return half, zero, Quantity(unknown, None)
        ratio = v_z1 / s_z1
        if ratio.value.low >= half.value.low:
            return half, zero, zero
        if ratio.value.high >= 1:
            return half, zero, Quantity(unknown, None)
        gamma = gamma_random_sampling(self.epsilon_secrecy, ratio, s_z1, s_x1)
        if gamma.value.low <= 0:
            return half, zero, Quantity(unknown, None)
        phi = ratio + gamma
        return phi, gamma, s_x1 * (1 - entropy(phi))


class _Basis:
    """Equations (2) and (3) for the events (or errors) of one basis."""

    def __init__(
        self,
        mu: Sequence[Quantity],
        probabilities: Sequence[Number],
        counts: Triple,
        epsilon_secrecy: Quantity,
    ) -> None:
        p = [constant(x) for x in probabilities]
        mu1, mu2, mu3 = mu
        weights = [p_k * exp(-k) for p_k, k in zip(p, mu, strict=True)]
        self.tau0 = weights[0] + weights[1] + weights[2]
        self.tau1 = weights[0] * mu1 + weights[1] * mu2 + weights[2] * mu3
        width = hoeffding_width(sum(counts), epsilon_secrecy / 21)
        self.low = [(n - width) / w for n, w in zip(counts, weights, strict=True)]
        self.high = [(n + width) / w for n, w in zip(counts, weights, strict=True)]
        gap = mu2 - mu3
        # (2), with n^-_{mu3} not clamped
        s0 = positive_part(self.tau0 * (mu2 * self.low[2] - mu3 * self.high[1]) / gap)
        self.s0 = at_most(s0, sum(counts))
        # (3)
        squares = (mu2 + mu3) * gap / (mu1 * mu1)
        yield_of_one = (
            self.low[1] - self.high[2] - squares * (self.high[0] - self.s0 / self.tau0)
        )
        s1 = self.tau1 * mu1 * yield_of_one / (gap * (mu1 - mu2 - mu3))
        self.s1 = at_most(s1, sum(counts) - self.s0)
        self.contradicted = max(s0.value.low, s1.value.low) > sum(counts)
        """At every point of the box more of one kind than events in all."""


def reconciliation_leak(n_bits: int, n_errors: int, efficiency: Number) -> Quantity:
    """Return lambda_EC = n f h(e_obs) for a planned efficiency f.

    n_bits:   key events
    n_errors: errors among them
    """
    if n_bits == 0 or n_errors == 0:
        return constant(0)
    return n_bits * constant(efficiency) * entropy(n_errors / constant(n_bits))
