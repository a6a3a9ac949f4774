"""Closed forms of the interference of two independent lights, threshold detectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coincidences", "expected_coincidences"]

Means = NDArray[np.float64]
Kind = Literal["coherent", "thermal", "single_photons"]


@dataclass(frozen=True, slots=True)
class Coincidences:
    """Chances a pulse that both detectors click.

    alike:  pulses that nothing distinguishes
    unlike: pulses of which everything does
    beside: one detector in this pulse, the other in the next, pulses alike
    """

    alike: float
    unlike: float
    beside: float

    @property
    def dip(self) -> float:
        """Return the depth of the dip of a scan: alike against unlike."""
        return 1.0 - self.alike / self.unlike

    @property
    def visibility(self) -> float:
        """Return the visibility against other pulses."""
        return 1.0 - self.alike / self.beside


def expected_coincidences(
    light: Kind, means: Means, dark: tuple[float, float] = (0.0, 0.0)
) -> Coincidences:
    """Return the chances behind a beam splitter; the two outputs differ by pi.

    means: float64[2 senders, 2 detectors], mean photons of a sender's pulse that the
           detector sees; of single photons the chance
    dark:  of each detector, chance of a click without light

    Coherent: means over the phase, exp(-s) I0(q); with m of each sender, half of it at
    either detector, the dip is 1 - [1 - 2 exp(-m) I0(m) + exp(-2m)] / (1 - exp(-m))^2
    (theory.md section 3 [C]). Thermal: Gaussian integrals, 1 / det(1 + G). Single
    photons: Hong, Ou and Mandel 1987 [mem].
    """
    silent = _SILENT[light]
    live = 1.0 - np.asarray(dark)
    one = [live[d] * silent(means[:, [d]], True) for d in (0, 1)]
    both = live[0] * live[1] * silent(means, True)
    apart = [live[d] * silent(means[:, [d]], False) for d in (0, 1)]
    none = live[0] * live[1] * silent(means, False)
    return Coincidences(
        1.0 - one[0] - one[1] + both,
        1.0 - apart[0] - apart[1] + none,
        (1.0 - one[0]) * (1.0 - one[1]),
    )


def _signed(means: Means) -> Means:
    """Return sqrt(m_a m_b) of each detector, the second output's negative."""
    signs = np.array([1.0, -1.0])[: means.shape[1]]
    return np.asarray(signs * np.sqrt(means[0] * means[1]))


def _silent_coherent(means: Means, alike: bool) -> float:
    from scipy.special import i0

    dark = math.exp(-float(means.sum()))
    return dark * float(i0(2.0 * float(_signed(means).sum()))) if alike else dark


def _silent_thermal(means: Means, alike: bool) -> float:
    a, b = means.sum(axis=1).tolist()
    cross = float(_signed(means).sum()) if alike else 0.0
    return float(1.0 / ((1.0 + a) * (1.0 + b) - cross**2))


def _silent_single(means: Means, alike: bool) -> float:
    a, b = means.sum(axis=1).tolist()
    cross = float(_signed(means).sum()) if alike else 0.0
    return float((1.0 - a) * (1.0 - b) + cross**2)


_SILENT = {
    "coherent": _silent_coherent,
    "thermal": _silent_thermal,
    "single_photons": _silent_single,
}
"""(means, whether pulses are alike) -> chance that none of the detectors sees any."""
