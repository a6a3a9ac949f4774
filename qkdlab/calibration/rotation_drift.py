"""How the fibre has turned since the plates were aligned, from small probes.

Where plates are aligned, the fibre's rotation is known: it is what they undo. Contrasts
at the present angles and a degree to either side of each plate then tell by how much it
has turned since; at the present angles alone two of the three axes show in second order
only, and not their signs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.polarization import rotation_by_vector, stack_rotation

__all__ = ["follow_rotation", "probes_deg", "rotation_when_aligned"]

Array = NDArray[np.float64]

_LIKELY_RAD = 0.7
"""Standard deviation of the turn about each axis, before anything was seen."""


def probes_deg(angles_deg: Sequence[float], step_deg: float) -> list[tuple[float, ...]]:
    """Return the present angles, then each plate a step to either side."""
    settings = [tuple(angles_deg)]
    for plate in range(len(angles_deg)):
        for sign in (-1.0, 1.0):
            moved = list(angles_deg)
            moved[plate] += sign * step_deg
            settings.append(tuple(moved))
    return settings


def rotation_when_aligned(
    angles_deg: Sequence[float],
    states: Array,
    axes: Array,
    retardances: Sequence[float],
) -> Array:
    """Return the rotation (3, 3) that plates at `angles_deg` undo.

    states, axes: (2, 3), unit vectors at right angles: ``states[i]`` meets ``axes[i]``
    """
    before = np.vstack([states, np.cross(states[0], states[1])])
    after = np.vstack([axes, np.cross(axes[0], axes[1])])
    return np.asarray(stack_rotation(angles_deg, retardances).T @ after.T @ before)


def follow_rotation(
    settings_deg: Sequence[Sequence[float]],
    states: Array,
    contrasts: Array,
    errors: Array,
    retardances: Sequence[float],
    axes: Array,
    before: Array,
) -> Array:
    """Return the rotation (3, 3) now.

    states:            (n_states, 3) Stokes vectors sent
    contrasts, errors: (n_settings, n_states, 2), of arms X and Z
    before:            (3, 3), as it was
    """
    from scipy.optimize import least_squares

    stacks = np.array([stack_rotation(s, retardances) for s in settings_deg])

    def misfit(parameters: Array) -> Array:
        rotation = rotation_by_vector(parameters[:3]) @ before
        arriving = states @ rotation.T
        fitted = np.einsum("si,jki,ak->jsa", arriving, stacks, axes) * parameters[3:]
        data = (fitted - contrasts) / errors
        return np.concatenate([np.ravel(data), parameters[:3] / _LIKELY_RAD])

    contrast = np.array([0.97, 0.97])
    # two signs are told apart by little: each is tried
    starts = [np.zeros(3)]
    starts += [sign * 0.4 * axis for axis in np.eye(3) for sign in (-1.0, 1.0)]
    found = [least_squares(misfit, np.concatenate([s, contrast])) for s in starts]
    best = min(found, key=lambda one: float(one.cost))
    return np.asarray(rotation_by_vector(np.asarray(best.x)[:3]) @ before)
