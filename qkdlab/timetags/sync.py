"""Finding the slots: time base, arrival phase per channel, first symbol of the frame.

With a START reference every frame, three things are unknown: how fast the tagger's
own clock runs (fitted inside the frames, before any slotting: 20 ppm slip 16 ns in
800 us), when in the symbol the light of each detector arrives, and which slot holds
Alice's first symbol, detector by detector: a metre of fibre more is half a symbol. The
last is found from the public header that opens every frame; nothing here uses basis,
bit or intensity of a key pulse (SECURITY rule 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock

__all__ = ["SyncFit", "fit_sync", "fit_sync_at"]

_SEGMENTS = 64
_LONGEST_DELAY_SLOTS = 32
"""By how many slots detectors may differ in their fibres and cables."""
_SHIFT_SCORE, _SHIFT_LEAD = 5.0, 4.0
"""A detector is taken to be slots apart from the others only where its own header
stands out so many standard deviations, and so many above the common place."""


@dataclass(frozen=True, slots=True)
class SyncFit:
    """Result of `fit_sync`; times in ps of true time.

    stretch:       true time per tagger time, minus one
    stretch_error: its standard uncertainty
    offset_ps:     arrival of Alice's first symbol after the reference, per channel
    jitter_ps:     rms of the arrival about the slot centre, per channel
    header_score:  correlation with the header in standard deviations; 0 without one
    runner_up:     the same of the best wrong slot
    """

    stretch: float
    stretch_error: float
    offset_ps: tuple[int, ...]
    jitter_ps: tuple[float, ...]
    header_score: float
    runner_up: float


def fit_sync(
    blocks: Sequence[TagBlock],
    *,
    reference_ps: int,
    slot_ps: int,
    n_channels: int,
    header: NDArray[np.int8],
    minimum_score: float = 8.0,
) -> SyncFit:
    """Fit time base, phases and frame start to some 100 ms of tags.

    header: int8[h], +1 for a bright public symbol, -1 for a dark one, 0 for none.

    Raises SecurityAbort(SYNC_LOST) with numbers when there are too few tags, the
    phase is not sharp, or no slot stands out.
    """
    arrivals = _arrivals(blocks, reference_ps, slot_ps, n_channels)
    true, ch, phases = arrivals.true, arrivals.ch, arrivals.phases
    firsts, score, runner_up = _find_header(
        true, ch, phases, reference_ps, slot_ps, header
    )
    if score < minimum_score or score < 1.5 * runner_up:
        raise SecurityAbort(
            AbortCode.SYNC_LOST,
            "the frame's header does not stand out",
            {"score": score, "runner_up": runner_up, "wanted": minimum_score},
        )
    offsets = tuple(
        int(first * slot_ps + p) for first, p in zip(firsts, phases, strict=True)
    )
    return arrivals.fit(offsets, score, runner_up)


def fit_sync_at(
    blocks: Sequence[TagBlock],
    *,
    reference_ps: int,
    slot_ps: int,
    arrival_ps: Sequence[float],
) -> SyncFit:
    """Do as `fit_sync` where it is known when the light of slot 0 arrives.

    arrival_ps: of each channel after the reference, to less than half a slot

    Raises SecurityAbort(SYNC_LOST) as `fit_sync` but for the header.
    """
    found = _arrivals(blocks, reference_ps, slot_ps, len(arrival_ps))
    offsets = tuple(
        round(phase + slot_ps * round((known - phase) / slot_ps))
        for phase, known in zip(found.phases, arrival_ps, strict=True)
    )
    return found.fit(offsets, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Clicks in true time since their reference, and when in the slot they come."""

    true: NDArray[np.int64]
    ch: NDArray[np.uint8]
    stretch: float
    error: float
    phases: list[float]
    jitters: list[float]

    def fit(self, offsets: tuple[int, ...], score: float, runner_up: float) -> SyncFit:
        jitters = tuple(self.jitters)
        return SyncFit(self.stretch, self.error, offsets, jitters, score, runner_up)


def _arrivals(
    blocks: Sequence[TagBlock], reference_ps: int, slot_ps: int, n_channels: int
) -> _Arrivals:
    t = np.concatenate([b.t for b in blocks]) if blocks else np.zeros(0, np.int64)
    ch = np.concatenate([b.ch for b in blocks]) if blocks else np.zeros(0, np.uint8)
    if t.size < 2000:
        raise SecurityAbort(
            AbortCode.SYNC_LOST, "too few clicks to find the slots", {"clicks": t.size}
        )
    since = t % reference_ps
    stretch, error = _fit_stretch(since, ch, reference_ps, slot_ps, n_channels)
    true = since + np.rint(since * stretch).astype(np.int64)
    phases, jitters = _phases(true, ch, slot_ps, n_channels)
    return _Arrivals(true, ch, stretch, error, phases, jitters)


def _fit_stretch(
    since: NDArray[np.int64],
    ch: NDArray[np.uint8],
    reference_ps: int,
    slot_ps: int,
    n_channels: int,
) -> tuple[float, float]:
    """Fit the drift of the arrival phase along the frame, segment by segment.

    Each channel has a phase of its own; the drift is common.
    """
    segment = np.minimum(since * _SEGMENTS // reference_ps, _SEGMENTS - 1)
    angle = (since % slot_ps) * (2 * np.pi / slot_ps)
    shape = (n_channels, _SEGMENTS)
    place = ch * np.int64(_SEGMENTS) + segment
    size = n_channels * _SEGMENTS
    weight = np.bincount(place, minlength=size).astype(float).reshape(shape)
    re = np.bincount(place, np.cos(angle), size).reshape(shape)
    im = np.bincount(place, np.sin(angle), size).reshape(shape)
    sharp = np.hypot(re, im).sum() / weight.sum()
    if sharp < 0.2:
        raise SecurityAbort(
            AbortCode.SYNC_LOST, "the clicks have no common phase", {"contrast": sharp}
        )
    # how the phase goes on from one segment to the next is common to all channels
    common = re + 1j * im
    steps = np.angle(np.sum(common[:, 1:] * np.conj(common[:, :-1]), axis=0))
    path = np.concatenate([[0.0], np.cumsum(steps)])
    turned = common * np.exp(-1j * path)
    mean_turn = np.exp(-1j * np.angle(turned.sum(axis=1, keepdims=True)))
    phase = (path + np.angle(turned * mean_turn)) * slot_ps / (2 * np.pi)
    centre = (np.arange(_SEGMENTS) + 0.5) * reference_ps / _SEGMENTS
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    x = centre - (weight * centre).sum(axis=1, keepdims=True) / total
    y = phase - (weight * phase).sum(axis=1, keepdims=True) / total
    slope = np.sum(weight * x * y) / np.sum(weight * x * x)
    variance = np.average((y - slope * x) ** 2, weights=weight)
    variance /= (_SEGMENTS - 2) * n_channels
    error = np.sqrt(variance * weight.sum() / np.sum(weight * x * x))
    # a tagger that runs fast sees the phase grow: true time is shorter
    return float(1.0 / (1.0 + slope) - 1.0), float(error)


def _phases(
    true: NDArray[np.int64], ch: NDArray[np.uint8], slot_ps: int, n_channels: int
) -> tuple[list[float], list[float]]:
    """Return the arrival phase of each channel, near that of all together."""
    angle = (true % slot_ps) * (2 * np.pi / slot_ps)
    common = np.angle(np.sum(np.exp(1j * angle)))
    phases: list[float] = []
    jitters: list[float] = []
    for channel in range(n_channels):
        mine = true[ch == channel]
        if mine.size < 100:
            raise SecurityAbort(
                AbortCode.SYNC_LOST,
                "a detector gives too few clicks to align it",
                {"channel": channel, "clicks": mine.size},
            )
        centre = float(common / (2 * np.pi) * slot_ps)
        near = np.zeros(0)
        # narrowing windows keep dark counts and tails out of the mean
        for half in (slot_ps / 2, slot_ps / 8, slot_ps / 32, slot_ps / 32):
            residual = (mine - centre + slot_ps / 2) % slot_ps - slot_ps / 2
            near = residual[np.abs(residual) <= half]
            if near.size < 50:
                break
            if half == slot_ps / 2:
                turn = np.angle(np.sum(np.exp(2j * np.pi * near / slot_ps)))
                centre += float(turn / (2 * np.pi) * slot_ps)
            else:
                centre += float(np.mean(near))
        phases.append(centre)
        jitters.append(float(np.std(near)))
    return phases, jitters


def _find_header(
    true: NDArray[np.int64],
    ch: NDArray[np.uint8],
    phases: list[float],
    reference_ps: int,
    slot_ps: int,
    header: NDArray[np.int8],
) -> tuple[list[int], float, float]:
    """Find the first slot of each channel: clicks of the frame against the header.

    Returns (first slots, score of all channels together, score of the runner-up).
    """
    n_slots = reference_ps // slot_ps
    phase = np.asarray(phases)[ch]
    slot = np.floor((true - phase) / slot_ps + 0.5).astype(np.int64) % n_slots
    place = ch * np.int64(n_slots) + slot
    clicks = np.bincount(place, minlength=len(phases) * n_slots).astype(float)
    scores = _correlate(clicks.reshape(-1, n_slots), header)
    together = int(np.argmax(scores.sum(axis=0)))
    busiest = int(np.argmax(scores[np.argmax(np.bincount(ch))]))
    return max(
        (_align_channels(scores, base) for base in (together, busiest)),
        key=lambda found: found[1],
    )


def _correlate(
    clicks: NDArray[np.float64], header: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return, per channel and slot, how well the header fits if it begins there."""
    n_slots = clicks.shape[1]
    template = np.zeros(n_slots)
    template[: header.size] = header - header.mean()
    spectrum = np.fft.rfft(clicks - clicks.mean(axis=1, keepdims=True))
    fit = np.fft.irfft(spectrum * np.conj(np.fft.rfft(template)), n_slots)
    return np.asarray(fit)


def _align_channels(
    scores: NDArray[np.float64], base: int
) -> tuple[list[int], float, float]:
    """Shift channels whose header clearly lies some slots off `base`; judge the sum."""
    n_slots = scores.shape[1]
    reach = np.arange(-_LONGEST_DELAY_SLOTS, _LONGEST_DELAY_SLOTS + 1)
    shifts = []
    for own in scores:
        near = own[(base + reach) % n_slots] / (float(np.std(own)) or 1.0)
        at = int(np.argmax(near))
        lead = near[at] - near[_LONGEST_DELAY_SLOTS]
        is_apart = near[at] >= _SHIFT_SCORE and lead >= _SHIFT_LEAD
        shifts.append(int(reach[at]) if is_apart else 0)
    total = np.sum(
        [np.roll(s, -d) for s, d in zip(scores, shifts, strict=True)], axis=0
    )
    best = int(np.argmax(total))
    away = np.ones(n_slots, bool)
    away[best] = False
    sigma = float(np.std(total[away])) or 1.0
    firsts = [best + shift for shift in shifts]
    return firsts, float(total[best]) / sigma, float(total[away].max()) / sigma
