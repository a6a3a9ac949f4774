"""The tagger's own time: offset, drift and lock of its oscillator.

The reference has no law of it. Random-walk frequency noise is what is left of an
oscillator's noise over seconds and more [mem]; white and flicker noise, which are
smaller than the bins there, are left out [guess]. The lock's equations, a loop of
second order with critical damping, are [D]; that instruments have such a loop, [guess].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.rng import gaussians, stream_key
from qkdlab_sims.optics.tagger.parameters import TimeBase

__all__ = ["OwnTime"]

_STEP_PS = 10**9
_STEP_S = 1e-3


class OwnTime:
    """True times to times of the tagger's oscillator, in sequence.

    The phase x(t) = own - true time follows x' = y, with the frequency y a random
    walk in steps of 1 ms; a lock of bandwidth w = 2 pi lock_hz adds
    x' = y - 2 w x - z and z' = w^2 x, which leaves no lasting offset. What it gives
    does not depend on how times are cut into calls. Times may lie up to `back_ms`
    before those of former calls.
    """

    def __init__(
        self, parameters: TimeBase, seed: int, component: str, *, back_ms: int = 0
    ) -> None:
        self._back = back_ms
        self._key = stream_key(seed, component, "time base")
        self._walk = parameters.walk_ppm_per_sqrt_s * 1e-6 * _STEP_S**0.5
        self._omega = 2.0 * np.pi * parameters.lock_hz
        # Seconds and their ratio: x in s, frequency without unit.
        self._state = (0.0, parameters.offset_ppm * 1e-6, 0.0)
        self._first = 0
        self._phase_s = np.zeros(1)

    def read(self, t_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return own times of sorted true times; each call's follow the former's.

        Times before zero count as the oscillator's beginning. Raises ValueError when
        a time lies before those of the last call.
        """
        if not len(t_ps):
            return t_ps.copy()
        first, last = (max(int(t), 0) // _STEP_PS for t in (t_ps[0], t_ps[-1]))
        if first < self._first:
            raise ValueError("OwnTime wants times in sequence")
        self._run_to(last + 1, first - self._back)
        step = np.maximum(t_ps, 0) // _STEP_PS
        at = step - self._first
        part = (t_ps - step * _STEP_PS) / _STEP_PS
        low, high = self._phase_s[at], self._phase_s[at + 1]
        shift: NDArray[np.float64] = (low + (high - low) * part) * 1e12
        return t_ps + np.rint(shift).astype(np.int64)

    def _run_to(self, last: int, forget: int) -> None:
        """Have the phase at steps `forget` .. `last`."""
        known = self._first + len(self._phase_s) - 1
        if last > known:
            steps = np.arange(known, last)
            more = self._steps(steps)
            self._phase_s = np.concatenate((self._phase_s, more))
        drop = min(forget, last - 1) - self._first
        if drop > 0:
            self._phase_s = self._phase_s[drop:].copy()
            self._first += drop

    def _steps(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the phase after each of some steps, which follow the last."""
        kicks = np.zeros(len(steps))
        if self._walk > 0.0:
            first, last = int(steps[0]) // 4, int(steps[-1]) // 4
            drawn = gaussians(self._key, first, last - first + 1).ravel()
            kicks = self._walk * drawn[int(steps[0]) % 4 :][: len(steps)]
        x, y, z = self._state
        w = self._omega
        phase = np.empty(len(steps))
        for i, kick in enumerate(kicks.tolist()):
            x += (y - 2.0 * w * x - z) * _STEP_S
            z += w * w * x * _STEP_S
            y += kick
            phase[i] = x
        self._state = (x, y, z)
        return phase
