"""From what a configuration says of Eve to what she does to photons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.parts import Eavesdropper
from qkdlab_sims.optics.attacks.photons import PhotonAttack

__all__ = ["photon_attack"]

_ACTIONS = {
    "photon_number_splitting": "split",
    "photon_injection": "measure",
    "time_shift": "shift",
    "dead_time_seeding": "seed",
}


def photon_attack(
    eve: Eavesdropper,
    before: NDArray[np.complex128],
    leaving: NDArray[np.complex128],
) -> PhotonAttack:
    """Return the attack of an Eve who stands where the light leaves its sender.

    before:  2x2 transfer of the light to her place on the channel, rotations undone
    leaving: 2x2 transfer to the sender's output

    Pulses that she leaves alone suffer the loss of the channel in between.
    """
    sent, arrived = _power(leaving), _power(before)
    honest = arrived / sent if sent > 0.0 else 0.0
    at_output = before / np.sqrt(honest) if honest > 0.0 else 0.0 * before
    line = honest
    if eve.line_loss_db is not None:
        line = 10.0 ** (-eve.line_loss_db / 10.0)
    return PhotonAttack(
        _ACTIONS[eve.attack],
        eve.fraction,
        line=honest,
        line_attacked=line,
        block_singles=eve.block_singles,
        x_share=eve.x_share,
        photons=eve.photons,
        shift_ps=eve.shift_ps,
        before=at_output,
    )


def _power(jones: NDArray[np.complex128]) -> float:
    return float(np.sum(np.abs(jones) ** 2))
