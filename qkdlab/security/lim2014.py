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

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flint import arb

from qkdlab.errors import UsageError
from qkdlab.security.balls import Interval, Number, between, floor_below, precise
from qkdlab.security.minimum import Formula, minimum
from qkdlab.security.quantities import Quantity, at_least, constant, entropy, log2
from qkdlab.security.tails import gamma_random_sampling, hoeffding_width
from qkdlab.security.two_decoys import ThreeIntensities, intensity_box

__all__ = [
    "THEOREM",
    "Lim2014Counts",
    "Lim2014Length",
    "key_length",
    "reconciliation_leak",
]

THEOREM = "Lim et al., Phys. Rev. A 89, 022307 (2014), two decoys"

Triple = tuple[int, int, int]
Events = Callable[[Sequence[Quantity]], ThreeIntensities]


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


@precise
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
    box = intensity_box(intensities)
    formulas = _Formulas(
        counts, constant(leak_bits), constant(epsilon_secrecy), epsilon_correctness
    )
    contradicted = bool(minimum(formulas.excess, box, enough=0).low > 0)
    if contradicted:
        length, point = 0, tuple(side.middle for side in box)
    else:
        least = min(
            (minimum(piece, box) for piece in formulas.pieces(box)),
            key=lambda found: found.low,
        )
        length, point = floor_below(least.low) or 0, least.point
    places = [Quantity(mu) for mu in point]
    bounds = {name: q.number for name, q in formulas.evaluate(places).items()}
    mu1, mu2, mu3 = (q.number for q in places)
    return Lim2014Length(max(0, length), bounds, (mu1, mu2, mu3), contradicted)


class _Formulas:
    """The paper's equations for one set of counts."""

    def __init__(
        self,
        counts: Lim2014Counts,
        leak: Quantity,
        epsilon_secrecy: Quantity,
        epsilon_correctness: Number,
    ) -> None:
        self.leak = leak
        self.epsilon_secrecy = epsilon_secrecy
        self._key, self._test, self._errors = (
            self._strayed(p, n)
            for p, n in (
                (counts.p_key, counts.n_key),
                (counts.p_test, counts.n_test),
                (counts.p_test, counts.m_test),
            )
        )
        self.log_terms = 6 * log2(21 / epsilon_secrecy) + log2(
            2 / constant(epsilon_correctness)
        )

    def _strayed(self, p: Sequence[Number], n: Triple) -> Events:
        """Return events of three intensities, their counts by Hoeffding's width."""
        width = hoeffding_width(sum(n), self.epsilon_secrecy / 21)
        low, high = [x - width for x in n], [x + width for x in n]
        return functools.partial(
            ThreeIntensities, probabilities=p, least=low, most=high, total=sum(n)
        )

    def evaluate(
        self,
        mu: Sequence[Quantity],
        limited_key: bool | None = None,
        limited_test: bool | None = None,
    ) -> dict[str, Quantity]:
        """Return all bounds by name, the length as ``ell``."""
        key, test, errors = self._key(mu), self._test(mu), self._errors(mu)
        s_x0, s_x1 = key.bounds(limited_key)
        s_z0, s_z1 = test.bounds(limited_test)
        v_z1 = errors.most_single()
        phi, gamma, part = self._phase_error(s_x1, s_z1, v_z1)
        # (1)
        ell = s_x0 + part - self.leak - self.log_terms
        return {
            "tau_0": key.tau0,
            "tau_1": key.tau1,
            **{f"n_X{i + 1}_minus": key.low[i] for i in range(3)},
            **{f"n_X{i + 1}_plus": key.high[i] for i in range(3)},
            **{f"n_Z{i + 1}_minus": test.low[i] for i in range(3)},
            **{f"n_Z{i + 1}_plus": test.high[i] for i in range(3)},
            **{f"m_Z{i + 1}_minus": errors.low[i] for i in range(3)},
            **{f"m_Z{i + 1}_plus": errors.high[i] for i in range(3)},
            "s_X0": s_x0,
            "s_X1": s_x1,
            "s_Z0": s_z0,
            "s_Z1": s_z1,
            "v_Z1": v_z1,
            "gamma": gamma,
            "phi_X": phi,
            "lambda_EC": self.leak,
            "ell": ell,
        }

    def pieces(self, box: Sequence[Interval]) -> Iterator[Formula]:
        """Yield formulas whose least value is that of the length over a box.

        The length grows with s_X1 and s_Z1, and each is the lesser of two, so the
        length is the least of four; those that are nowhere the least are left out.
        """
        mu = [Quantity(side.ball) for side in box]
        choices = []
        for events in (self._key(mu), self._test(mu)):
            within = events.bounds(False)[1].high <= events.bounds(True)[1].low
            choices.append([False] if within else [False, True])
        for key, test in itertools.product(*choices):
            yield functools.partial(self._length, limited_key=key, limited_test=test)

    def _length(self, mu: Sequence[Quantity], **limited: bool) -> Quantity:
        return self.evaluate(mu, **limited)["ell"]

    def excess(self, mu: Sequence[Quantity]) -> Quantity:
        """Return by how much the counts contradict the model, above 0 when they do."""
        return at_least(self._key(mu).excess, self._test(mu).excess)

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
        if s_x1.high <= 0 or s_z1.high <= 0:
            return half, zero, zero
        unknown = Quantity(between(arb(0), s_x1.high), None)
        if not min(s_x1.low, s_z1.low, v_z1.low) > 0:
            return half, zero, unknown
        ratio = v_z1 / s_z1
        if ratio.low >= half.low:
            return half, zero, zero
        if not (ratio.low > 0 and ratio.high < 1):
            return half, zero, unknown
        gamma = gamma_random_sampling(self.epsilon_secrecy, ratio, s_z1, s_x1)
        if not gamma.low > 0:
            return half, zero, unknown
        phi = ratio + gamma
        return phi, gamma, s_x1 * (1 - entropy(phi))


@precise
def reconciliation_leak(n_bits: int, n_errors: int, efficiency: Number) -> Quantity:
    """Return lambda_EC = n f h(e_obs) for a planned efficiency f.

    n_bits:   key events
    n_errors: errors among them
    """
    if n_bits == 0 or n_errors == 0:
        return constant(0)
    return n_bits * constant(efficiency) * entropy(n_errors / constant(n_bits))
