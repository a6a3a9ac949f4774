"""All ways of the light behind the modulators: to meters and to detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S
from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath, Stage
from qkdlab.wiring.parts import (
    Eavesdropper,
    Fibre,
    Laser,
    PowerMeterPart,
    Snspd,
    Spad,
)
from qkdlab_sims.bench.attack import photon_attack
from qkdlab_sims.bench.incidents import NEVER_PS
from qkdlab_sims.bench.paths import find_part, light_paths, tagger_inputs
from qkdlab_sims.bench.receiver_modulator import receiver_modulator
from qkdlab_sims.bench.source import ModulatedSource
from qkdlab_sims.bench.transfer import Transfer, Turning
from qkdlab_sims.optics.attacks.photons import PhotonAttack
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector

__all__ = ["DetectorWay", "LightWays"]


@dataclass(frozen=True)
class DetectorWay:
    """The way to one detector and on to the tagger.

    arrival_ps: from the laser to a click at the tagger's input
    """

    name: str
    part: Snspd | Spad
    arrival_ps: int
    tagger_input: int | None
    before_eve: Transfer
    after_eve: Transfer


class LightWays:
    """The true bench as ways of light.

    memory_pulses: see `ModulatedSource`
    laser: whose light; the only one when not given

    Raises ConfigError when light meets no detector, or not all detectors behind the
    same modulators.
    """

    def __init__(
        self, graph: Graph, memory_pulses: int = 0, laser: str | None = None
    ) -> None:
        laser = find_part(graph, Laser)[0] if laser is None else laser
        paths = light_paths(graph, laser)
        ends = {name: path.stages[-1].part for name, path in paths.items()}
        detectors = [n for n, part in ends.items() if isinstance(part, Snspd | Spad)]
        if not detectors:
            raise ConfigError(f"wiring.cables: no light of {laser} meets a detector")
        self.source = ModulatedSource(graph, paths[detectors[0]], memory_pulses)
        n_source = len(self.source.stages)
        for path in paths.values():
            if path.stages[:n_source] != self.source.stages:
                raise ConfigError(
                    f"wiring.cables: {path.end} sees light that leaves before the last "
                    "modulator; the simulated world wants all modulators first"
                )
        self.meters = {
            name: Transfer(paths[name].stages[n_source:])
            for name, part in ends.items()
            if isinstance(part, PowerMeterPart)
        }
        inputs = tagger_inputs(graph)
        self.detectors = [
            self._detector_way(paths[name], inputs.get(name)) for name in detectors
        ]
        self.paths = tuple(paths[name] for name in detectors)
        ways = [path.stages[n_source:] for path in self.paths]
        n_common = _n_common(ways)
        main = paths[detectors[0]]
        self.modulator = receiver_modulator(graph, main, n_source, n_common)
        """What the receiver turns light by before it splits, if anything."""
        if self.modulator is not None:
            n_before = self.modulator.n_stages - n_source
            self._before = Transfer(ways[0][:n_before])
            ways = [stages[n_before:] for stages in ways]
            n_common -= n_before
        # Plates stand where all light to detectors passes; their matrices are many.
        self._common = Transfer(ways[0][:n_common])
        self._apart = [Transfer(stages[n_common:]) for stages in ways]
        behind = main.stages[n_source:]
        owner = self.source.laser.owner
        inside = [s for s in behind if s.part.owner == owner]
        self.to_output = Transfer(inside)
        """Through the last part of the sender's station."""
        self.sender = frozenset(stage.name for stage in inside)
        everywhere = [stage for path in paths.values() for stage in path.stages]
        self.fibres = {s.name: s.part for s in everywhere if isinstance(s.part, Fibre)}
        self.eve = _acting_eve([paths[name] for name in detectors])
        if self.eve is not None and self.modulator is not None:
            raise ConfigError(
                "wiring.parts: the simulated Eve meets no receiver that chooses by a "
                "modulator; give her attack none"
            )
        counts_photons = self.eve is not None and self.eve.attack != "intercept_resend"
        if counts_photons and not all(_is_simple(w.part) for w in self.detectors):
            raise ConfigError(
                "wiring.parts: photon by photon the simulated Eve meets nanowires with "
                "an ideal readout only; give her intercept_resend"
            )

    def _detector_way(
        self, path: OpticalPath, tagger_input: tuple[int, int] | None
    ) -> DetectorWay:
        part = path.stages[-1].part
        if not isinstance(part, Snspd | Spad):
            raise TypeError("the way ends at no detector")
        number, cable_ps = tagger_input or (None, 0)
        stages = path.stages[len(self.source.stages) :]
        eves = [i for i, s in enumerate(stages) if isinstance(s.part, Eavesdropper)]
        at = eves[0] if eves else 0
        return DetectorWay(
            path.end,
            part,
            path.delay_ps + cable_ps,
            number,
            Transfer(stages[:at]),
            Transfer(stages[at:]),
        )

    def eve_acts(self, light: Light, t_ps: int) -> bool:
        """Return whether Eve does something to `light` at `t_ps`."""
        if self.eve is None or t_ps < round(self.eve.begin_s * PS_PER_S):
            return False
        return self.eve.attack == "intercept_resend" or light.n_contexts > 1

    def next_act_ps(self, t_ps: int) -> int:
        """Return when, after `t_ps`, Eve begins to act; far away if never."""
        begin_ps = NEVER_PS if self.eve is None else round(self.eve.begin_s * PS_PER_S)
        return begin_ps if begin_ps > t_ps else NEVER_PS

    def to_modulator(self, turning: Turning) -> NDArray[np.complex128]:
        """Return the matrix of the way to the receiver's modulator, its loss in it."""
        return self._before.jones(turning)

    def behind_modulator(self, turning: Turning) -> list[NDArray[np.complex128]]:
        """Return the matrices of the ways from there to each detector.

        From the sender's modulators where the receiver has none.
        """
        common = self._common.jones(turning)
        return [way.jones(turning) @ common for way in self._apart]

    def analysers(
        self, turning: Turning, *, eve_acts: bool
    ) -> tuple[NDArray[np.float64], InterceptResend | PhotonAttack | None]:
        """Return float64[n_det, 4] for `simulate_pulses`, and Eve when she acts.

        They are those from the receiver's modulator on where there is one.

        An acting Eve has undone the rotation of the fibre before her, and knows D/A
        and R/L as Alice does: the vectors are then those from her to the detectors.
        """
        is_dark = not all(turning.transmission.values())
        if self.eve is None or not eve_acts or is_dark:
            behind = self.behind_modulator(turning)
            return np.array([analyser_vector(jones) for jones in behind]), None
        before = self.detectors[0].before_eve.jones(turning)
        left, singular, right = np.linalg.svd(before)
        rotation = left @ right
        straightened = right.conj().T @ np.diag(singular) @ right
        vectors = [
            analyser_vector(way.after_eve.jones(turning) @ rotation)
            for way in self.detectors
        ]
        if self.eve.attack == "intercept_resend":
            return np.array(vectors), InterceptResend(self.eve.fraction, straightened)
        leaving = self.to_output.jones(turning)
        return np.array(vectors), photon_attack(self.eve, straightened, leaving)


def _is_simple(part: Snspd | Spad) -> bool:
    return isinstance(part, Snspd) and part.readout is None


def _n_common(ways: Sequence[Sequence[Stage]]) -> int:
    """Return how many stages all ways begin with alike."""
    n = 0
    for stages in zip(*ways, strict=False):
        if any(stage != stages[0] for stage in stages):
            break
        n += 1
    return n


def _acting_eve(paths: Sequence[OpticalPath]) -> Eavesdropper | None:
    """Return Eve when she acts; she must sit where all light to detectors passes."""
    met = [
        [
            (at, stage.part)
            for at, stage in enumerate(path.stages)
            if isinstance(stage.part, Eavesdropper) and stage.part.attack != "none"
        ]
        for path in paths
    ]
    if len(met[0]) > 1 or any(found != met[0] for found in met):
        raise ConfigError(
            "wiring.parts: the simulated world takes one eavesdropper, in the way of "
            "the light to all detectors"
        )
    return met[0][0][1] if met[0] else None
