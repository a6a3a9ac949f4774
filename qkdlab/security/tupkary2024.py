"""Key length with imperfect detectors: Tupkary et al., arXiv:2408.17349, two decoys.

Entropic uncertainty, coherent attacks, variable length: a length for each observation.
Key in Z, test in X; active basis choice; a double click is a random bit; the efficiency
and the dark counts of each detector may be the eavesdropper's choice inside the
calibrated range, anew in every gate.

The text of the paper could not be read: the formulas are those of its authors' public
code (Phase-error-rate-estimation-in-QKD-with-imperfect-detectors, 196394c,
BB84WCPDecoyEURKeyRateFunc.m) [code], the composition of the epsilons is [mem], and the
slacks other than Hoeffding's are [D] (theory-claims sections 2 and 3, T1). So a length
is an estimate; `qkdlab.security.claim` lets nothing here be called a claim.

A committed length is a rule on top: exactly that length when the formula gives as much,
else none. Any rule that never exceeds the formula keeps its security [D].

Intensities may be intervals. The bounds are then each taken at their own worst point,
which grants at most what the worst point of all does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flint import arb

from qkdlab.security.assumptions import (
    Assumption,
    Pattern,
    RandomSource,
    Receiver,
    Status,
    bb84_assumptions,
)
from qkdlab.security.balls import Interval, Number, ball, floor_below, precise
from qkdlab.security.exact import mean_interval, most_marked
from qkdlab.security.minimum import minimum
from qkdlab.security.mismatch import Detectors, delta_1, delta_2
from qkdlab.security.over_intensities import Least
from qkdlab.security.quantities import Quantity, at_least, entropy
from qkdlab.security.requirements import check_epsilons, check_leak
from qkdlab.security.slacks import Slack, binomial_slack
from qkdlab.security.two_decoys import (
    ThreeIntensities,
    TwoDecoyCounts,
    intensity_box,
)

__all__ = ["THEOREM", "Epsilons", "assumptions", "key_length"]

THEOREM = (
    "Tupkary et al., arXiv:2408.17349, Quantum 9, 1937 (2025), two decoys,"
    " imperfect detectors, variable length"
)

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Epsilons:
    """Failure probabilities; those of the estimate enter as squares.

    decoy:      each of nine counts, both sides
    sampling:   a from the paper's code, test against key
    mismatch_1: b, delta_1;  mismatch_2: c, delta_2
    pa:         privacy amplification;  ev: error verification
    """

    decoy: Number
    sampling: Number
    mismatch_1: Number
    mismatch_2: Number
    pa: Number
    ev: Number

    def __post_init__(self) -> None:
        check_epsilons(
            epsilon_decoy=self.decoy,
            epsilon_sampling=self.sampling,
            epsilon_mismatch1=self.mismatch_1,
            epsilon_mismatch2=self.mismatch_2,
            epsilon_pa=self.pa,
            epsilon_ev=self.ev,
        )

    @property
    def acceptance(self) -> arb:
        """epsilon_AT, sqrt(9 decoy^2 + sampling^2 + mismatch_1^2 + mismatch_2^2)."""
        squares = 9 * ball(self.decoy) ** 2
        for epsilon in (self.sampling, self.mismatch_1, self.mismatch_2):
            squares += ball(epsilon) ** 2
        return squares.sqrt()

    @property
    def total(self) -> arb:
        """2 epsilon_AT + epsilon_PA + epsilon_EV [mem]."""
        return 2 * self.acceptance + ball(self.pa) + ball(self.ev)


@precise
def key_length(
    counts: TwoDecoyCounts,
    intensities: Sequence[Number | tuple[Number, Number]],
    *,
    leak_bits: Number,
    epsilons: Epsilons,
    detectors: Detectors,
    slack: Slack = Slack.CHERNOFF,
    committed_length: int | None = None,
) -> Least:
    """Return s_K1 (1 - h(B)) - lambda_EC - 2 log2(1/(2 eps_PA)) - log2(2/eps_EV).

    intensities: mean photon numbers mu1, mu2, mu3, each a number or (low, high)
    leak_bits:   lambda_EC, fixed by what was announced: a cap, without verification
    slack:       the tail bound of delta_1 and delta_2; with ``exact`` also of the
                 decoys (equal to Clopper and Pearson's) and of test against key
                 (hypergeometric, in place of Serfling's)
    committed_length: the rule on top [none: variable length]

    Raises UsageError when the intensities break the theorem's order anywhere, or a
    number is none that the formula is for.
    """
    check_leak(leak_bits)
    box = intensity_box(intensities)
    found = _Estimate(counts, box, epsilons, slack)
    bounds, length = found.bounds(detectors, ball(leak_bits))
    if found.contradicted:
        length = 0
    if committed_length is not None:
        length = committed_length if length >= committed_length else 0
    numbers = {name: float(value) for name, value in bounds.items()}
    return Least(length, numbers, found.intensities, found.contradicted)


def assumptions(
    detectors: Detectors,
    slack: Slack,
    *,
    receiver: Receiver = Receiver.UNKNOWN,
    pattern: Pattern = Pattern.UNKNOWN,
    randomness: RandomSource = RandomSource.UNKNOWN,
) -> tuple[Assumption, ...]:
    """Return what a length of this theorem rests on, as far as the arguments tell."""
    replaced = {
        "basis-independent detection": (
            f"efficiencies within {float(detectors.efficiency_spread):g}, dark counts"
            f" within {float(detectors.dark_spread):g} of their mean, relative"
        ),
        "detector model": "memoryless threshold detectors; doubles are random bits",
    }
    found = [
        replace(a, note=replaced.get(a.name, a.note))
        for a in bb84_assumptions(
            receiver=receiver, pattern=pattern, randomness=randomness
        )
        if a.name != "thresholds committed before the run"
    ]
    if detectors.swap:
        note = "which detector means 0 is private and fresh in every gate"
        if pattern is Pattern.COUNTER:
            note += "; computational: a cipher expands it"
        found.append(Assumption("random swap", Status.ASSUMED, note))
    if slack is Slack.EXACT:
        note = "classes of fixed sizes do not qualify for exact tails"
        found.append(Assumption("intensities drawn anew", Status.ASSUMED, note))
    return tuple(found)


class _Estimate:
    """Bounds on single photons, each at its worst intensities.

    contradicted: no intensity of the box explains the counts
    """

    def __init__(
        self,
        counts: TwoDecoyCounts,
        box: Sequence[Interval],
        epsilons: Epsilons,
        slack: Slack,
    ) -> None:
        self._epsilons, self._slack, self._box = epsilons, slack, box
        key = self._events(counts.p_key, counts.n_key)
        test = self._events(counts.p_test, counts.n_test)
        errors = self._events(counts.p_test, counts.m_test)
        self._named = {"n_K": key, "n_X": test, "m_X": errors}
        excess = minimum(
            lambda mu: at_least(key(mu).excess, test(mu).excess), box, enough=0
        )
        least = minimum(lambda mu: key(mu).bounds()[1], box, tolerance=1e-3)
        tests = minimum(lambda mu: test(mu).bounds()[1], box, tolerance=1e-3)
        wrong = minimum(lambda mu: -errors(mu).most_single(), box, tolerance=1e-3)
        rate = minimum(
            lambda mu: _ratio(-errors(mu).most_single(), test(mu).bounds()[1]),
            box,
            tolerance=1e-9,
        )
        self.s_k1, self.s_x1, self.v_1 = least.low, tests.low, -wrong.low
        self.e_1 = (-rate.low).max(arb(0)).min(arb(1))
        self.contradicted = bool(excess.low > 0 or self.v_1 < 0)
        self._point = least.point
        self.intensities = tuple(float(mu) for mu in least.point)

    def _events(
        self, p: Sequence[Number], n: Triple
    ) -> Callable[[Sequence[Quantity]], ThreeIntensities]:
        """Return bounds from counts whose means are known but for epsilon_d^2."""
        total, failure = sum(n), ball(self._epsilons.decoy) ** 2 / 2
        if self._slack is Slack.EXACT:
            ends = [mean_interval(total, x, failure) for x in n]
        else:
            # sqrt(n / 2 ln(2 / eps^2))
            width = (-arb(total) / 2 * failure.log()).sqrt()
            ends = [(x - width, x + width) for x in n]
        least = [Quantity(low) for low, _ in ends]
        most = [Quantity(high) for _, high in ends]
        return lambda mu: ThreeIntensities(mu, p, least, most, total)

    def bounds(self, detectors: Detectors, leak: arb) -> tuple[dict[str, arb], int]:
        """Return every bound by name, and the length rounded down, at least 0."""
        eps = self._epsilons
        privacy = -2 * (2 * ball(eps.pa)).log() / arb.const_log2()
        verification = (2 / ball(eps.ev)).log() / arb.const_log2()
        at_worst = [Quantity(mu) for mu in self._point]
        named = {}
        for name, events in self._named.items():
            here = events(at_worst)
            for i in range(3):
                named[f"{name}{i + 1}_minus"] = here.low[i].value
                named[f"{name}{i + 1}_plus"] = here.high[i].value
        key = self._named["n_K"](at_worst)
        bounds = {
            "tau_0": key.tau0.value,
            "tau_1": key.tau1.value,
            **named,
            "s_K0": key.bounds()[0].value,
            "s_K1": self.s_k1,
            "s_X1": self.s_x1,
            "v_1": self.v_1,
            "e_1": self.e_1,
            "delta_1": delta_1(detectors),
            "delta_2": delta_2(detectors),
            **self._slacks(detectors),
            "lambda_EC": leak,
            "PA_term": privacy,
            "EV_term": verification,
            "epsilon_AT": eps.acceptance,
            "epsilon": eps.total,
        }
        size = max(self.s_k1, arb(0))
        if self._slack is Slack.EXACT:
            # the bounds are those of exactly so many, chosen at random
            size = size.floor()
        part = size * (1 - entropy(Quantity(bounds["B"])).value)
        ell = part - leak - privacy - verification
        bounds["ell"] = ell
        return bounds, max(0, floor_below(ell) or 0)

    def _slacks(self, detectors: Detectors) -> dict[str, arb]:
        """Return gamma_s, gamma_1, gamma_2 and B, the bound on the phase error."""
        eps, none = self._epsilons, arb(0)
        n, m = floor_below(self.s_k1) or 0, floor_below(self.s_x1) or 0
        if n < 1 or m < 1 or not self.e_1 < 1:
            half = arb(0.5)
            return {"gamma_s": none, "gamma_1": none, "gamma_2": none, "B": half}
        first, second = delta_1(detectors), delta_2(detectors)
        gamma_1 = binomial_slack(n, first, eps.mismatch_1, self._slack)
        gamma_2 = binomial_slack(n, second, eps.mismatch_2, self._slack)
        if self._slack is Slack.EXACT:
            wrong = max(0, floor_below(self.v_1) or 0)
            most = most_marked(wrong, m, n, ball(eps.sampling) ** 2)
            gamma_s = arb(most) / n - self.e_1
        else:
            k, size = self.s_x1, self.s_k1
            f = size * k**2 / ((size + k) * (k + 1))
            gamma_s = (-ball(eps.sampling).log() / f).sqrt()
        kept = 1 - second - gamma_2
        wrong_rate = self.e_1 + gamma_s + first + gamma_1
        b = wrong_rate / kept if kept > 0 else arb(1)
        return {"gamma_s": gamma_s, "gamma_1": gamma_1, "gamma_2": gamma_2, "B": b}


def _ratio(x: Quantity, y: Quantity) -> Quantity:
    """Return x / y; unbounded where y is not certainly positive."""
    if not y.low > 0:
        return Quantity(arb("nan"), None)
    return x / y
