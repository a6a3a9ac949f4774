"""`ContextLaw`: which row of a light's table a pulse has, by settings on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.settings._kernels import Law, fill_contexts
from qkdlab_sims.optics.settings.counter import CounterSettings

__all__ = ["MAX_LAGS", "ContextLaw"]

_STRETCH_BITS = 30
MAX_LAGS = 6
"""How far back a pulse's context may look, in pulses."""


@dataclass(frozen=True, eq=False)
class ContextLaw:
    """Contexts that follow from the settings of a pulse and of up to 6 before it.

    settings: the transmitter's generator, pulse 0 of which is the light's first
    parts:    int64[1 + n_lags, n_settings]; the context of pulse k is the sum over j of
              parts[j, setting of pulse k - j]

    What came before the first pulse counts as the other end of the keystream. Raises
    ValueError for parts of another shape or below 0.
    """

    settings: CounterSettings
    parts: NDArray[np.int64]
    n_contexts: int = field(init=False)
    _n_bounds: NDArray[np.int32] = field(init=False, repr=False)
    _table: NDArray[np.int32] = field(init=False, repr=False)
    _offsets: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n_settings = self.settings.shares.n_settings
        shape = self.parts.shape
        if len(shape) != 2 or shape[1] != n_settings:
            raise ValueError("a law wants one part per setting, for each pulse it sees")
        if not 1 <= shape[0] <= 1 + MAX_LAGS or self.parts.min() < 0:
            raise ValueError(f"a law sees 0 to {MAX_LAGS} pulses back; parts are >= 0")
        object.__setattr__(self, "n_contexts", int(self.parts.max(axis=1).sum()) + 1)
        if self.n_contexts >= 1 << 31:
            raise ValueError("a law has fewer than 2**31 contexts")
        steps = [_steps(row, self.settings.sums) for row in self.parts]
        n_bounds = np.array([len(bounds) for bounds, _, _ in steps], np.int32)
        most = max(len(bounds) for bounds, _, _ in steps)
        table = np.zeros((3, len(steps), most), np.int32)
        for lag, arrays in enumerate(steps):
            for kind, values in enumerate(arrays):
                table[kind, lag, : len(values)] = values
        object.__setattr__(self, "_n_bounds", n_bounds)
        object.__setattr__(self, "_table", table)
        ends = np.stack([self.parts[:, 0], self.parts[:, 1] - self.parts[:, 0]])
        object.__setattr__(self, "_offsets", ends.astype(np.int32))

    @classmethod
    def of(
        cls, settings: CounterSettings, labels: Sequence[Sequence[int]] = ()
    ) -> ContextLaw:
        """Return the law of a light that depends on labels of the pulses before.

        labels: for each lag 1, 2, ... the label of every setting, from 0 on, say its
                intensity. With L_j labels at lag j the context is
                setting + n_settings (label_1 + L_1 (label_2 + L_2 (...))).
        """
        n_settings = settings.shares.n_settings
        parts = [np.arange(n_settings)]
        stride = n_settings
        for at_lag in labels:
            parts.append(stride * np.array(at_lag, np.int64))
            stride *= max(at_lag) + 1
        return cls(settings, np.stack(parts))

    def contexts(self, pulses: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the contexts of pulses counted from the light's first."""
        law = self.record(0)
        found = np.empty(len(pulses), np.int64)
        stretches = pulses >> _STRETCH_BITS
        for stretch in np.unique(stretches).tolist():
            here = stretches == stretch
            first = stretch << _STRETCH_BITS
            out = np.empty(np.count_nonzero(here), np.int32)
            within = (pulses[here] - first).astype(np.int32)
            fill_contexts(first, within, law, out)
            found[here] = out
        return found

    def probabilities(self) -> NDArray[np.float64]:
        """Return float64[n_contexts], how often each context comes."""
        chances = np.ones(1)
        weights = self.settings.shares.probabilities()
        for row in self.parts:
            longer = np.zeros(len(chances) + int(row.max()))
            for part, weight in zip(row.tolist(), weights, strict=True):
                longer[part : part + len(chances)] += weight * chances
            chances = longer
        return chances

    def record(self, first_pulse: int) -> Law:
        """Return it as the kernels want it, the keystream begun with `first_pulse`."""
        table = self._table
        return Law(
            first_pulse,
            self._n_bounds,
            table[0],
            table[1],
            table[2],
            self._offsets[0],
            self._offsets[1],
            self.settings.round_keys,
            np.uint64(self.settings.nonce),
            self.settings.hardware,
        )


def _steps(
    row: NDArray[np.int64], sums: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bounds of the draw at which a part changes, and by how much."""
    step = np.diff(row[0::2])
    more = np.diff(row[1::2] - row[0::2])
    changes = (step != 0) | (more != 0)
    return sums[changes], step[changes], more[changes]
