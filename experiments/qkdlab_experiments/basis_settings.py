"""Bob's own settings: public ones of a frame, and a fresh secret key for a block.

His board is locked to the reference of the pulses, and his tagger sees its marks: one
comes with its pulse 0 and one with every so many pulses. So the slot of a click says
which of his settings its light met, up to the constant `LAG` that a public pattern
tells once: from a mark to the light that met the marked setting.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.context import overwrite
from qkdlab.protocols.symbols import N_INTENSITIES, CounterPattern, class_counts
from qkdlab.randomness import Randomness
from qkdlab.roles import BasisModulator
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.slots import Alignment
from qkdlab_experiments.active_parameters import ActiveBb84Parameters
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "LAG",
    "BasisKey",
    "basis_frame",
    "basis_shares",
    "first_setting_slot",
    "mark_places",
]

LAG = "basis_lag_ps"
"""Record: arrival at detector 0 of light that met Bob's setting 0, after its mark."""
_KEY_BITS, _NONCE_BITS = 128, 64
_MOST_OFF = 0.25
"""Of a slot, by which marks may miss the slots' grid: a quarter is no doubt yet."""


def basis_frame(p: ActiveBb84Parameters) -> NDArray[np.uint8]:
    """Return public settings of a frame, ``2 basis + swap``, all equally often."""
    stream = hashlib.shake_256(b"qkdlab/basis-frame/1").digest(p.pattern.symbols)
    settings: NDArray[np.uint8] = np.frombuffer(stream, np.uint8) & np.uint8(3)
    return settings


def basis_shares(p: ActiveBb84Parameters) -> tuple[int, int]:
    """Return how often in 32768 X and Z come."""
    counts = class_counts(p.receiver.basis_x_probability, [1.0, 0.0, 0.0])
    return counts[0], counts[1]


def mark_places(
    marks_ps: NDArray[np.int64], alignment: Alignment
) -> NDArray[np.float64]:
    """Return where on the axis of detector 0's slots each mark lies, in ps."""
    since = marks_ps % alignment.reference_ps
    begun = marks_ps - since
    true_ps = begun + since * (1.0 + alignment.stretch)
    return np.asarray(true_ps - alignment.offset_ps[0], np.float64)


def first_setting_slot(
    marks_ps: NDArray[np.int64], alignment: Alignment, marker_ps: int, lag_ps: float
) -> int:
    """Return the slot whose light met Bob's setting 0, the first mark's.

    marker_ps: from mark to mark

    Raises SecurityAbort(SYNC_LOST) when a mark is missing, or they lie between slots.
    """
    places = mark_places(marks_ps, alignment)
    slot_ps = alignment.slot_ps
    if not places.size:
        raise _lost("Bob's tagger saw no mark of his board", 0.0)
    own = places - np.arange(places.size) * marker_ps
    spread = float(np.ptp(own)) / slot_ps
    if spread > 1.0:
        raise _lost("marks of Bob's board are missing", spread)
    slots = (float(np.median(own)) + lag_ps) / slot_ps
    off = abs(slots - round(slots))
    if off > _MOST_OFF:
        raise _lost("Bob's settings begin between two slots", off)
    return round(slots)


def _lost(reason: str, slots: float) -> SecurityAbort:
    return SecurityAbort(
        AbortCode.SYNC_LOST,
        f"{reason}; look at the cable of the marks, then run the step 'basis_timing'",
        {"off_slots": slots},
    )


class BasisKey:
    """Key and nonce of Bob's generator for one block, 24 bytes."""

    def __init__(self, secret: NDArray[np.uint8], p: ActiveBb84Parameters) -> None:
        self._secret = secret
        self._p = p
        self._pattern: CounterPattern | None = None
        self._end = 0

    @classmethod
    def draw(
        cls, p: ActiveBb84Parameters, randomness: Randomness, block: int
    ) -> BasisKey:
        """Return a new key from Bob's own random bits."""
        secret = randomness.secret(f"block {block} bases", _KEY_BITS + _NONCE_BITS)
        data = np.frombuffer(secret.to_bytes(), np.uint8).copy()
        secret.wipe()
        return cls(data, p)

    def on_record(self) -> NDArray[np.uint8]:
        """Return key and nonce. Secret."""
        return self._secret

    def begin(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Load the key and start the generator."""
        modulator: BasisModulator = ctx.roles["basis_modulator"]
        modulator.start_fresh(
            *self._key_and_nonce(),
            basis_shares(self._p),
            symbol_period_ps=self._p.symbol_period_ps,
            marker_pulses=self._p.pattern.symbols,
        )

    def settings(self, first: int) -> CounterPattern:
        """Return the settings by pulse of the block.

        first: of Bob's settings, the one that the block's first pulse met

        Raises SecurityAbort(SYNC_LOST) when the block began before them.
        """
        if first < 0:
            raise _lost("Bob's settings begin after the block", float(first))
        counts = (*basis_shares(self._p), *(0,) * (2 * N_INTENSITIES - 2))
        self._end = first + self._p.n_frames * self._p.pattern.symbols
        self._pattern = CounterPattern(
            *self._key_and_nonce(), counts, first_pulse=first
        )
        return self._pattern

    def end(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Stop the generator; see that it made a setting for every pulse.

        Raises SecurityAbort(COVERAGE_GAP) otherwise.
        """
        modulator: BasisModulator = ctx.roles["basis_modulator"]
        modulator.stop()
        made = modulator.pulse_count()
        if made < self._end:
            raise SecurityAbort(
                AbortCode.COVERAGE_GAP,
                "Bob's board made fewer settings than the block has pulses",
                {"made": made, "wanted": self._end},
            )

    def wipe(self) -> None:
        """Overwrite key and nonce."""
        overwrite(self._secret)
        if self._pattern is not None:
            self._pattern.wipe()

    def _key_and_nonce(self) -> tuple[bytes, bytes]:
        data = self._secret.tobytes()
        return data[: _KEY_BITS // 8], data[_KEY_BITS // 8 :]

    def __repr__(self) -> str:
        return "BasisKey()"
