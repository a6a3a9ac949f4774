"""Finding the slots: time base, arrival phase per channel, first symbol of the frame.

With a START reference every frame, three things are unknown: how fast the tagger's
own clock runs (fitted inside the frames, before any slotting: 20 ppm slip 16 ns in
800 us), when in the symbol the light of each detector arrives, and which slot holds
Alice's first symbol. The last is found from the public header that opens every frame;
nothing here uses basis, bit or intensity of a key pulse (SECURITY rule 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock

__all__ = ["SyncFit", "fit_sync"]

_SEGMENTS = 64


@dataclass(frozen=True, slots=True)
class SyncFit:
    """Result of `fit_sync`; times in ps of true time.

    stretch:       true time per tagger time, minus one
    stretch_error: its standard uncertainty
    offset_ps:     arrival of Alice's first symbol after the reference, per channel
    jitter_ps:     rms of the arrival about the slot centre, per channel
    header_score:  correlation with the header in standard deviations
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
    t = np.concatenate([b.t for b in blocks]) if blocks else np.zeros(0, np.int64)
    ch = np.concatenate([b.ch for b in blocks]) if blocks else np.zeros(0, np.uint8)
    if t.size < 2000:
        raise SecurityAbort(
            AbortCode.SYNC_LOST, "too few clicks to find the slots", {"clicks": t.size}
        )
    since = t % reference_ps
    stretch, error = _fit_stretch(since, reference_ps, slot_ps)
    true = since + np.rint(since * stretch).astype(np.int64)
    phases, jitters = _phases(true, ch, slot_ps, n_channels)
    first, score, runner_up = _find_header(
        true, ch, phases, reference_ps, slot_ps, header
    )
    if score < minimum_score or score < 1.5 * runner_up:
        raise SecurityAbort(
            AbortCode.SYNC_LOST,
            "the frame's header does not stand out",
            {"score": score, "runner_up": runner_up, "wanted": minimum_score},
        )
    offsets = tuple(int(first * slot_ps + p) for p in phases)
    return SyncFit(stretch, error, offsets, tuple(jitters), score, runner_up)


def _fit_stretch(
    since: NDArray[np.int64], reference_ps: int, slot_ps: int
) -> tuple[float, float]:
    """Fit the drift of the arrival phase along the frame, segment by segment."""
    segment = since * _SEGMENTS // reference_ps
    segment = np.minimum(segment, _SEGMENTS - 1)
    angle = (since % slot_ps) * (2 * np.pi / slot_ps)
    weight = np.bincount(segment, minlength=_SEGMENTS).astype(float)
    re = np.bincount(segment, np.cos(angle), _SEGMENTS)
    im = np.bincount(segment, np.sin(angle), _SEGMENTS)
    length = np.hypot(re, im)
    sharp = length.sum() / weight.sum()
    if sharp < 0.2:
        raise SecurityAbort(
            AbortCode.SYNC_LOST, "the clicks have no common phase", {"contrast": sharp}
        )
    phase = np.unwrap(np.arctan2(im, re)) * slot_ps / (2 * np.pi)
    centre = (np.arange(_SEGMENTS) + 0.5) * reference_ps / _SEGMENTS
    mean = np.average(centre, weights=weight)
    x = centre - mean
    slope = np.sum(weight * x * phase) / np.sum(weight * x * x)
    residual = phase - np.average(phase, weights=weight) - slope * x
    variance = np.average(residual**2, weights=weight) / (_SEGMENTS - 2)
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
) -> tuple[int, float, float]:
    """Correlate clicks per slot of the frame with the header, around the frame."""
    n_slots = reference_ps // slot_ps
    phase = np.asarray(phases)[ch]
    slot = np.floor((true - phase) / slot_ps + 0.5).astype(np.int64) % n_slots
    clicks = np.bincount(slot, minlength=n_slots).astype(float)
    clicks -= clicks.mean()
    template = np.zeros(n_slots)
    template[: header.size] = header
    template[: header.size] -= header.mean()
    spectrum = np.fft.rfft(clicks) * np.conj(np.fft.rfft(template))
    score = np.fft.irfft(spectrum, n_slots)
    best = int(np.argmax(score))
    away = np.ones(n_slots, bool)
    away[best] = False
    sigma = float(np.std(score[away])) or 1.0
    return best, float(score[best]) / sigma, float(score[away].max()) / sigma
