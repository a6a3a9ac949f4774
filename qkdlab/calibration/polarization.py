"""From counts at known plate angles to the fibre's rotation, and back to angles.

Waveplates and polarizing splitters are a polarimeter: with public states sent and the
plates at several known angles, the contrasts of both arms give the rotation between
Alice's states and Bob's splitters by a linear fit, and the plates' zero errors by a
non-linear refinement (BENCHES, calibration step 8).

Polarizations are Stokes vectors (S1, S2, S3): H/V along S1, D/A along S2, R/L along
S3. A waveplate of retardance ``delta`` with its fast axis at ``theta`` turns the
sphere by ``-2 pi delta`` about ``(cos 2 theta, sin 2 theta, 0)`` in the convention of
`plate_rotation`; only products that act on all states alike matter here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_RESIDUAL",
    "PolarizationFit",
    "compensating_angles_deg",
    "fit_rotation",
    "plate_rotation",
    "rotation_by_vector",
    "stack_rotation",
]

Array = NDArray[np.float64]

_PRIOR_DEG = 10.0
MOST_RESIDUAL = 0.03
"""Of a contrast, beyond noise: more is no description of the plates."""
_TRIED_DEG = (
    (0.0, 0.0),
    (0.0, 30.0),
    (0.0, -30.0),
    (0.0, 60.0),
    (20.0, 0.0),
    (-20.0, 0.0),
    (40.0, 0.0),
    (20.0, 30.0),
    (20.0, -30.0),
    (-20.0, 30.0),
    (-20.0, -30.0),
)
"""Zero errors of the last two plates from which fits begin, in this order."""


def plate_rotation(angle_deg: float, retardance_waves: float) -> Array:
    """Return the rotation (3, 3) of the Stokes sphere by one waveplate.

    Jones matrix in the plate's axes ``diag(exp(-i delta/2), exp(+i delta/2))``.
    """
    c, s = np.cos(np.deg2rad(2 * angle_deg)), np.sin(np.deg2rad(2 * angle_deg))
    d = 2 * np.pi * retardance_waves
    axis = np.array([c, s, 0.0])
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-s, c, 0.0]])
    eye = np.eye(3)
    return np.asarray(
        np.cos(d) * eye + np.sin(d) * cross + (1 - np.cos(d)) * np.outer(axis, axis)
    )


def stack_rotation(angles_deg: Sequence[float], retardances: Sequence[float]) -> Array:
    """Return the rotation by several plates, the first met first."""
    total = np.eye(3)
    for angle, retardance in zip(angles_deg, retardances, strict=True):
        total = plate_rotation(angle, retardance) @ total
    return total


@dataclass(frozen=True, slots=True)
class PolarizationFit:
    """Result of `fit_rotation`.

    rotation:        (3, 3), from Alice's Stokes vectors to those before the plates
    zero_errors_deg: per plate, to be added to the angle read
    contrast:        of the two arms (X, Z); negative where the fit describes an arm
                     with its outputs exchanged
    residual:        rms of contrast measured minus contrast fitted
    """

    rotation: Array
    zero_errors_deg: tuple[float, ...]
    contrast: tuple[float, float]
    residual: float


def fit_rotation(
    angles_deg: Sequence[Sequence[float]],
    states: Array,
    contrasts: Array,
    errors: Array,
    retardances: Sequence[float],
    axes: Array,
) -> PolarizationFit:
    """Fit the fibre's rotation to contrasts at several plate settings.

    angles_deg: per setting the angles of the plates
    states:     (n_states, 3) Stokes vectors sent
    contrasts:  (n_settings, n_states, 2), (n0 - n1)/(n0 + n1) in arms X and Z
    errors:     the same shape, standard errors
    axes:       (2, 3), the Stokes axis that each arm measures

    Plates may stand anywhere in their mounts: where a fit from small zero errors leaves
    more than noise, others are tried. Different zero errors describe the same counts
    where they trade places with the rotation; all of these compensate alike. Some
    exchange outputs: behind quarter-wave plates a quarter turn further all states are
    mirrored at the equator, which arms that measure along S2 and S3 see as a sign of
    one of them (plates with ``-delta``, and no state sent along S1 that would tell).

    At least three settings are needed. Raises ValueError below that.
    """
    if len(angles_deg) < 3:
        raise ValueError("three plate settings or more are needed")
    enough = MOST_RESIDUAL + 3 * float(np.sqrt(np.mean(errors**2)))
    best: PolarizationFit | None = None
    for zeros_deg in _zero_starts(len(retardances)):
        fit = _fit_near(
            zeros_deg, angles_deg, states, contrasts, errors, retardances, axes
        )
        if best is None or fit.residual < best.residual:
            best = fit
        if best.residual <= enough:
            break
    if best is None:
        raise ValueError("a fit wants a start")
    return best


def _zero_starts(n_plates: int) -> Iterator[Array]:
    """Yield zero errors to start from; the first plate's trades with the rotation."""
    for pair in _TRIED_DEG:
        zeros_deg = np.zeros(n_plates)
        zeros_deg[-2:] = pair[-min(n_plates, 2) :]
        yield zeros_deg


def _fit_near(
    zeros_deg: Array,
    angles_deg: Sequence[Sequence[float]],
    states: Array,
    contrasts: Array,
    errors: Array,
    retardances: Sequence[float],
    axes: Array,
) -> PolarizationFit:
    """Fit from `zeros_deg` on; arguments otherwise as of `fit_rotation`."""
    from scipy.optimize import least_squares

    shifted = [(np.asarray(angles) + zeros_deg).tolist() for angles in angles_deg]
    guess = _linear_guess(shifted, states, contrasts, retardances, axes)
    n_plates = len(retardances)

    def model(parameters: Array) -> Array:
        turn = rotation_by_vector(parameters[:3]) @ guess
        zeros = parameters[3 : 3 + n_plates]
        out = np.empty_like(contrasts)
        for j, angles in enumerate(angles_deg):
            stack = stack_rotation(
                [a + z for a, z in zip(angles, zeros, strict=True)], retardances
            )
            out[j] = (states @ turn.T @ stack.T) @ axes.T
        return out * parameters[3 + n_plates :]

    def misfit(parameters: Array) -> Array:
        # a weak prior keeps zero errors and rotation from trading places
        prior = (parameters[3 : 3 + n_plates] - zeros_deg) / _PRIOR_DEG
        data = (model(parameters) - contrasts) / errors
        return np.concatenate([np.ravel(data), prior])

    start = np.concatenate([np.zeros(3), zeros_deg, [0.95, 0.95]])
    best = least_squares(misfit, start, x_scale="jac", max_nfev=60)
    p = np.asarray(best.x)
    residual = float(np.sqrt(np.mean((model(p) - contrasts) ** 2)))
    return PolarizationFit(
        rotation_by_vector(p[:3]) @ guess,
        tuple(float(z) for z in p[3 : 3 + n_plates]),
        (float(p[3 + n_plates]), float(p[4 + n_plates])),
        residual,
    )


def compensating_angles_deg(
    fit: PolarizationFit,
    states: Array,
    axes: Array,
    retardances: Sequence[float],
    near_deg: Sequence[float],
) -> tuple[tuple[float, ...], float]:
    """Return plate angles that bring ``states[i]`` onto ``axes[i]``, and the error.

    states: (2, 3) Alice's bit-0 states of X and Z; axes: (2, 3) the arms' axes.
    The error is the mean of ``(1 - overlap)/2`` over both, the QBER left by geometry.
    Among equally good solutions the one nearest to `near_deg` is taken.
    """
    from scipy.optimize import least_squares

    arriving = states @ fit.rotation.T
    zeros = np.asarray(fit.zero_errors_deg)
    # output 0 is where the fit sees it
    wanted = axes * np.sign(fit.contrast)[:, np.newaxis]

    def misfit(angles: Array) -> Array:
        stack = stack_rotation(list(angles + zeros), retardances)
        return np.ravel(arriving @ stack.T - wanted)

    starts = [np.asarray(near_deg, float)]
    grid = (0.0, 45.0, 90.0, 135.0)
    starts += [
        np.array([a, b, c]) for a in grid for b in (0.0, 30.0, 60.0) for c in grid
    ]
    found: list[tuple[float, float, Array]] = []
    for start in starts:
        solution = least_squares(misfit, start, max_nfev=100)
        angles = np.asarray(solution.x)
        travel = np.abs((angles - near_deg + 90.0) % 180.0 - 90.0).sum()
        found.append((float(np.sum(solution.fun**2)), float(travel), angles))
    least = min(cost for cost, _, _ in found)
    cost, _, angles = min(
        (f for f in found if f[0] <= least + 1e-6), key=lambda f: f[1]
    )
    return tuple(float(a % 180.0) for a in angles), cost / 8.0


def _linear_guess(
    angles_deg: Sequence[Sequence[float]],
    states: Array,
    contrasts: Array,
    retardances: Sequence[float],
    axes: Array,
) -> Array:
    """Solve for the images of the states, then take the nearest rotation."""
    rows = []
    for angles in angles_deg:
        stack = stack_rotation(angles, retardances)
        rows.append(axes @ stack)
    matrix = np.concatenate(rows)
    images = []
    for i in range(len(states)):
        measured = np.concatenate([contrasts[j, i] for j in range(len(angles_deg))])
        images.append(np.linalg.lstsq(matrix, measured, rcond=None)[0])
    correlation = np.asarray(images).T @ states
    u, _, vt = np.linalg.svd(correlation)
    handed = np.sign(np.linalg.det(u @ vt))
    return np.asarray(u @ np.diag([1.0, 1.0, handed]) @ vt)


def rotation_by_vector(vector: Array) -> Array:
    """Return the rotation by a rotation vector (radians)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-15:
        return np.eye(3)
    x, y, z = vector / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k))
