"""Polarization algebra: Jones and Stokes vectors, waveplates, analysers.

Basis (H, V). D, A = (1, +-1)/sqrt 2 and R, L = (1, +-i)/sqrt 2;
S1 = |H|^2 - |V|^2, S2 = 2 Re(H* V), S3 = 2 Im(H* V), so D is +S2 and R is +S3.

Textbook calculus [mem]; which circular light is R, and the sign of time, are choices
made here [D], on which no count depends. That a polarizer loses as much of the passed
axis as leaks of the other, and that a dependent loss keeps the mean, are [D] of what
the wiring's fields mean; that both ports of a splitter leak alike is [guess].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PAULI",
    "analyser_vector",
    "diattenuator_jones",
    "dichroism_jones",
    "mueller_matrix",
    "polarizer_jones",
    "stokes_vectors",
    "waveplate_jones",
]

Jones = NDArray[np.complex128]

PAULI = np.array(
    [
        [[1, 0], [0, 1]],
        [[1, 0], [0, -1]],
        [[0, 1], [1, 0]],
        [[0, -1j], [1j, 0]],
    ],
    dtype=np.complex128,
)


def stokes_vectors(jones: Jones) -> NDArray[np.float64]:
    """Return float64[..., 4] (S0, S1, S2, S3) of amplitudes complex128[..., 2]."""
    h, v = jones[..., 0], jones[..., 1]
    power_h = h.real**2 + h.imag**2
    power_v = v.real**2 + v.imag**2
    cross = np.conj(h) * v
    parts = (power_h + power_v, power_h - power_v, 2 * cross.real, 2 * cross.imag)
    return np.stack(parts, axis=-1)


def mueller_matrix(jones: Jones) -> NDArray[np.float64]:
    """Return the real 4x4 matrix that acts on Stokes vectors as `jones` on fields."""
    # M_ij = tr(P_i J P_j J^dagger) / 2
    left = (PAULI @ jones).reshape(4, 4)
    right = (PAULI @ jones.conj().T).transpose(2, 1, 0).reshape(4, 4)
    matrix: NDArray[np.float64] = 0.5 * (left @ right).real
    return matrix


def analyser_vector(jones: Jones) -> NDArray[np.float64]:
    """Return M, float64[4]: power after `jones` is M . S / 2 for light of Stokes S.

    A detector that sees several paths without interference adds their vectors.
    """
    gram = jones.conj().T @ jones
    vector: NDArray[np.float64] = np.einsum("iab,ba->i", PAULI, gram).real
    return vector


def waveplate_jones(angle_rad: float, retardance_waves: float) -> Jones:
    """Return the Jones matrix of a plate with its fast axis at `angle_rad` from H.

    The slow axis is retarded by `retardance_waves`; the common phase is left out. A
    quarter-wave plate at +45 degrees turns H into (1, -i)/sqrt 2.
    """
    half = math.pi * retardance_waves
    fast, slow = (
        complex(math.cos(half), -math.sin(half)),
        complex(math.cos(half), math.sin(half)),
    )
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    rotate = np.array([[c, s], [-s, c]], dtype=np.complex128)
    return rotate.T @ np.diag(np.array([fast, slow])) @ rotate


def diattenuator_jones(angle_rad: float, pdl_db: float) -> Jones:
    """Return the Jones matrix of a polarization-dependent loss.

    Light linear at `angle_rad` from H passes best, the crossed one `pdl_db` worse;
    the mean of the power over all states stays.
    """
    worse = 10.0 ** (-pdl_db / 10.0)
    best = math.sqrt(2.0 / (1.0 + worse))
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    rotate = np.array([[c, s], [-s, c]], dtype=np.complex128)
    keep = np.diag(np.array([best, best * math.sqrt(worse)], np.complex128))
    return rotate.T @ keep @ rotate


def polarizer_jones(angle_rad: float, extinction_db: float = math.inf) -> Jones:
    """Return the Jones matrix of a polarizer that passes the axis `angle_rad` from H.

    A fraction 10^(-extinction_db/10) of the power of the crossed axis leaks through
    and as much of the passed axis is lost, so that the two ports of a polarizing beam
    splitter (angles 0 and pi/2) together keep all light.
    """
    leak = 10.0 ** (-extinction_db / 10.0)
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    rotate = np.array([[c, s], [-s, c]], dtype=np.complex128)
    keep = np.diag(np.array([math.sqrt(1.0 - leak), math.sqrt(leak)], np.complex128))
    return rotate.T @ keep @ rotate


def dichroism_jones(ratio: float, axis_rad: float) -> Jones:
    """Return the Jones matrix of what takes light along `axis_rad` from H fully.

    ratio: of the power across the axis that is taken, as detectors do whose efficiency
    depends on polarization
    """
    c, s = math.cos(axis_rad), math.sin(axis_rad)
    rotate = np.array([[c, s], [-s, c]], dtype=np.complex128)
    keep = np.diag(np.array([1.0, math.sqrt(ratio)], np.complex128))
    return rotate.T @ keep @ rotate
