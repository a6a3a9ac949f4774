"""What the board holds and plays: tables, key, pattern, and the run under way."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.scpi import ScpiError

__all__ = [
    "FULL_SCALE_CODE",
    "FULL_SCALE_V",
    "KEY_BYTES",
    "MAX_CLASSES",
    "NONCE_BYTES",
    "N_LEVELS",
    "TOTAL_SHARES",
    "Board",
    "BoardOutput",
    "CounterRun",
    "checksum",
]

N_LEVELS = 256
MAX_CLASSES = 128
TOTAL_SHARES = 1 << 15
KEY_BYTES = 16
NONCE_BYTES = 8
FULL_SCALE_V = 2.0
FULL_SCALE_CODE = 32767
CODE_STEP = 4
"""The converters have 14 of a code's 16 bits."""

Codes = NDArray[np.int16]

LOCKED, NO_KEY, RUNNING, NO_PATTERN, NO_TABLES = 301, 302, 303, 304, 305
TEXTS = {
    LOCKED: "Reference not locked",
    NO_KEY: "No key",
    RUNNING: "Not while armed or running",
    NO_PATTERN: "No pattern",
    NO_TABLES: "No tables",
}


def board_error(code: int) -> ScpiError:
    """Return one of the board's own errors."""
    return ScpiError(code, TEXTS[code])


@dataclass(frozen=True)
class BoardOutput:
    """What leaves an output, for the world.

    volts: float64[n], one period into 50 Ohm, before the analogue response
    """

    enabled: bool
    volts: NDArray[np.float64]
    sample_rate_hz: float
    start_ps: int
    filter: str = "DIRECT"


@dataclass(frozen=True, eq=False)
class CounterRun:
    """A run of the generator, for the world; pulse 0 begins at `start_ps`.

    shares: counts of the classes in 32768
    volts:  float64[256, 2], of each setting at both outputs
    """

    HELD: ClassVar[int] = 4
    """Samples for which `held_volts` holds each setting."""

    key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    shares: tuple[int, ...]
    volts: NDArray[np.float64]
    start_ps: int
    _held: tuple[NDArray[np.float64], NDArray[np.float64]] = field(
        init=False, repr=False
    )

    def __post_init__(self) -> None:
        used = np.repeat(self.volts[: 2 * len(self.shares)], self.HELD, axis=0)
        object.__setattr__(self, "_held", (used[:, 0].copy(), used[:, 1].copy()))

    def held_volts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the volts of every setting in turn, by output; always the same."""
        return self._held


def volts_of(codes: Codes) -> NDArray[np.float64]:
    """Return what the converters give for codes."""
    steps = np.rint(codes.astype(np.float64) / CODE_STEP) * CODE_STEP
    held = np.clip(steps, -FULL_SCALE_CODE, FULL_SCALE_CODE)
    volts: NDArray[np.float64] = held * (FULL_SCALE_V / FULL_SCALE_CODE)
    return volts


def checksum(data: bytes | None) -> int:
    """Return the CRC-32 of ISO 3309 over data, 0 without any."""
    return 0 if data is None else zlib.crc32(data)


@dataclass(eq=False)
class Board:
    """State of the board; everything but the power is lost on reset.

    start_ps: when pulse 0 of the present or last run began, or will begin
    """

    max_rate_hz: float
    max_points: int
    rate_hz: float = 0.0
    mode: str = "PATT"
    trigger: str = "IMM"
    state: str = "IDLE"
    output_on: bool = False
    marker_pulses: int = 65536
    key: bytes | None = field(default=None, repr=False)
    nonce: bytes = field(default=bytes(NONCE_BYTES), repr=False)
    shares: tuple[int, ...] = ()
    levels: bytes | None = None
    pattern: bytes | None = None
    start_ps: int = 0
    pulses: int = 0

    def __post_init__(self) -> None:
        self.rate_hz = self.rate_hz or self.max_rate_hz

    def require_idle(self) -> None:
        """Raise 303 while armed or running."""
        if self.state != "IDLE":
            raise board_error(RUNNING)

    def require_ready(self, locked: bool) -> None:
        """Raise what keeps it from starting."""
        if not locked:
            raise board_error(LOCKED)
        if self.mode == "PATT" and self.pattern is None:
            raise board_error(NO_PATTERN)
        if self.mode == "COUN":
            if not self.shares or self.levels is None:
                raise board_error(NO_TABLES)
            if self.key is None:
                raise board_error(NO_KEY)

    def end(self, now_ps: int) -> None:
        """Stop at once; a key that was used is erased."""
        if self.state == "RUN":
            self.pulses = self.pulses_at(now_ps)
            if self.mode == "COUN":
                self.key = None
        self.state = "IDLE"

    def pulses_at(self, now_ps: int) -> int:
        """Return how many settings of the present or last run have been put out."""
        if self.state != "RUN":
            return self.pulses
        return max(0, int((now_ps - self.start_ps) * self.rate_hz // 1e12))

    def levels_v(self) -> NDArray[np.float64]:
        """Return float64[256, 2], the volts of every setting."""
        return volts_of(np.frombuffer(self.levels or b"", "<i2").reshape(-1, 2))

    def pattern_v(self) -> NDArray[np.float64]:
        """Return float64[n, 2], the volts of every sample of the pattern."""
        return volts_of(np.frombuffer(self.pattern or b"", "<i2").reshape(-1, 2))
