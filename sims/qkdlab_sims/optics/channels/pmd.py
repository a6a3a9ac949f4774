"""Polarization-mode dispersion of first order: two principal states, two delays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.gaussian import half_width_ps
from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import gaussians, stream_key

__all__ = ["PrincipalStates", "draw_principal_states"]

_MEAN_OF_MAXWELL = math.sqrt(8.0 / math.pi)
"""Mean length of a vector of three normal components."""


@dataclass(frozen=True, eq=False)
class PrincipalStates:
    """Differential group delay of a fibre at one time and wavelength.

    dgd_ps: delay of the slow principal state behind the fast one
    slow:   float64[3], the slow state on the Poincare sphere at the fibre's output
    """

    dgd_ps: float
    slow: NDArray[np.float64]

    def __post_init__(self) -> None:
        in_range("dgd_ps", self.dgd_ps, 0.0, 1e5, "ps")
        if not math.isclose(float(np.linalg.norm(self.slow)), 1.0, rel_tol=1e-9):
            raise ValueError("slow must be a vector of length 1")

    def delay_ps(self, stokes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean delay of pulses against the middle of both states.

        stokes: float64[n, 4]; a pulse much longer than dgd_ps moves as a whole
        """
        shares = stokes[:, 1:] @ self.slow / stokes[:, 0]
        return 0.5 * self.dgd_ps * np.asarray(shares)

    def polarization_kept(self, pulse_fwhm_ps: float) -> float:
        """Return how much of the polarization across `slow` is left, 0 to 1.

        The overlap exp(-(DGD / 2 T0)^2) of two Gaussian pulses of fields
        exp(-t^2 / 2 T0^2); the error rate of states that
        are not principal ones is half of what is lost (exact for Gaussian pulses).
        """
        in_range("pulse_fwhm_ps", pulse_fwhm_ps, 1e-3, math.inf, "ps")
        return math.exp(-((0.5 * self.dgd_ps / half_width_ps(pulse_fwhm_ps)) ** 2))


def draw_principal_states(
    seed: int, component: str, mean_dgd_ps: float, number: int = 0
) -> PrincipalStates:
    """Return one state of a long fibre, the same for the same arguments.

    The vector DGD x slow has three independent normal components, so that the DGD is
    Maxwell distributed with mean `mean_dgd_ps` (Poole and Wagner 1986; Foschini and
    Poole 1991 [mem]).
    """
    in_range("mean_dgd_ps", mean_dgd_ps, 0.0, 1e4, "ps")
    key = stream_key(seed, component, "principal states")
    vector = gaussians(key, number, 1)[0][:3]
    length = float(np.linalg.norm(vector))
    return PrincipalStates(mean_dgd_ps / _MEAN_OF_MAXWELL * length, vector / length)
