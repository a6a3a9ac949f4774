"""What a drive remembers of former settings when every pulse has one of its own.

A pattern that repeats is played as a whole and keeps all of its memory. Settings that
never repeat are told apart up to some pulses back: the one before by itself, those
further back by their class of intensity. What came still earlier counts as its mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.modulator import Amplifier, drive

__all__ = ["STATES", "Words", "former_pulses", "history_labels", "word_volts"]

STATES = 4
"""Settings of one class of intensity."""
_SETTLING = 8
"""Pulses at the mean level before each word, for what a word does not tell."""

Floats = NDArray[np.float64]


def history_labels(n_settings: int, order: int) -> list[list[int]]:
    """Return by lag 1, 2, ... the label that each setting has for later pulses."""
    each = list(range(n_settings))
    classes = [setting // STATES for setting in each]
    return [each, *([classes] * (order - 1))] if order else []


@dataclass(frozen=True, eq=False)
class Words:
    """Every context as settings: of the pulse, and labels of those before it.

    labels:  int64[n_contexts, 1 + order], in the index of `ContextLaw.of`
    of_lag:  what `history_labels` says
    weights: float64[n_settings], how often each setting comes
    """

    labels: NDArray[np.int64]
    of_lag: Sequence[Sequence[int]]
    weights: Floats

    @classmethod
    def of(cls, order: int, weights: Floats) -> Words:
        """Return all words of so many former pulses."""
        n_settings = len(weights)
        of_lag = history_labels(n_settings, order)
        sizes = [n_settings, *(max(labels) + 1 for labels in of_lag)]
        index = np.arange(math.prod(sizes))
        columns = []
        for size in sizes:
            columns.append(index % size)
            index = index // size
        return cls(np.stack(columns, axis=1), of_lag, weights)

    def values(self, by_setting: Floats) -> Floats:
        """Return float64[n_contexts, 1 + order]: a quantity of each pulse of a word.

        Settings that share a label count by their weights.
        """
        columns = [by_setting[self.labels[:, 0]]]
        for lag, of_setting in enumerate(self.of_lag, start=1):
            total = np.bincount(of_setting, self.weights * by_setting)
            mean = total / np.maximum(np.bincount(of_setting, self.weights), 1e-300)
            columns.append(mean[self.labels[:, lag]])
        return np.stack(columns, axis=1)


def word_volts(
    words: Words,
    levels_v: Floats,
    sample_rate_hz: float,
    filter_name: str,
    amplifier: Amplifier,
    bandwidth_hz: float,
    passes_ps: float,
    samples: int = 1,
) -> tuple[Floats, Floats]:
    """Return the volts at a modulator for the last pulse of each word.

    levels_v:  at the amplifier's input, by setting
    passes_ps: when a pulse passes after the edge of the first of its own samples
    samples:   of the generator for each pulse, all alike

    Beside float64[n_contexts], the volts float64[n_contexts, 1 + order] that the
    setting of each pulse would reach if it lasted. A coupling capacitor subtracts the
    mean of all settings, and of the word's pulses what differs from it.
    """
    played, back = np.unique(words.values(levels_v), axis=0, return_inverse=True)
    mean_v = float(words.weights @ levels_v)
    rows = np.full((len(played), _SETTLING + played.shape[1]), mean_v)
    rows[:, _SETTLING:] = played[:, ::-1]
    period_ps = samples * 1e12 / sample_rate_hz
    last = np.arange(1, len(rows) + 1) * rows.shape[1] - 1
    coupled = replace(amplifier, ac_corner_hz=0.0)
    times_ps: Floats = np.asarray(last * period_ps + passes_ps, np.float64)
    volts = drive(
        np.repeat(rows, samples),
        sample_rate_hz,
        filter_name,
        coupled,
        bandwidth_hz,
        times_ps,
    )
    volts = volts[back.ravel()]
    settled = words.values(amplifier.amplify(levels_v))
    if amplifier.ac_corner_hz > 0.0:
        fades = 2.0 * math.pi * amplifier.ac_corner_hz * period_ps * 1e-12
        lags = np.arange(settled.shape[1])
        # of a step so many pulses ago, what the capacitor has taken up since
        begun = np.exp(-fades * np.maximum(lags - 0.5, 0.0))
        shares = begun - np.exp(-fades * (lags + 0.5))
        mean = float(words.weights @ amplifier.amplify(levels_v))
        volts = volts - mean - (settled - mean) @ shares
        settled = settled - mean
    return volts, settled


def former_pulses(transmissions: Floats, coefficients: Sequence[float]) -> Floats:
    """Return 1 + sum_j c_j f_j, f_j in column j of float64[n, 1 + order]."""
    factor = np.ones(len(transmissions))
    for lag, c in enumerate(coefficients, start=1):
        factor += c * transmissions[:, lag]
    return factor
