"""How far two detectors of one basis differ in efficiency, by swapping their roles.

Each state meets each detector as the bright one: bit 0 on detector 0 and bit 1 on
detector 1 with the plates aligned, the other way round with the plates turned so that
the arm's outputs are exchanged. In ``sqrt((n00 n10) / (n11 n01))`` the brightness of
the states, the time counted, the splitter's share and, to first order, every angle
cancel; the ratio of efficiencies, losses of the arm's two outputs included, is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["efficiency_ratio", "greatest_mismatch"]


def efficiency_ratio(
    aligned: NDArray[np.float64], swapped: NDArray[np.float64]
) -> Measured:
    """Return efficiency of detector 0 over that of detector 1 of one basis.

    aligned, swapped: (2, 2), counts[bit sent, detector]; bright are the diagonal of
                      `aligned` and the other diagonal of `swapped`

    The Poisson uncertainty is that of four independent counts. Raises ValueError when
    a bright count is zero.
    """
    on_0 = (float(aligned[0, 0]), float(swapped[1, 0]))
    on_1 = (float(aligned[1, 1]), float(swapped[0, 1]))
    if min(on_0 + on_1) <= 0:
        raise ValueError("a state gives no clicks on the detector that it is sent to")
    ratio = (on_0[0] * on_0[1] / (on_1[0] * on_1[1])) ** 0.5
    relative = 0.5 * sum(1.0 / n for n in on_0 + on_1) ** 0.5
    return Measured(ratio, ratio * relative)


def greatest_mismatch(ratios: Sequence[Measured], width: float) -> Measured:
    """Return ``ratio - 1`` of the basis in which it may be greatest in size.

    width: of the intervals, in standard uncertainties: a basis that is known worse may
           hide more than one that shows more
    """
    apart = [Measured(ratio.value - 1.0, ratio.uncertainty) for ratio in ratios]
    return max(apart, key=lambda one: abs(one.value) + width * one.uncertainty)
