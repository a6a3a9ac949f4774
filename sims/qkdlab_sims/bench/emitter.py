"""A quantum dot or a crystal on the laser's way: other light goes on from there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import OpticalPath
from qkdlab.wiring.parts import PairSource, QuantumDot
from qkdlab_sims.bench.transfer import Transfer, Turning
from qkdlab_sims.optics.arrivals import ArrivalSource
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.sources.dot.arrivals import DotArrivals
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot as Dot
from qkdlab_sims.optics.sources.pairs.arrivals import PairArrivals
from qkdlab_sims.optics.sources.pairs.both import BothSides
from qkdlab_sims.optics.sources.pairs.parameters import PairSource as Crystal
from qkdlab_sims.optics.sources.pairs.parameters import PairState

__all__ = ["Emission", "Emitter", "emitter_of"]

Floats = NDArray[np.float64]


class Emission(Protocol):
    """What comes instead of a laser's light at one moment, to be met by detectors."""

    @property
    def delay_ps(self) -> int:
        """By which the light comes after its slot opens, below one period."""
        ...

    @property
    def pulse_fwhm_ps(self) -> float:
        """Width of pulses whose arrivals are drawn for one instant; else 0."""
        ...

    @property
    def lead_ps(self) -> int:
        """By how much all arrivals are drawn too late."""
        ...

    def arrivals(self, efficiencies: Floats, bank: Bank) -> ArrivalSource:
        """Return what detectors of these efficiencies meet."""
        ...


@dataclass(frozen=True, eq=False)
class Emitter:
    """A part that turns the laser's light into light of its own.

    sides: by detector the port of the part from which its light comes
    """

    part: QuantumDot | PairSource
    behind: tuple[Transfer, ...]
    sides: tuple[str, ...]

    def emission(self, turning: Turning, light: Light) -> Emission:
        """Return what leaves it under the laser's light."""
        vectors = np.array([analyser_vector(w.jones(turning)) for w in self.behind])
        if float(light.mean_photons().max()) <= 0.0:
            vectors = 0.0 * vectors
        if isinstance(self.part, QuantumDot):
            dot = _dot_of(self.part)
            return _DotLight(dot, self.part.wavelength_nm, vectors, light.delay_ps)
        crystal = _crystal_of(self.part)
        side = np.array([0 if port == "signal" else 1 for port in self.sides])
        return _PairLight(crystal, side, vectors, light.delay_ps)


def emitter_of(paths: Sequence[OpticalPath]) -> Emitter | None:
    """Return the emitter through which all light to the detectors comes, if any.

    Raises ConfigError for several, or where some detector sees the laser itself.
    """
    found = [
        [
            (at, stage)
            for at, stage in enumerate(path.stages)
            if isinstance(stage.part, QuantumDot | PairSource)
        ]
        for path in paths
    ]
    if not any(found):
        return None
    if any(len(mine) != 1 or mine[0][1].name != found[0][0][1].name for mine in found):
        raise ConfigError(
            "wiring.parts: the simulated world takes one quantum dot or pair source, "
            "in the way of the light to all detectors"
        )
    part = found[0][0][1].part
    if not isinstance(part, QuantumDot | PairSource):
        raise TypeError("no emitter")
    behind = [
        Transfer(path.stages[mine[0][0] + 1 :])
        for path, mine in zip(paths, found, strict=True)
    ]
    made = Emitter(part, tuple(behind), tuple(mine[0][1].exit for mine in found))
    try:
        _dot_of(part) if isinstance(part, QuantumDot) else _crystal_of(part)
    except ValueError as error:
        raise ConfigError(f"wiring.parts: {error}") from error
    return made


@dataclass(frozen=True, eq=False)
class _DotLight:
    dot: Dot
    wavelength_nm: float
    vectors: Floats
    delay_ps: int
    pulse_fwhm_ps: float = 0.0
    lead_ps: int = 0

    def arrivals(self, efficiencies: Floats, bank: Bank) -> ArrivalSource:
        one = Light(np.array([[1.0 + 0j, 0.0]]), self.wavelength_nm)
        seen = self.vectors * efficiencies[:, None]
        return DotArrivals(self.dot, one, seen, bank.period_ps, bank.seed)


@dataclass(frozen=True, eq=False)
class _PairLight:
    crystal: Crystal
    side: NDArray[np.int64]
    vectors: Floats
    delay_ps: int
    pulse_fwhm_ps: float = 0.0

    @property
    def lead_ps(self) -> int:
        return self.crystal.lead_ps()

    def arrivals(self, efficiencies: Floats, bank: Bank) -> ArrivalSource:
        seen = self.vectors * efficiencies[:, None]
        ours = seen[self.side == 0], seen[self.side == 1]
        period_ps, seed = bank.period_ps, bank.seed
        return BothSides(
            PairArrivals(self.crystal, "alice", *ours, period_ps, seed),
            PairArrivals(self.crystal, "bob", *ours, period_ps, seed),
            self.side,
        )


def _dot_of(part: QuantumDot) -> Dot:
    return Dot(**part.model_dump(exclude={"owner", "kind", "wavelength_nm"}))


def _crystal_of(part: PairSource) -> Crystal:
    modes = part.schmidt_number
    return Crystal(
        PairState(**part.state.model_dump()),
        pair_rate_hz=part.pair_rate_hz,
        pairs_per_pulse=part.pairs_per_pulse,
        schmidt_number=math.inf if modes is None else modes,
        heralding_alice=part.heralding_signal,
        heralding_bob=part.heralding_idler,
        correlation_fwhm_ps=part.correlation_fwhm_ps,
        emission_fwhm_ps=part.emission_fwhm_ps,
    )
