"""Channels without a model behind them, and counts with the photon numbers known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

PHOTONS = np.arange(16)
FACTORIALS = np.array([float(math.factorial(n)) for n in PHOTONS])

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """Events and errors by basis (key, test), intensity and number of photons.

    shares: of the intensities in all pulses
    """

    events: Counts
    errors: Counts
    shares: list[Fraction]


def channel(rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Return click and error probability by photon number, the same in both bases."""
    eta, dark = 10 ** rng.uniform(-2.5, -0.5), 10 ** rng.uniform(-6, -3.5)
    clicks = 1 - (1 - dark) * (1 - eta) ** PHOTONS
    if rng.random() < 0.5:
        # she blocks single photons and makes up for it with the others
        clicks[1] *= rng.uniform(0.05, 1)
        clicks[2:] = np.minimum(1, clicks[2:] * rng.uniform(1, 5))
    wrong = np.full(PHOTONS.size, rng.uniform(0, 0.05))
    wrong[0] = 0.5
    if rng.random() < 0.5:
        wrong[1] = rng.uniform(0, 0.5)
    return clicks, wrong


def draw(rng: np.random.Generator, intensities: NDArray, shares: NDArray) -> Run:
    """Draw a block; every pulse draws its intensity anew."""
    pulses, (clicks, wrong) = 10 ** rng.uniform(5, 9), channel(rng)
    size = (2, len(intensities), PHOTONS.size)
    events, errors = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for basis, share in enumerate((0.8, 0.2)):
        sent = rng.multinomial(int(pulses * share), shares)
        for k, mu in enumerate(intensities):
            weights = mu**PHOTONS / FACTORIALS
            numbers = rng.multinomial(sent[k], weights / weights.sum())
            events[basis, k] = rng.binomial(numbers, clicks)
            errors[basis, k] = rng.binomial(events[basis, k], wrong)
    exact = [Fraction(share) for share in shares.tolist()]
    return Run(events, errors, [share / sum(exact) for share in exact])
