"""Compiled kernels that look settings up, by the engine's AES and by Philox."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import philox
from qkdlab_sims.optics.settings._kernels import SCRATCH, Law, fill_contexts_by

__all__ = ["aes_settings", "philox_settings"]


@kernel
def aes_settings(
    n_ticks: int, pulses: NDArray[np.int32], law: Law, out: NDArray[np.int32]
) -> None:
    """Look up the settings of some pulses of each tick, as the engine does."""
    scratch = np.empty(SCRATCH, np.uint64)
    for tick in range(n_ticks):
        fill_contexts_by(tick << 16, pulses, law, scratch, out)


@kernel
def philox_settings(
    n_ticks: int,
    pulses: NDArray[np.int32],
    key: NDArray[np.uint64],
    bounds: NDArray[np.int32],
    n_lags: int,
    out: NDArray[np.int32],
) -> None:
    """Do the same by Philox4x32-10: one of its blocks for each setting.

    n_lags: pulses before that matter too, by their intensity
    """
    low, half, zero = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(0)
    drawn = np.empty(pulses.shape[0], np.int32)
    for tick in range(n_ticks):
        first = tick << 16
        stride = 12
        for lag in range(n_lags + 1):
            for i in range(pulses.shape[0]):
                k = np.uint64(first + pulses[i] - lag)
                word, _, _, _ = philox(k & low, k >> half, zero, zero, key[0], key[1])
                drawn[i] = np.int32(word >> np.uint64(16))
            if lag == 0:
                for i in range(pulses.shape[0]):
                    out[i] = drawn[i] & 1
                for j in range(bounds.shape[0]):
                    bound = 2 * bounds[j]
                    for i in range(pulses.shape[0]):
                        out[i] += 2 if bound <= drawn[i] else 0
                continue
            for j in range(1, bounds.shape[0], 2):
                bound = 2 * bounds[j]
                for i in range(pulses.shape[0]):
                    out[i] += stride if bound <= drawn[i] else 0
            stride *= 3
