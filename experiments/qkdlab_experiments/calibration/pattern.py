"""Public patterns: Alice plays one with her shutter open until Bob has seen enough.

All that is said here is public: what such a pattern gives enters neither key nor
statistics (SECURITY rule 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, Receiver, Transmitter
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import find_slots
from qkdlab_experiments.calibration.pulse_timing import start_pattern
from qkdlab_experiments.frame import header_template
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["listen", "play", "slots_of_pattern"]

_READY = "receiver-waits"
_RUNNING, _SEEN = "public-pattern-running", "public-pattern-seen"
_ABOUT_THE_STEP = (
    AbortCode.SYNC_LOST,
    AbortCode.COVERAGE_GAP,
    AbortCode.CALIBRATION_FAILED,
)
"""Bob's aborts that reject the step, whose words then tell both what to do."""


def play(
    ctx: PartyContext[Bb84Parameters],
    frame: NDArray[np.uint8],
    transmissions: Mapping[int, float],
    *,
    polarization_v: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Send `frame` until Bob has seen enough; return the fields of what he says.

    transmissions, polarization_v: as of `Transmitter.upload`

    The pulses are put inside the symbols first; the light is off before and after, and
    as long as Bob still brings detectors and plates up.
    """
    transmitter: Transmitter = ctx.roles["transmitter"]
    attenuator: Attenuator = ctx.roles["attenuator"]
    start_pattern(ctx, frame, transmissions, polarization_v=polarization_v)
    ctx.conversation.receive(_READY)
    attenuator.set_shutter_open(True)
    ctx.conversation.send(_RUNNING)
    said = ctx.conversation.receive(_SEEN)
    attenuator.set_shutter_open(False)
    transmitter.stop()
    return said


def listen(
    ctx: PartyContext[Bb84Parameters],
    measure: Callable[[], tuple[StepOutcome, Mapping[str, Any]]],
) -> StepOutcome:
    """Measure while Alice plays, then tell her what she needs to know.

    measure: returns the outcome and what is said to Alice (public)

    Slots that cannot be found, and what `measure` raises as CALIBRATION_FAILED, make
    a rejected outcome.
    """
    ctx.conversation.send(_READY)
    ctx.conversation.receive(_RUNNING)
    said: Mapping[str, Any] = {}
    try:
        outcome, said = measure()
    except SecurityAbort as abort:
        if abort.code not in _ABOUT_THE_STEP:
            raise
        ctx.roles["receiver"].stop()
        outcome = StepOutcome(
            figures=dict(abort.numbers),
            problem=f"{abort.reason}; look at the light at Bob's input, at Alice's "
            "attenuator and at the cable of the START signal",
        )
    ctx.conversation.send(_SEEN, **said)
    return outcome


def slots_of_pattern(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[SyncFit, list[TagBlock]]:
    """Find the slots of the pattern that Alice plays; return the tags that told, too.

    One acquisition of its own. Raises SecurityAbort(SYNC_LOST).
    """
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    found = find_slots(receiver, p, header_template(p))
    receiver.stop()
    return found
