"""Eve with a photon-number meter: splitting, seeding, shifting, sending several.

Each attack is described in standards-attacks-ux.md section 2 [V: titles and figures
there]. Light is phase-randomised, so to her a pulse is a Poissonian number of photons
of one polarization. Photons are sent on one by one: what the detectors then do,
threshold and recovery included, is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.attacks._kernels import (
    ATTACK,
    COPY,
    MEASURE,
    SEED,
    SHIFT,
    SPLIT,
    recall,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS
from qkdlab_sims.optics.polarization import mueller_matrix

__all__ = [
    "ACTIONS",
    "BRIGHTEST_MEAN",
    "PhotonAttack",
    "TooBrightForEve",
    "Truth",
    "what_was_true",
]

ACTIONS = {
    "copy": COPY,
    "measure": MEASURE,
    "split": SPLIT,
    "shift": SHIFT,
    "seed": SEED,
}
"""Name of what she does -> number of it in the kernels.

copy:    sends every photon on
measure: in X with probability `x_share`, else in Z; sends `photons` in the state
         found, or as many as came (intercept and resend, double photon and one-basis
         injection)
split:   keeps one of several photons, stops a single one with `block_singles`, sends
         the rest through a better line (photon-number splitting)
shift:   delays or hastens the pulse by `shift_ps` (time shift)
seed:    sends `photons` in one of the four states ahead of the pulse (dead-time
         seeding)
"""


BRIGHTEST_MEAN = 120.0
"""Photons in a pulse at Eve; beyond, her counts of up to 255 would be cut."""


class TooBrightForEve(OverflowError):
    """Pulses have more photons than Eve counts."""


def _identity() -> NDArray[np.complex128]:
    return np.eye(2, dtype=np.complex128)


@dataclass(frozen=True, eq=False)
class PhotonAttack:
    """What she does to a random `fraction` of the pulses.

    line:          transmission of her line to the analysers, for pulses left alone
    line_attacked: the same for those attacked
    before:        as of `eavesdropper.InterceptResend`

    Raises ValueError for an unknown action and for a seed so early or a shift so far
    that pulses would change places: half a period is the caller's to respect.
    """

    action: str = "copy"
    fraction: float = 1.0
    line: float = 1.0
    line_attacked: float = 1.0
    block_singles: float = 0.0
    x_share: float = 0.5
    photons: int = 0
    shift_ps: int = 0
    before: NDArray[np.complex128] = field(default_factory=_identity)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"no attack is called {self.action!r}")

    def record(self, light: Light) -> np.void:
        """Return it as the kernels want it.

        Raises ValueError for light whose settings come on demand: she looks pulses up
        in a pattern; TooBrightForEve for pulses of more photons than she counts.
        """
        if light.law is not None:
            raise ValueError("attacks by photon number want a pattern that repeats")
        mean = self._brightest(light)
        if mean > BRIGHTEST_MEAN:
            raise TooBrightForEve(
                f"Eve counts pulses of {BRIGHTEST_MEAN:g} photons on average at most, "
                f"these have {mean:.3g}: attenuate the light before her"
            )
        made: np.void = np.zeros(1, ATTACK)[0]
        made["action"] = ACTIONS[self.action]
        made["noise"] = light.intensity_noise_rms
        for name in ATTACK.names or ():
            if name not in ("action", "noise"):
                made[name] = getattr(self, name)
        return made

    def _brightest(self, light: Light) -> float:
        """Return the mean photon number of the brightest pulse at Eve."""
        to_eve = mueller_matrix(self.before) @ light.transfer()
        means = light.table.stokes @ to_eve[0]
        noise = 1.0 + light.intensity_noise_rms * float(NOISE_LEVELS[-1])
        return float(means.max()) * noise

    def clicks_per_pulse(self) -> int:
        """Return how many clicks one pulse can give one detector, at most."""
        return 2 if self.action == "seed" else 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What nobody on the bench can know of some pulses.

    photons:  uint8[n], that left Alice and reached Eve
    attacked: bool[n]
    choice:   uint8[n], her private choice for the pulse
    """

    photons: NDArray[np.uint8]
    attacked: NDArray[np.bool_]
    choice: NDArray[np.uint8]


def what_was_true(
    attack: PhotonAttack,
    light: Light,
    pulses: NDArray[np.int64],
    keys: NDArray[np.uint64],
) -> Truth:
    """Return the truth of pulses by their index; any, in any order.

    keys: of the `DetectorBank` that simulates them
    """
    shape = pulses.shape[0]
    photons, attacked, choice = (np.empty(shape, np.uint8) for _ in range(3))
    recall(
        pulses,
        light.table.stokes,
        -light.first_pulse % light.n_contexts,
        mueller_matrix(attack.before) @ light.transfer(),
        attack.record(light),
        keys,
        photons,
        attacked,
        choice,
    )
    return Truth(photons, attacked.astype(np.bool_), choice)
