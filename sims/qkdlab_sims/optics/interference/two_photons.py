"""`TwoPhotons`: two single-photon inputs that meet, as arrivals at detectors.

For one photon in each input, with amplitudes u_i and v_i at detector i and
indistinguishability M (the squared overlap of their other degrees of freedom),

    P(i, j) = |u_i v_j|^2 + |u_j v_i|^2 + 2 M Re(u_i v_j u_j* v_i*)     i < j
    P(i, i) = |u_i v_i|^2 (1 + M)
    P(i, lost) = |u_i|^2 + |v_i|^2 - sum over j of P(i, j) - 2 P(i, i)

(Hong, Ou and Mandel, PRL 59, 2044 (1987) [mem]; written out for lossy amplitudes and M
between 0 and 1 [D], the last line because interference does not change mean photon
numbers). Losses and efficiencies are in the amplitudes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import stream_key

__all__ = ["PhotonInput", "TwoPhotons"]

_MAX_PAIRS = 1 << 14


@dataclass(frozen=True, eq=False)
class PhotonInput:
    """A source of at most one photon per pulse, and its way to the detectors.

    states: complex128[n, 2], Jones vectors of length 1 of a pattern that repeats
    brightness: chance that the pulse has its photon, before `paths`
    paths:  complex128[n_det, 2], as of `two_lights.Input`
    first_pulse: pulse k has state (k - first_pulse) mod n
    """

    states: NDArray[np.complex128]
    brightness: float
    paths: NDArray[np.complex128]
    first_pulse: int = 0

    def __post_init__(self) -> None:
        in_range("brightness", self.brightness, 0.0, 1.0, "1")
        if not np.allclose(np.linalg.norm(self.states, axis=1), 1.0, atol=1e-9):
            raise ValueError("states must be Jones vectors of length 1")

    def amplitudes(self) -> NDArray[np.complex128]:
        """Return complex128[n, n_det]."""
        return np.asarray(self.states @ self.paths.T)


class TwoPhotons:
    """An `ArrivalSource`: single photons in two inputs.

    indistinguishability: M, 0 to 1
    seed, component: key of all random numbers

    Raises ValueError for paths that amplify or patterns of too many pairs.
    """

    def __init__(
        self,
        a: PhotonInput,
        b: PhotonInput,
        indistinguishability: float,
        period_ps: int,
        seed: int,
        component: str = "photons",
    ) -> None:
        in_range("indistinguishability", indistinguishability, 0.0, 1.0, "1")
        if a.paths.shape != b.paths.shape:
            raise ValueError("two photons want paths to the same detectors")
        joint = np.hstack([a.paths, b.paths])
        if float(np.linalg.eigvalsh(joint.conj().T @ joint)[-1]) > 1.0 + 1e-9:
            raise ValueError("paths of single photons may not amplify")
        if len(a.states) * len(b.states) > _MAX_PAIRS:
            raise ValueError(f"two photons take at most {_MAX_PAIRS} pairs of states")
        self._period_ps = period_ps
        self._keys = stream_key(seed, component, "candidates")[None, :]
        self._shifts = np.array(
            [-one.first_pulse % len(one.states) for one in (a, b)], np.int64
        )
        self._places, chances = _outcomes(a, b, indistinguishability)
        self._sums = np.cumsum(chances, axis=2)
        # a chance of 1 would leave no gap to draw
        self._bound = min(float(self._sums[:, :, -1].max()) * (1 + 1e-9), 1 - 1e-12)

    @property
    def per_tick(self) -> float:
        """Bound on the mean number of arrivals in a tick."""
        from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

        return 2.0 * PULSES_PER_TICK * self._bound

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        from qkdlab_sims.optics.interference.photons._kernels import draw_two_photons

        reached: int = draw_two_photons(
            tick,
            tick_end,
            self._sums,
            self._places,
            self._shifts,
            1.0 / math.log1p(-self._bound) if self._bound > 0.0 else 0.0,
            self._bound,
            self._period_ps,
            self._keys,
            poisson_bound(self.per_tick),
            arrival_ps,
            out.t_ps,
            out.chance,
            out.number,
            out.ends,
        )
        if reached < 0:
            raise OverflowError("a tick holds more photons than its bound")
        return reached


def _outcomes(
    a: PhotonInput, b: PhotonInput, alike: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the detectors of each outcome, and its chance by states of a and b."""
    u, v = a.amplitudes()[:, None, :], b.amplitudes()[None, :, :]
    one, other = np.abs(u) ** 2, np.abs(v) ** 2
    p, q = a.brightness, b.brightness
    n_det = u.shape[2]
    places: list[tuple[int, int]] = []
    chances: list[NDArray[np.float64]] = []
    met = np.zeros(np.broadcast_shapes(one.shape, other.shape))
    for i in range(n_det):
        twice = one[..., i] * other[..., i] * (1.0 + alike)
        met[..., i] += 2.0 * twice
        places.append((i, i))
        chances.append(p * q * twice)
        for j in range(i + 1, n_det):
            both = one[..., i] * other[..., j] + one[..., j] * other[..., i]
            cross = u[..., i] * v[..., j] * u[..., j].conj() * v[..., i].conj()
            both = both + 2.0 * alike * cross.real
            met[..., i] += both
            met[..., j] += both
            places.append((i, j))
            chances.append(p * q * both)
    for i in range(n_det):
        alone = p * (1.0 - q) * one[..., i] + q * (1.0 - p) * other[..., i]
        lost = np.maximum(one[..., i] + other[..., i] - met[..., i], 0.0)
        places.append((i, -1))
        chances.append(alone + p * q * lost)
    return np.array(places, np.int64), np.maximum(np.stack(chances, axis=2), 0.0)
