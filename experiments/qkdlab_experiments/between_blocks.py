"""What each party does between two key blocks; the light is off but for public pulses.

Alice locks her modulator's bias. Bob brings detectors back that an interlock had
switched off, then decides by finished blocks whether plates are to be turned; if so,
Alice sends public pulses. All of it acts on later blocks only (SECURITY rule 10).
"""

from __future__ import annotations

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, Transmitter
from qkdlab.session.blocks import BlockReport
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.bias_lock import lock_bias
from qkdlab_experiments.calibration.light import (
    bring_to_level,
    relative_transmissions,
)
from qkdlab_experiments.calibration.pattern import play
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.plate_tracking import PlateTracker
from qkdlab_experiments.recovery import recover_detectors

__all__ = ["BetweenBlocksBob", "between_blocks_alice"]

_DARK, _READY = "light-off", "receiver-recovered"


def between_blocks_alice(
    ctx: PartyContext[Bb84Parameters], finished: BlockReport
) -> None:
    """Darken, lock the bias, and send public pulses where Bob asks for them."""
    p = ctx.parameters
    attenuator: Attenuator = ctx.roles["attenuator"]
    transmitter: Transmitter = ctx.roles["transmitter"]
    attenuator.set_shutter_open(False)
    transmitter.stop()
    ctx.conversation.send(_DARK)
    if p.tracking.bias:
        lock_bias(ctx)
    plates = ctx.conversation.receive(_READY).get("plates")
    if not isinstance(plates, bool):
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION, "the other party's 'plates' is no yes or no"
        )
    if plates:
        bring_to_level(ctx)
        play(ctx, polarimetry_frame(p), relative_transmissions(p))
        ctx.conversation.send(_DARK)


class BetweenBlocksBob:
    """Bob's side; remembers error rates from block to block."""

    def __init__(self, p: Bb84Parameters) -> None:
        self._tracker = PlateTracker(p)

    def __call__(
        self, ctx: PartyContext[Bb84Parameters], finished: BlockReport
    ) -> None:
        """Recover the detectors after an abort, and turn the plates when needed.

        An interlock that trips meanwhile ends the turning only.
        """
        ctx.conversation.receive(_DARK)
        if finished.aborted is not None:
            recover_detectors(ctx)
        plates = self._tracker.wants(finished)
        ctx.conversation.send(_READY, plates=plates)
        if plates:
            is_well = self._tracker.track(ctx)
            ctx.conversation.receive(_DARK)
            if not is_well:
                recover_detectors(ctx)
