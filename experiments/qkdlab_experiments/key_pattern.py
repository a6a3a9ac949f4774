"""What a key block sends: one stored frame again and again, or fresh settings."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.context import overwrite
from qkdlab.protocols.symbols import CounterPattern, CyclicPattern, SymbolSource
from qkdlab.randomness import Randomness
from qkdlab.roles import FreshTransmitter
from qkdlab.session.conversation import public_number
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.pulse_timing import start_pattern
from qkdlab_experiments.frame import key_frame, shares, typical_frame
from qkdlab_experiments.intensity import IntensityCalibration
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["CyclicKey", "FreshKey", "KeyPattern", "new_pattern"]

_KEY_BITS, _NONCE_BITS = 128, 64


class KeyPattern(Protocol):
    """The settings of one key block.

    frame:       uint8[n], settings as often as they come, for the meter's mean
    first_pulse: pulse of the transmitter with which the block begins; 0 where all
                 frames are alike
    """

    frame: NDArray[np.uint8]
    first_pulse: int

    def on_record(self) -> NDArray[np.uint8]:
        """Return what the settings follow from. Secret."""
        ...

    def prepare(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Do what is done with the shutter closed."""
        ...

    def begin(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Let the block's light out; the shutter is open."""
        ...

    def source(self, p: Bb84Parameters, begins: dict[str, Any]) -> SymbolSource:
        """Return the settings by pulse of the block, which begins as Bob says."""
        ...

    def end(self, ctx: PartyContext[Bb84Parameters]) -> int:
        """Stop; the shutter is closed. Return the block's pulses if they are counted.

        0 where nothing counts them. Raises when not all was sent as it should.
        """
        ...

    def wipe(self) -> None:
        """Overwrite what the settings follow from."""
        ...


def new_pattern(p: Bb84Parameters, randomness: Randomness, block: int) -> KeyPattern:
    """Return the settings of a new block, from Alice's own random bits."""
    if not p.settings_from_generator:
        return CyclicKey(key_frame(p, randomness))
    secret = randomness.secret(f"block {block} settings", _KEY_BITS + _NONCE_BITS)
    data = np.frombuffer(secret.to_bytes(), np.uint8).copy()
    secret.wipe()
    return FreshKey(data, p)


class CyclicKey:
    """One frame of a generator's memory."""

    def __init__(self, frame: NDArray[np.uint8]) -> None:
        self.frame = frame
        self.first_pulse = 0

    def on_record(self) -> NDArray[np.uint8]:
        """Return the frame."""
        return self.frame

    def prepare(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Start the frame with its pulses in the symbols."""
        timing = start_pattern(ctx, self.frame, levels.transmissions)
        if timing is not None:
            ctx.recorder.monitor("symbol_phase_deg", timing.phase_deg)

    def begin(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Do nothing: the pattern runs."""

    def source(self, p: Bb84Parameters, begins: dict[str, Any]) -> SymbolSource:
        """Return the frame, repeated for ever."""
        return CyclicPattern(self.frame)

    def end(self, ctx: PartyContext[Bb84Parameters]) -> int:
        """Stop the pattern, of which nobody counts the pulses."""
        ctx.roles["transmitter"].stop()
        return 0

    def wipe(self) -> None:
        """Overwrite the frame."""
        overwrite(self.frame)

    def __repr__(self) -> str:
        return "CyclicKey()"


class FreshKey:
    """A generator's key and nonce, 24 bytes.

    Its first pulse comes with the first reference, for which Bob waits already; so he
    can say with which pulse the block begins. That is public: it is said before
    anything is disclosed, and depends on no setting.
    """

    SIZE = (_KEY_BITS + _NONCE_BITS) // 8

    def __init__(self, secret: NDArray[np.uint8], p: Bb84Parameters) -> None:
        self._secret = secret
        self.frame = typical_frame(p)
        self.first_pulse = 0
        self._n_pulses = p.n_frames * p.pattern.symbols

    def on_record(self) -> NDArray[np.uint8]:
        """Return key and nonce."""
        return self._secret

    def prepare(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Rest dark: the first reference has to come with the first pulse."""
        ctx.roles["transmitter"].stop()

    def begin(
        self, ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
    ) -> None:
        """Load the key and start the generator."""
        p = ctx.parameters
        transmitter: FreshTransmitter = ctx.roles["transmitter"]
        transmitter.start_fresh(
            *self._key_and_nonce(),
            shares(p),
            levels.transmissions,
            symbol_period_ps=p.symbol_period_ps,
            marker_pulses=p.pattern.symbols,
        )

    def source(self, p: Bb84Parameters, begins: dict[str, Any]) -> SymbolSource:
        """Return the generator's settings from the pulse on that Bob names.

        Raises SecurityAbort(PROTOCOL_VIOLATION) for one with which none can begin.
        """
        first = public_number(begins, "first_pulse")
        if first != int(first) or not 0 <= first < 1 << 62 or first % p.pattern.symbols:
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION,
                "the other party names a pulse with which no block begins",
            )
        self.first_pulse = int(first)
        return CounterPattern(
            *self._key_and_nonce(), shares(p), first_pulse=self.first_pulse
        )

    def end(self, ctx: PartyContext[Bb84Parameters]) -> int:
        """Stop the generator, whose key is gone with that; see that it sent enough."""
        transmitter: FreshTransmitter = ctx.roles["transmitter"]
        transmitter.stop()
        sent = transmitter.pulse_count()
        ctx.recorder.result("pulses_sent", sent)
        if sent < self.first_pulse + self._n_pulses:
            raise SecurityAbort(
                AbortCode.COVERAGE_GAP,
                "the transmitter sent fewer pulses than the block has",
                {"sent": sent, "wanted": self.first_pulse + self._n_pulses},
            )
        return self._n_pulses

    def _key_and_nonce(self) -> tuple[bytes, bytes]:
        data = self._secret.tobytes()
        return data[: _KEY_BITS // 8], data[_KEY_BITS // 8 :]

    def wipe(self) -> None:
        """Overwrite key and nonce."""
        overwrite(self._secret)

    def __repr__(self) -> str:
        return "FreshKey()"
