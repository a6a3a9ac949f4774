"""The frame: public header, secret body, public patterns for calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.verify import tag_bits_for
from qkdlab.link.plan import BlockPlan
from qkdlab.protocols.symbols import (
    HEADER,
    Basis,
    Intensity,
    class_counts,
    composition,
    encode,
    exact_count_pattern,
    header_pattern,
    intensity_of,
)
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import (
    Assumption,
    Pattern,
    RandomSource,
    Receiver,
    bb84_assumptions,
)
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "assumptions",
    "block_plan",
    "header_template",
    "key_frame",
    "pattern_of",
    "polarimetry_frame",
    "receiver_of",
    "shares",
    "source_of",
    "typical_frame",
    "verification_frame",
]

_HEADER_LABEL = "bb84"


def _counts(p: Bb84Parameters) -> NDArray[np.int64]:
    body = p.pattern.symbols - p.pattern.header_symbols
    chances = [c.probability for c in p.intensities.ordered()]
    return composition(body, p.basis_x_probability, chances)


def key_frame(p: Bb84Parameters, randomness: Randomness) -> NDArray[np.uint8]:
    """Return one secret frame: public header, then an exact-count shuffle."""
    header = header_pattern(p.pattern.header_symbols, _HEADER_LABEL)
    return np.concatenate([header, exact_count_pattern(_counts(p), randomness)])


POLARIMETRY_CODES = np.array(
    [
        encode(basis, intensity, value) | HEADER
        for basis in Basis
        for value in (0, 1)
        for intensity in (Intensity.SIGNAL, Intensity.DECOY)
    ],
    np.uint8,
)
"""Behind the header of a frame that shows all states, over and over."""


def polarimetry_frame(p: Bb84Parameters) -> NDArray[np.uint8]:
    """Return a public frame: header, then all four states, signal and decoy in turn.

    The changing intensity shows at Alice's tap where the symbols are.
    """
    header = header_pattern(p.pattern.header_symbols, _HEADER_LABEL)
    body = p.pattern.symbols - p.pattern.header_symbols
    return np.concatenate([header, np.resize(POLARIMETRY_CODES, body)])


def verification_frame(p: Bb84Parameters) -> NDArray[np.uint8]:
    """Return a public frame: header, then all settings of a key frame, equally often.

    Neighbours vary from one round of the settings to the next, as in a key frame.
    """
    header = header_pattern(p.pattern.header_symbols, _HEADER_LABEL)
    codes = np.array(
        [encode(b, k, v) | HEADER for b in Basis for k in Intensity for v in (0, 1)],
        np.uint8,
    )
    k = np.arange(p.pattern.symbols - p.pattern.header_symbols)
    # 5 is coprime to the number of settings; each round begins at another of them
    order = (5 * k + k // codes.size) % codes.size
    return np.concatenate([header, codes[order]])


def header_template(p: Bb84Parameters) -> NDArray[np.int8]:
    """Return the header as Bob looks for it: +1 bright, -1 dark."""
    header = header_pattern(p.pattern.header_symbols, _HEADER_LABEL)
    dark = intensity_of(header) == Intensity.VACUUM
    return np.where(dark, -1, 1).astype(np.int8)


def shares(p: Bb84Parameters) -> tuple[int, ...]:
    """Return how often in 32768 each class ``basis + 2 intensity`` is to come."""
    chances = [c.probability for c in p.intensities.ordered()]
    return class_counts(p.basis_x_probability, chances)


def typical_frame(p: Bb84Parameters) -> NDArray[np.uint8]:
    """Return settings in the order of their classes, as often as a frame has them.

    Of fresh settings, whose frames differ; public.
    """
    _, composition = _composition(p)
    codes = [encode(basis, k, 0) for basis in Basis for k in Intensity]
    return np.repeat(np.array(codes, np.uint8), composition)


def _composition(p: Bb84Parameters) -> tuple[int, tuple[int, ...]]:
    """Return the header's length in a key frame, and the rest as `BlockPlan` wants it.

    Of settings that do not repeat nobody can know how often each came: these are the
    numbers that the generator's law makes of a frame on average, exact fractions of
    it. What the theorem's formula divides by are then probabilities, as in its model.
    """
    if not p.settings_from_generator:
        counts = _counts(p).sum(axis=2)
        return p.pattern.header_symbols, tuple(int(n) for n in counts.reshape(-1))
    by_class = np.array(shares(p)).reshape(-1, len(Basis)).T
    counts = by_class * (p.pattern.symbols // int(by_class.sum()))
    return 0, tuple(int(n) for n in counts.reshape(-1))


def block_plan(p: Bb84Parameters, key_class: str, block: int = 0) -> BlockPlan:
    """Return what both parties must agree on before the block's first pulse."""
    header_symbols, composition = _composition(p)
    return BlockPlan(
        block=block,
        first_pulse=0,
        n_frames=p.n_frames,
        symbols=p.pattern.symbols,
        header_symbols=header_symbols,
        composition=composition,
        reconciliation=p.distillation.reconciliation,
        frame_bits=p.distillation.frame_bits,
        verification_bits=tag_bits_for(
            p.n_frames * p.pattern.symbols, p.distillation.epsilon_correctness
        ),
        theorem=p.theorem,
        epsilon_secrecy=p.distillation.epsilon_secrecy,
        epsilon_correctness=p.distillation.epsilon_correctness,
        qber_x_max=p.limits.qber_x_max,
        qber_z_max=p.limits.qber_z_max,
        cross_click_fraction_max=p.limits.cross_click_fraction_max,
        double_click_fraction_max=p.limits.double_click_fraction_max,
        key_class=key_class,
    )


def receiver_of(p: Bb84Parameters) -> Receiver:
    """Return how Bob chooses his basis."""
    return Receiver.ACTIVE if p.receiver_chooses else Receiver.PASSIVE_BIASED


def pattern_of(p: Bb84Parameters) -> Pattern:
    """Return where Alice's settings come from."""
    return Pattern.COUNTER if p.settings_from_generator else Pattern.CYCLIC


def source_of(randomness: Randomness) -> RandomSource:
    """Return where a party's own random bits come from."""
    seeded = randomness.seeded
    return RandomSource.SEEDED if seeded else RandomSource.OPERATING_SYSTEM


def assumptions(
    p: Bb84Parameters,
    randomness: Randomness,
    efficiency_mismatch: tuple[float, float],
) -> tuple[Assumption, ...]:
    """Return what a length on this bench rests on (SECURITY rule 5).

    efficiency_mismatch: calibrated value and standard uncertainty, as Bob announced

    A cyclic pattern and a passive biased splitter are outside the theorem, and counts
    are put into a formula for fixed lengths: these are named as violated, so nothing
    can be claimed. Settings of a generator are assumed to be as good as random.
    """
    return bb84_assumptions(
        receiver=receiver_of(p),
        pattern=pattern_of(p),
        randomness=source_of(randomness),
        secret_from_seed=randomness.seeded,
        interval_coverage=p.calibration.interval_coverage,
        efficiency_mismatch=efficiency_mismatch,
        thresholds_committed=False,
    )
