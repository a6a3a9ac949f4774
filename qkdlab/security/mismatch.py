"""How far two bases differ when detectors do: delta_1, delta_2, and a remedy.

Formulas of the published code of Tupkary et al., arXiv:2408.17349 [code], re-derived
and checked by brute force on few photons (theory-claims section 3 [D], [C]); the
paper's own text could not be read.

Every detector's efficiency lies within eta (1 -+ efficiency_spread), its probability of
a dark count in a gate within d (1 -+ dark_spread); an eavesdropper may choose both anew
in every gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb

from qkdlab.errors import UsageError
from qkdlab.security.balls import Number, ball, precise

__all__ = ["Detectors", "Equaliser", "delta_1", "delta_2", "equalise"]


@dataclass(frozen=True, slots=True)
class Detectors:
    """What is known of the detectors.

    efficiency_spread: Delta_eta, 0 to below 1
    dark_spread:       Delta_d, 0 to below 1
    dark_probability:  d per detector and gate, 0 to 1/2
    swap:              the same two detectors serve both bases, and which of them
                       means 0 is chosen at random for each gate
    """

    efficiency_spread: Number
    dark_spread: Number
    dark_probability: Number
    swap: bool

    def __post_init__(self) -> None:
        for name in ("efficiency_spread", "dark_spread"):
            if not 0 <= float(getattr(self, name)) < 1:
                raise UsageError(f"{name} lies between 0 and 1")
        if not 0 <= float(self.dark_probability) <= 0.5:
            raise UsageError("dark_probability lies between 0 and 0.5")

    @property
    def dark_ends(self) -> tuple[arb, arb]:
        """d_- and d_+."""
        d, spread = ball(self.dark_probability), ball(self.dark_spread)
        return d * (1 - spread), d * (1 + spread)

    @property
    def loss(self) -> arb:
        """What a photon more or less changes at most: x of the formulas."""
        spread = ball(self.efficiency_spread)
        lost = 1 - (1 - spread) / (1 + spread)
        dark, _ = self.dark_ends
        return (1 - dark) ** 2 * (lost**2 / 2 if self.swap else lost)

    @property
    def vacuum(self) -> arb:
        """1 - q: by how much the chance that no photon clicks may differ."""
        if float(self.dark_probability) == 0:
            return arb(0)
        low, high = self.dark_ends
        return 1 - low * (2 - low) / (high * (2 - high))


@precise
def delta_1(detectors: Detectors) -> arb:
    """Return delta_1, a bound on how the error operators of the bases differ."""
    photons = 4 * (1 - (1 - detectors.loss).sqrt())
    if detectors.swap or float(detectors.dark_probability) == 0:
        return photons
    low, high = detectors.dark_ends
    return photons.max(detectors.vacuum * high / low)


@precise
def delta_2(detectors: Detectors) -> arb:
    """Return delta_2, a bound on how the chances of a click differ."""
    if detectors.swap:
        return detectors.loss
    return detectors.loss.max(detectors.vacuum)


@dataclass(frozen=True, slots=True)
class Equaliser:
    """Random clicks that make all dark counts alike (theory-claims section 3 [D]).

    extra:            probability of an added click per gate, by detector
    dark_probability: d of every detector then
    dark_spread:      Delta_d then, rounded up
    """

    extra: tuple[float, ...]
    dark_probability: float
    dark_spread: float


def equalise(
    dark_probabilities: Sequence[float],
    uncertainties: Sequence[float],
    target: float | None = None,
) -> Equaliser:
    """Return which random clicks, in each gate apart, equalise the dark counts.

    A gate's outcome becomes (click or added click), so a dark probability d_i becomes
    1 - (1 - d_i)(1 - q_i). The added clicks are private randomness and precede every
    judgement of clicks. Not published: needs an expert's review before a claim.

    dark_probabilities: of each detector, calibrated
    uncertainties:      how far each may be off, absolute
    target:             d of every detector then [the greatest calibrated one]; more
                        buys a smaller spread with errors

    Raises UsageError when the figures make no sense or the target is too small.
    """
    if not dark_probabilities or len(dark_probabilities) != len(uncertainties):
        raise UsageError("every detector wants a dark probability and its uncertainty")
    if not all(
        0 <= u <= d and d + u < 1
        for d, u in zip(dark_probabilities, uncertainties, strict=True)
    ):
        raise UsageError("a dark probability is at least its uncertainty, below 1")
    wanted = max(dark_probabilities) if target is None else target
    if not (max(dark_probabilities) <= wanted < 0.5 and wanted > 0):
        raise UsageError("the equalised dark probability is the greatest, or more")
    extra = tuple((wanted - d) / (1 - d) for d in dark_probabilities)
    off = max((1 - q) * u for q, u in zip(extra, uncertainties, strict=True))
    # what floats round away is far below a part in 10^9
    spread = off / wanted + 1e-9
    if not spread < 1:
        raise UsageError("the dark probabilities are too uncertain to be equalised")
    return Equaliser(extra, wanted, spread)
