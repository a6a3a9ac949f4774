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

from qkdlab.security.balls import Number, precise
from qkdlab.security.over_intensities import OverIntensities, key_of_singles
from qkdlab.security.quantities import Quantity, constant, entropy, log2
from qkdlab.security.requirements import check_epsilons, check_leak
from qkdlab.security.two_decoys import TwoDecoyCounts, intensity_box, three_intensities

__all__ = [
    "THEOREM",
    "Lim2014Length",
    "key_length",
    "reconciliation_leak",
]

THEOREM = "Lim et al., Phys. Rev. A 89, 022307 (2014), two decoys"


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
    counts: TwoDecoyCounts,
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
    check_leak(leak_bits)
    check_epsilons(
        epsilon_secrecy=epsilon_secrecy, epsilon_correctness=epsilon_correctness
    )
    box = intensity_box(intensities)
    least = _Formulas(
        counts, constant(leak_bits), constant(epsilon_secrecy), epsilon_correctness
    ).least(box)
    mu1, mu2, mu3 = least.intensities
    return Lim2014Length(
        least.secret_bits, least.bounds, (mu1, mu2, mu3), least.contradicted
    )


class _Formulas(OverIntensities):
    """The paper's equations for one set of counts."""

    def __init__(
        self,
        counts: TwoDecoyCounts,
        leak: Quantity,
        epsilon_secrecy: Quantity,
        epsilon_correctness: Number,
    ) -> None:
        epsilon = epsilon_secrecy / 21
        key = three_intensities(counts.p_key, counts.n_key, epsilon)
        test = three_intensities(counts.p_test, counts.n_test, epsilon)
        super().__init__(key, test)
        self._bounds = (
            key,
            test,
            three_intensities(counts.p_test, counts.m_test, epsilon),
        )
        self.leak = leak
        self.epsilon_secrecy = epsilon_secrecy
        self.log_terms = 6 * log2(21 / epsilon_secrecy) + log2(
            2 / constant(epsilon_correctness)
        )

    def evaluate(
        self,
        mu: Sequence[Quantity],
        limited_key: bool | None = None,
        limited_test: bool | None = None,
    ) -> dict[str, Quantity]:
        """Return all bounds by name, the length as ``ell``."""
        key, test, errors = (events(mu) for events in self._bounds)
        s_x0, s_x1 = key.bounds(limited_key)
        s_z0, s_z1 = test.bounds(limited_test)
        v_z1 = errors.most_single()
        # (5)
        phi, gamma, part = key_of_singles(s_x1, s_z1, v_z1, self.epsilon_secrecy, 21)
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


@precise
def reconciliation_leak(n_bits: int, n_errors: int, efficiency: Number) -> Quantity:
    """Return lambda_EC = n f h(e_obs) for a planned efficiency f.

    n_bits:   key events
    n_errors: errors among them
    """
    if n_bits == 0 or n_errors == 0:
        return constant(0)
    return n_bits * constant(efficiency) * entropy(n_errors / constant(n_bits))
