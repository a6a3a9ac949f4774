"""What inputs and clock of a tagger do wrong beside jitter, dead time and offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import stream_key, uniforms
from qkdlab_sims.optics.tagger.parameters import TimeBase
from qkdlab_sims.optics.tagger.time_base import OwnTime

__all__ = ["Course", "FlawedInputs", "Flaws", "flawed"]

Times = NDArray[np.int64]
_LOOK_BACK_MS = 10_000
"""Clocks are asked for edges that came so long ago, at most."""


@dataclass(frozen=True)
class Flaws:
    """Of one tagger; none by default. Sizes are [mem].

    skew_ps:      by which each input's edges are late, START first
    crosstalk:    chance that an edge makes a false one on each other input
    crosstalk_ps: from an edge to its false ones
    missed:       chance that a pulse makes no edge, without a trace
    walk_ppm_per_sqrt_s: random walk of the clock's frequency in one second
    lock_hz:      bandwidth of the loop that holds the clock to an external reference,
                  if one is used; 0: it is followed at once

    Raises ValueError outside physics.
    """

    skew_ps: Sequence[int] = ()
    crosstalk: float = 0.0
    crosstalk_ps: int = 500
    missed: float = 0.0
    walk_ppm_per_sqrt_s: float = 0.0
    lock_hz: float = 0.0

    def __post_init__(self) -> None:
        for skew_ps in self.skew_ps:
            in_range("skew_ps", skew_ps, 0, 10**9, "ps")
        in_range("crosstalk", self.crosstalk, 0.0, 1.0, "1")
        in_range("crosstalk_ps", self.crosstalk_ps, 0, 10**6, "ps")
        in_range("missed", self.missed, 0.0, 1.0, "1")
        # refuses what no clock does
        TimeBase(0.0, self.walk_ppm_per_sqrt_s, self.lock_hz)

    def clock(self, seed: int) -> Course | None:
        """Return how the unit's clock goes, if it wanders."""
        if self.walk_ppm_per_sqrt_s == 0.0:
            return None
        locked = self._own_time(seed, self.lock_hz) if self.lock_hz > 0.0 else None
        return Course(self._own_time(seed, 0.0), locked)

    def _own_time(self, seed: int, lock_hz: float) -> OwnTime:
        base = TimeBase(0.0, self.walk_ppm_per_sqrt_s, lock_hz)
        return OwnTime(base, seed, "tagger", back_ms=_LOOK_BACK_MS)


@dataclass(frozen=True, eq=False)
class Course:
    """How a clock that wanders goes by itself, and behind an external reference."""

    free: OwnTime
    locked: OwnTime | None

    def under(self, *, is_external: bool) -> OwnTime | None:
        """Return what holds; None for a clock that keeps to its nominal rate."""
        return self.locked if is_external else self.free


class FlawedInputs:
    """Pulses as inputs feel them: some missed, some heard on other inputs, all late.

    n_inputs: START among them, number 0
    """

    def __init__(self, flaws: Flaws, n_inputs: int, seed: int) -> None:
        self.flaws = flaws
        skews = [*flaws.skew_ps, *[0] * n_inputs][:n_inputs]
        self._skew_ps = skews
        self._crosstalk_key = stream_key(seed, "tagger", "crosstalk")
        self._missed_key = stream_key(seed, "tagger", "missed")
        self._count = [0] * n_inputs

    def felt(self, number: int, t_ps: Times) -> list[tuple[int, Times]]:
        """Return the pulses that an input's pulses make, by input."""
        flaws, n = self.flaws, len(t_ps)
        first = self._count[number]
        self._count[number] += n
        felt = [(number, t_ps + self._skew_ps[number])]
        if flaws.crosstalk > 0.0 and n:
            for other in range(len(self._skew_ps)):
                if other == number:
                    continue
                stream = 64 * number + other
                u = uniforms(self._crosstalk_key, first, n, stream=stream)[:, 0]
                false = t_ps[u < flaws.crosstalk] + flaws.crosstalk_ps
                felt.append((other, false + self._skew_ps[other]))
        if flaws.missed > 0.0 and n:
            u = uniforms(self._missed_key, first, n, stream=number)[:, 0]
            felt[0] = number, felt[0][1][u >= flaws.missed]
        return felt


def flawed(
    fields: Mapping[str, Any] | None, n_inputs: int, rng: np.random.Generator
) -> tuple[FlawedInputs | None, Course | None]:
    """Return a tagger's inputs and clock as their flaws make them; None without.

    fields: of `Flaws`; without them nothing is drawn
    """
    if fields is None:
        return None, None
    flaws, seed = Flaws(**fields), int(rng.integers(1 << 62))
    return FlawedInputs(flaws, n_inputs, seed), flaws.clock(seed)
