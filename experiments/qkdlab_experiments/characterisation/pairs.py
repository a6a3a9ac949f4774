"""Pairs by coincidences: accidentals, heralding, efficiencies without a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["PairFigures", "pair_figures"]


@dataclass(frozen=True)
class PairFigures:
    """What coincidences of two arms say, each with its standard uncertainty.

    pairs:     coincidences beyond accidental ones
    car:       coincidences over accidental ones
    heralding: chance that an arm clicks when the other did, accidentals taken off; of
               signal and of idler
    klyshko:   the same with the other arm's dark counts taken off: efficiency of an arm
               from crystal to click (Klyshko, Sov. J. Quantum Electron. 10, 1112
               (1980) [mem])
    """

    pairs: Measured
    car: Measured
    heralding: tuple[Measured, Measured]
    klyshko: tuple[Measured, Measured]


def pair_figures(
    counts: NDArray[np.int64], singles: tuple[int, int], darks: Sequence[float]
) -> PairFigures:
    """Return the figures of a pulsed source.

    counts:  int64[2 lags + 1], of `hbt.pulsed_coincidences`
    singles: clicks of signal and idler
    darks:   those of them that come in the dark

    Raises ValueError without accidental coincidences, or without clicks in light.
    """
    middle = len(counts) // 2
    zero = float(counts[middle])
    others = np.delete(counts, middle).astype(float)
    accidental = float(others.mean())
    lit = [s - d for s, d in zip(singles, darks, strict=True)]
    if accidental <= 0.0 or min(lit) <= 0.0:
        raise ValueError("no accidental coincidences, or no clicks beyond dark ones")
    spread = (accidental / len(others)) ** 0.5
    pairs = Measured(zero - accidental, float(np.hypot(max(zero, 1.0) ** 0.5, spread)))
    relative = np.hypot(1.0 / max(zero, 1.0) ** 0.5, spread / accidental)
    car = Measured(zero / accidental, float(zero / accidental * relative))
    return PairFigures(
        pairs,
        car,
        (_share(pairs, singles[1]), _share(pairs, singles[0])),
        (_share(pairs, lit[1]), _share(pairs, lit[0])),
    )


def _share(pairs: Measured, clicks: float) -> Measured:
    """Return how many of the other arm's clicks have a partner."""
    value = pairs.value / clicks
    noise = value * (1.0 - value) / clicks if 0.0 < value < 1.0 else 0.0
    return Measured(value, float(max(noise**0.5, pairs.uncertainty / clicks)))
