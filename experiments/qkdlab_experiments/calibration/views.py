"""Clicks of all four arms while a public pattern runs, whatever kind of receiver.

A receiver of four detectors sees them at once. One that chooses its basis looks at one
after the other, or at both by a public pattern of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.protocols.symbols import CyclicPattern
from qkdlab.roles import ActiveReceiver, BasisModulator, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.slots import Alignment, SlotClicks, SlotCounts
from qkdlab_experiments.acquisition import acquire_clicks, acquire_counted
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.arms import ActiveArms, PassiveArms
from qkdlab_experiments.basis_settings import LAG, basis_frame, first_setting_slot
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import ARM_AXES, PHASE_AXES

__all__ = ["arm_axes", "see_arms", "see_settings"]


def arm_axes(p: Bb84Parameters) -> NDArray[np.float64]:
    """Return what the arms of X and Z measure behind the plates, as `fit_rotation`."""
    return PHASE_AXES if p.receiver_chooses else ARM_AXES


def see_arms(
    ctx: PartyContext[Bb84Parameters],
    alignment: Alignment,
    seconds: float,
    *,
    swap: int = 0,
) -> SlotClicks:
    """Take clicks for so long in each basis; bit ``2 basis + bit`` of their masks.

    swap: of a receiver that chooses; 1 exchanges its detectors
    """
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    if not p.receiver_chooses:
        clicks = acquire_clicks(receiver, p, alignment, seconds)
        fired = PassiveArms(receiver.channels).fired(clicks.slot, clicks.mask)
        return SlotClicks(clicks.slot, fired)
    modulator: BasisModulator = ctx.roles["basis_modulator"]
    seen: list[SlotClicks] = []
    for basis in (0, 1):
        setting = 2 * basis + swap
        modulator.hold(setting, p.symbol_period_ps)
        clicks = acquire_clicks(receiver, p, alignment, seconds)
        held = ActiveArms(CyclicPattern(np.array([setting], np.uint8)))
        seen.append(SlotClicks(clicks.slot, held.fired(clicks.slot, clicks.mask)))
    modulator.stop()
    return SlotClicks(
        np.concatenate([one.slot for one in seen]),
        np.concatenate([one.mask for one in seen]),
    )


def see_settings(
    ctx: PartyContext[Bb84Parameters], alignment: Alignment, seconds: float
) -> tuple[SlotClicks, SlotCounts]:
    """Take clicks with all settings of the receiver mixed, as in a key block.

    Masks as of `see_arms`; beside them what became of all tags.
    """
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    if not p.receiver_chooses:
        clicks, counts = acquire_counted(receiver, p, alignment, seconds)
        fired = PassiveArms(receiver.channels).fired(clicks.slot, clicks.mask)
        return SlotClicks(clicks.slot, fired), counts
    frame = basis_frame(active(p))
    modulator: BasisModulator = ctx.roles["basis_modulator"]
    modulator.play(frame, p.symbol_period_ps)
    clicks, counts = acquire_counted(receiver, p, alignment, seconds)
    modulator.stop()
    watched: ActiveReceiver = ctx.roles["receiver"]
    begins = first_setting_slot(
        watched.marks_ps(), alignment, p.frame_ps, ctx.calibration.value(LAG)
    )
    arms = ActiveArms(CyclicPattern(frame))
    return SlotClicks(
        clicks.slot, arms.fired(clicks.slot - begins, clicks.mask)
    ), counts
