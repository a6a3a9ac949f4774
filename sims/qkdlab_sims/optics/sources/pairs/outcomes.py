"""Which detectors see a pair: probabilities, and the tables that draw from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.sources.pairs._kernels import Outcomes
from qkdlab_sims.optics.sources.pairs.parameters import PairSource

__all__ = ["joint_probabilities", "outcome_tables"]

_SLACK = 1e-9


def joint_probabilities(
    source: PairSource, alice: NDArray[np.float64], bob: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return float64[n_a + 1, n_b + 1]: chance that a pair is seen by each two.

    alice, bob: float64[n, 4], analyser vectors of each side's detectors times their
    efficiencies; heralding comes on top. The last row and column are "not seen".
    Raises ValueError where detectors would see more photons than there are.
    """
    for name, vectors in (("alice", alice), ("bob", bob)):
        total = vectors.sum(axis=0)
        if total[0] + float(np.linalg.norm(total[1:])) > 2.0 + _SLACK:
            raise ValueError(f"analysers of {name} see more photons than there are")
    all_a = np.vstack([source.heralding_alice * alice, [2.0, 0.0, 0.0, 0.0]])
    all_b = np.vstack([source.heralding_bob * bob, [2.0, 0.0, 0.0, 0.0]])
    seen: NDArray[np.float64] = 0.25 * all_a @ source.state.correlation() @ all_b.T
    seen[-1] -= seen[:-1].sum(axis=0)
    seen[:, -1] -= seen[:, :-1].sum(axis=1)
    return np.maximum(seen, 0.0)


def outcome_tables(chances: NDArray[np.float64]) -> tuple[Outcomes, Outcomes]:
    """Return Alice's and Bob's part of a table that draws from float64[n_a, n_b].

    The same number in both draws a joint outcome. The chances need no scale, but one
    must be positive.
    """
    flat = chances.ravel()
    left = flat * (flat.size / flat.sum())
    keep = np.ones(flat.size)
    other = np.arange(flat.size)
    small = [i for i in range(flat.size) if left[i] < 1.0]
    large = [i for i in range(flat.size) if left[i] >= 1.0]
    while small and large:
        column, giver = small.pop(), large[-1]
        keep[column] = left[column]
        other[column] = giver
        left[giver] -= 1.0 - left[column]
        if left[giver] < 1.0:
            small.append(large.pop())
    # what is left over is 1 but for rounding
    a, b = np.divmod(np.append(other, np.arange(flat.size)), chances.shape[1])
    return Outcomes(keep, a), Outcomes(keep, b)
