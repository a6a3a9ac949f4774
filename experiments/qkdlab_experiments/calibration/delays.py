"""Step 7: when the light of each detector arrives in its slot, and how sharply.

Records hold how much later than detector 0 each detector sees the light: fibres and
cables, that stay. What is common to all (the generator's start, the fibre to Alice)
is new with every acquisition and belongs to the sync fit; see `alignment`, which
lets the records align the gate and refuses a sync fit that contradicts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.arrival import (
    ArrivalPeak,
    fit_arrival,
    without_common_offsets,
)
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.protocols.symbols import Basis
from qkdlab.roles import Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.light import (
    relative_transmissions,
    set_rough_level,
)
from qkdlab_experiments.calibration.pattern import listen, play, slots_of_pattern
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.key_slots import ARRIVAL
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob", "residuals_ps"]

_LEAST_SHARE = 0.99
_VALID_S = 30 * 86_400.0
_ARRIVAL_VALID_S = 3600.0
"""A fibre of 75 km grows by 3 ns a kelvin [mem]."""
_SOURCE = "arrival of a public pattern"


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Send all four states, bright."""
    set_rough_level(ctx)
    play(ctx, polarimetry_frame(ctx.parameters), relative_transmissions(ctx.parameters))
    return StepOutcome()


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Fit the arrival of each detector."""
    bias_on(ctx)
    return listen(ctx, lambda: _measured(ctx))


def residuals_ps(
    blocks: Sequence[TagBlock], fit: SyncFit, reference_ps: int, slot_ps: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]:
    """Return when in its slot each click came, by a sync fit, in true time.

    (float64[n] in [-slot/2, slot/2), channel, frame) of all clicks
    """
    t = np.concatenate([block.t for block in blocks])
    channel = np.concatenate([block.ch for block in blocks])
    since = t % reference_ps
    offsets_ps = np.asarray(fit.offset_ps, np.float64)
    true_ps = since * (1.0 + fit.stretch) - offsets_ps[channel]
    return (
        np.asarray((true_ps + slot_ps / 2) % slot_ps - slot_ps / 2, np.float64),
        channel,
        t // reference_ps,
    )


def _measured(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    fit, blocks = slots_of_pattern(ctx)
    slot_ps = p.symbol_period_ps
    times_ps, channel, frame = residuals_ps(blocks, fit, p.frame_ps, slot_ps)
    sharp_ps, start_rms_ps = without_common_offsets(times_ps, frame, slot_ps / 8)
    bins_ps2 = receiver.resolution_ps() ** 2 / 12
    peaks: list[ArrivalPeak] = []
    for number in range(len(receiver.channels)):
        mine = sharp_ps[channel == number]
        try:
            peaks.append(fit_arrival(mine, slot_ps, bins_ps2))
        except ValueError as error:
            problem = (
                f"detector {number}: {error}; look at its light, its cable and its "
                "trigger level"
            )
            return StepOutcome(problem=problem), {}
    first = fit.offset_ps[0] + peaks[0].centre_ps.value
    offsets = [
        place + peak.centre_ps.value - first
        for place, peak in zip(fit.offset_ps, peaks, strict=True)
    ]
    half_ps = p.detection.gate_ps / 2
    shares = [peak.share_within(half_ps) for peak in peaks]
    figures = {
        "delay_ps": offsets,
        "jitter_fwhm_ps": [peak.fwhm_ps.value for peak in peaks],
        "start_jitter_rms_ps": start_rms_ps,
        "share_in_gate": shares,
        "clock_stretch": fit.stretch,
    }
    records = _records(ctx, offsets, peaks)
    if p.pulses_keep_place:
        records.append(_arrival(ctx, first % p.frame_ps, peaks[0]))
    outcome = StepOutcome(
        tuple(records),
        figures,
        tuple(
            _curve(
                receiver.channels[number],
                sharp_ps[channel == number],
                peak,
                bins_ps2,
                p.detection.gate_ps,
            )
            for number, peak in enumerate(peaks)
        ),
        _problem(p, shares),
    )
    return outcome, {}


def _problem(p: Bb84Parameters, shares: list[float]) -> str | None:
    worst = int(np.argmin(shares))
    if shares[worst] >= _LEAST_SHARE:
        return None
    return (
        f"only {shares[worst]:.1%} of detector {worst}'s light falls into the gate of "
        f"{p.detection.gate_ps} ps; widen detection.gate_ps, or look at its jitter"
    )


def _records(
    ctx: PartyContext[Bb84Parameters], offsets: list[float], peaks: list[ArrivalPeak]
) -> list[CalibrationRecord]:
    made = []
    reference = peaks[0].centre_ps.uncertainty
    for d, (offset, peak) in enumerate(zip(offsets, peaks, strict=True)):
        own = peak.centre_ps.uncertainty
        for quantity, value, uncertainty in (
            ("delay_ps", offset, float(np.hypot(own, reference)) if d else 0.0),
            ("jitter_fwhm_ps", *peak.fwhm_ps),
        ):
            made.append(
                ctx.calibration.measured(
                    f"{quantity}_{d}",
                    value,
                    "ps",
                    uncertainty,
                    valid_for_s=_VALID_S,
                    source=_SOURCE,
                )
            )
    return made


def _arrival(
    ctx: PartyContext[Bb84Parameters], arrival_ps: float, peak: ArrivalPeak
) -> CalibrationRecord:
    """Return the record of what else is new with every acquisition."""
    return ctx.calibration.measured(
        ARRIVAL,
        arrival_ps,
        "ps",
        peak.centre_ps.uncertainty,
        valid_for_s=_ARRIVAL_VALID_S,
        source=_SOURCE,
    )


def _curve(
    arm: tuple[int, int],
    times_ps: NDArray[np.float64],
    peak: ArrivalPeak,
    added_ps2: float,
    gate_ps: int,
) -> Curve:
    """Return the histogram about the peak with the normal curve through it.

    arm:       basis and bit
    added_ps2: variance that the tagger's bins add to the jitter
    """
    basis, bit = arm
    centre = peak.centre_ps.value
    sigma = max(np.hypot(peak.fwhm_ps.value / 2.3548, added_ps2**0.5), 1.0)
    width = max(8 * sigma, 400.0)
    counts, edges = np.histogram(times_ps, 60, (centre - width, centre + width))
    middles = (edges[:-1] + edges[1:]) / 2
    step = float(edges[1] - edges[0])
    z = (middles - centre) / sigma
    line = peak.clicks * step / (sigma * (2 * np.pi) ** 0.5) * np.exp(-z * z / 2)
    half_ps = gate_ps / 2
    return Curve(
        f"Arrival at {Basis(basis).name}{bit}",
        "time in the slot (ps)",
        "clicks",
        tuple(middles.tolist()),
        tuple(counts.tolist()),
        tuple(np.sqrt(np.maximum(counts, 1)).tolist()),
        tuple(middles.tolist()),
        tuple((line + peak.floor * step).tolist()),
        {"gate opens": centre - half_ps, "gate closes": centre + half_ps},
    )
