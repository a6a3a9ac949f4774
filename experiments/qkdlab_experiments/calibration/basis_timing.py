"""Which of Bob's settings meets which of Alice's pulses, from public patterns of both.

Both play known settings of one frame. What each click says of the sum of both phases
is correlated with Bob's settings at every offset; one stands out. His tagger sees the
marks of his board, so the offset is one of time: from a mark to the light that met the
setting which it marks. That stays as it is, through any start of either board.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.roles import ActiveReceiver, BasisModulator
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.slots import SlotClicks
from qkdlab_experiments.acquisition import acquire_clicks, align
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.basis_settings import LAG, basis_frame, mark_places
from qkdlab_experiments.calibration.counting import seconds_for
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.pattern import listen, slots_of_pattern
from qkdlab_experiments.calibration.polarization import alice, plates_on
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob", "offset_scores"]

_QUARTERS_SENT = np.array([0, 2, 1, 3])
"""Alice's phase by ``2 basis + bit``, in units of pi/2."""
_QUARTERS_CHOSEN = np.array([0, 2, 3, 1])
"""Bob's, by ``2 basis + swap``."""
_LEAST_SCORE = 20.0
_LEAST_RATIO = 3.0
_VALID_S = 3600.0
"""As the arrival of light: the fibre is in it."""


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Play the public settings, and look for their offset."""
    bias_on(ctx)
    plates_on(ctx)
    return listen(ctx, lambda: _measured(ctx))


def offset_scores(
    clicks: SlotClicks, sent: NDArray[np.uint8], chosen: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return how well each offset of Bob's settings explains clicks, in sigmas.

    clicks: masks of his two detectors, slots of Alice's frame
    sent:   uint8[n], Alice's settings; chosen: uint8[n], Bob's, of one frame each

    Offset o: light of slot s met Bob's setting s - o. A wrong one gives numbers of mean
    zero, about Rayleigh distributed.
    """
    n = sent.size
    slot = clicks.slot % n
    told = np.bincount(slot[clicks.mask == 1], minlength=n)
    told = told - np.bincount(slot[clicks.mask == 2], minlength=n)
    turned = 1j ** _QUARTERS_SENT[sent & 3] * told
    wanted = 1j ** (-_QUARTERS_CHOSEN[chosen & 3])
    spectrum = np.fft.fft(turned) * np.conj(np.fft.fft(wanted))
    noise = np.sqrt(max(float((told**2).sum()) / 2.0, 1.0))
    return np.asarray(np.fft.ifft(spectrum).real / noise, np.float64)


def _measured(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = active(ctx.parameters)
    receiver: ActiveReceiver = ctx.roles["receiver"]
    modulator: BasisModulator = ctx.roles["basis_modulator"]
    fit, blocks = slots_of_pattern(ctx)
    alignment = align(fit, p)
    seconds = seconds_for(blocks, p.calibration.basis_clicks, p)
    chosen = basis_frame(p)
    modulator.play(chosen, p.symbol_period_ps)
    clicks = acquire_clicks(receiver, p, alignment, seconds)
    modulator.stop()
    marks_ps = receiver.marks_ps()
    if not marks_ps.size:
        return StepOutcome(
            problem="Bob's tagger saw no mark of his board; look at their cable"
        ), {}
    scores = offset_scores(clicks, polarimetry_frame(p), chosen)
    best = int(np.argmax(scores))
    second = float(np.partition(scores, -2)[-2])
    places = mark_places(marks_ps, alignment)
    # the same place in every frame, but for the tagger's jitter
    turn = np.exp(2j * np.pi * places / p.frame_ps)
    mark_ps = float(np.angle(turn.mean()) / (2 * np.pi) * p.frame_ps)
    lag_ps = best * p.symbol_period_ps - mark_ps
    lag_ps = (lag_ps + p.frame_ps / 2) % p.frame_ps - p.frame_ps / 2
    figures = {
        "lag_ps": lag_ps,
        "score": float(scores[best]),
        "runner_up": second,
        "clicks": int(clicks.slot.size),
    }
    problem = None
    if scores[best] < max(_LEAST_SCORE, _LEAST_RATIO * second):
        problem = (
            f"no offset of Bob's settings stands out (score {scores[best]:.1f}, next "
            f"{second:.1f}); look at his modulator's drive and at the marks' cable, or "
            "raise calibration.basis_clicks"
        )
    record = ctx.calibration.measured(
        LAG,
        lag_ps,
        "ps",
        float(np.std(places % p.symbol_period_ps)) / max(1, places.size) ** 0.5,
        valid_for_s=_VALID_S,
        source="public settings of both",
    )
    return StepOutcome((record,), figures, problem=problem), {}
