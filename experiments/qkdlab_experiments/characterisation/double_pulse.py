"""Recovery by pairs of pulses: how often the second one clicks after the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["second_click_ratio"]


def second_click_ratio(
    tags_ps: NDArray[np.int64],
    first_ps: NDArray[np.int64],
    delay_ps: int,
    half_gate_ps: int,
) -> Measured:
    """Return the efficiency for the second pulse of a pair after a click at the first.

    The click probability of the second pulse when the first clicked, over that when
    it did not; equal pulses of few photons, pairs much further apart than any memory.

    first_ps: instants of the first pulses as the tags see them, rising
    delay_ps: from the first to the second pulse
    Raises ValueError when the second pulse never clicked after a silent first one.
    """
    first = _in_gate(tags_ps, first_ps, half_gate_ps)
    second = _in_gate(tags_ps, first_ps + delay_ps, half_gate_ps)
    after, rested = int(first.sum()), int((~first).sum())
    both, alone = int((first & second).sum()), int((~first & second).sum())
    if not after or not alone:
        raise ValueError("too few clicks for a ratio")
    p_after, p_rested = both / after, alone / rested
    # one click more than there were, so that none at all has an uncertainty too
    error_after = ((both + 1) / after * (1.0 - p_after) / after) ** 0.5
    error_rested = (p_rested * (1.0 - p_rested) / rested) ** 0.5
    ratio = p_after / p_rested
    spread = np.hypot(error_after, ratio * error_rested) / p_rested
    return Measured(ratio, float(spread))


def _in_gate(
    tags_ps: NDArray[np.int64], centre_ps: NDArray[np.int64], half_gate_ps: int
) -> NDArray[np.bool_]:
    low = np.searchsorted(tags_ps, centre_ps - half_gate_ps)
    high = np.searchsorted(tags_ps, centre_ps + half_gate_ps)
    return np.asarray(high > low)
