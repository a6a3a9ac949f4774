"""All ways of the light behind the modulators: to meters and to detectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import (
    Eavesdropper,
    Fibre,
    Laser,
    PowerMeterPart,
    Snspd,
    Wiring,
)
from qkdlab_sims.bench.paths import LightPath, find_part, light_paths, tagger_inputs
from qkdlab_sims.bench.source import ModulatedSource
from qkdlab_sims.bench.transfer import Transfer, Turning
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.polarization import analyser_vector

__all__ = ["DetectorWay", "LightWays"]


@dataclass(frozen=True)
class DetectorWay:
    """The way to one detector and on to the tagger.

    arrival_ps: from the opening of a pulse's slot to its click at the tagger's input
    """

    name: str
    part: Snspd
    arrival_ps: int
    tagger_input: int | None
    before_eve: Transfer
    after_eve: Transfer


class LightWays:
    """The true bench as ways of light.

    Raises ConfigError when light meets no detector, or not all detectors behind the
    same modulators.
    """

    def __init__(self, wiring: Wiring) -> None:
        laser, laser_part = find_part(wiring, Laser)
        paths = light_paths(wiring, laser)
        ends = {name: path.steps[-1].part for name, path in paths.items()}
        detectors = [n for n, part in ends.items() if isinstance(part, Snspd)]
        if not detectors:
            raise ConfigError(f"wiring.cables: no light of {laser} meets a detector")
        self.source = ModulatedSource(wiring, paths[detectors[0]])
        n_source = self.source.n_steps
        for path in paths.values():
            if path.steps[:n_source] != self.source.steps[:n_source]:
                raise ConfigError(
                    f"wiring.cables: {path.end} sees light that leaves before the last "
                    "modulator; the simulated world wants all modulators first"
                )
        self.meters = {
            name: Transfer(paths[name].steps[n_source:])
            for name, part in ends.items()
            if isinstance(part, PowerMeterPart)
        }
        inputs = tagger_inputs(wiring)
        self.detectors = [
            self._detector_way(paths[name], laser_part, inputs.get(name))
            for name in detectors
        ]
        main = paths[detectors[0]].steps
        inside = [s for s in main[n_source:] if s.part.owner == laser_part.owner]
        self.to_output = Transfer(inside)
        """Through the last part of the sender's station."""
        self.sender = frozenset(step.name for step in inside)
        self.fibres = {s.name: s.part for s in main if isinstance(s.part, Fibre)}
        eves = [s.part for s in main if isinstance(s.part, Eavesdropper)]
        self.eve = next((e for e in eves if e.attack != "none"), None)

    def _detector_way(
        self, path: LightPath, laser: Laser, tagger_input: tuple[int, int] | None
    ) -> DetectorWay:
        part = path.steps[-1].part
        if not isinstance(part, Snspd):
            raise TypeError("the way ends at no detector")
        number, cable_ps = tagger_input or (None, 0)
        steps = path.steps[self.source.n_steps :]
        at = next(
            (i for i, s in enumerate(steps) if isinstance(s.part, Eavesdropper)), 0
        )
        return DetectorWay(
            path.end,
            part,
            laser.pulse_delay_ps + path.delay_ps() + cable_ps,
            number,
            Transfer(steps[:at]),
            Transfer(steps[at:]),
        )

    def analysers(
        self, turning: Turning
    ) -> tuple[NDArray[np.float64], InterceptResend | None]:
        """Return float64[n_det, 4] for `simulate_pulses`, and Eve when she acts.

        An acting Eve has undone the rotation of the fibre before her, and knows D/A
        and R/L as Alice does: the vectors are then those from her to the detectors.
        """
        if self.eve is None:
            vectors = [
                analyser_vector(
                    way.after_eve.jones(turning) @ way.before_eve.jones(turning)
                )
                for way in self.detectors
            ]
            return np.array(vectors), None
        before = self.detectors[0].before_eve.jones(turning)
        left, singular, right = np.linalg.svd(before)
        rotation = left @ right
        straightened = right.conj().T @ np.diag(singular) @ right
        vectors = [
            analyser_vector(way.after_eve.jones(turning) @ rotation)
            for way in self.detectors
        ]
        return np.array(vectors), InterceptResend(self.eve.fraction, straightened)
