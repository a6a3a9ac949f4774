"""Whether both detectors of each basis count alike throughout a block.

Alice's bits are balanced, and a fibre turns opposite states alike: the two detectors of
a basis count the same but for their efficiencies. One that falls silent unnoticed (a
cable, a trigger level, a wire that hangs below the interlock's voltage) makes bits that
anybody can guess, while the error rate stays low: error rates cannot show it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import Basis
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["DetectorShares"]

_SIGMAS = 6.0
"""Of counting noise: a block may have a million pieces, and each is judged."""
_ALONE = np.array(
    [
        [[mask >> (2 * basis) & 3 == only for mask in range(1 << 4)] for only in (1, 2)]
        for basis in Basis
    ],
    np.int64,
)
"""int64[basis, value, fired]: one where that detector alone fired in its basis."""


class DetectorShares:
    """Compares the detectors of each basis, piece by piece and over the block.

    The calibrated mismatch may be as large as its limit; a share off by that much is
    about twice what it explains.
    """

    def __init__(self, p: Bb84Parameters) -> None:
        self._limit = p.limits.efficiency_mismatch_max
        self._total = np.zeros((len(Basis), 2), np.int64)

    def take(self, fired: NDArray[np.uint8]) -> None:
        """Take in a piece; uint8[n], the detectors that fired, bit ``2 basis + value``.

        Raises SecurityAbort(COUNTS_OUTSIDE_LIMITS).
        """
        piece = _ALONE @ np.bincount(fired, minlength=1 << 4)
        self._total += piece
        for counts in (piece, self._total):
            for basis in Basis:
                self._judge(basis, counts[basis])

    def _judge(self, basis: Basis, counts: NDArray[np.int64]) -> None:
        n = int(counts.sum())
        apart = int(abs(counts[0] - counts[1]))
        if apart > self._limit * n + _SIGMAS * n**0.5:
            raise SecurityAbort(
                AbortCode.COUNTS_OUTSIDE_LIMITS,
                f"the detectors of basis {basis.name} do not count alike; look at "
                "their cables, trigger levels and bias, then run the step 'balance'",
                {"counts_0": int(counts[0]), "counts_1": int(counts[1])},
            )
