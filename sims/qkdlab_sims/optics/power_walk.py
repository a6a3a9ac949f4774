"""The slow walk of a laser's power.

The reference has none; that it is a random walk is [guess], its size the stability of
stabilised sources, +-0.005 dB in 15 minutes [mem].
"""

from __future__ import annotations

import math
from itertools import accumulate

from qkdlab_sims.optics.rng import gaussians, stream_key

__all__ = ["PowerWalk"]

_STEPS_AT_ONCE = 256


class PowerWalk:
    """A random walk of the relative power, its steps keyed by their number.

    relative_per_sqrt_s: width of the walk in one second
    step_ps:             it stands still for so long

    What it gives depends on the time alone, not on who asked before. Only the steps
    around the last time are kept; for an earlier one it walks anew.
    """

    def __init__(
        self, seed: int, component: str, relative_per_sqrt_s: float, step_ps: int
    ) -> None:
        self._key = stream_key(seed, component, "power walk")
        self._sigma = relative_per_sqrt_s * math.sqrt(step_ps * 1e-12)
        self._step_ps = step_ps
        self._first = 0
        self._walked = [0.0]

    def factor(self, t_ps: int) -> float:
        """Return the power at `t_ps` over that at time zero."""
        if self._sigma == 0.0:
            return 1.0
        step = t_ps // self._step_ps
        if step < self._first:
            self._first, self._walked = 0, [0.0]
        while step >= self._first + len(self._walked):
            self._first += len(self._walked) - 1
            drawn = gaussians(self._key, self._first, _STEPS_AT_ONCE)[:, 0]
            kicks = (self._sigma * drawn).tolist()
            self._walked = list(accumulate(kicks, initial=self._walked[-1]))
        return 1.0 + self._walked[step - self._first]
