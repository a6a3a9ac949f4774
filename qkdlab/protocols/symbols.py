"""What Alice sends: settings by pulse index, and patterns with exact counts.

A setting is one byte: bit 0 the value, bit 1 the basis (0 X, 1 Z), bits 2-3 the
intensity (0 signal, 1 decoy, 2 vacuum), bit 7 set for public header symbols. Settings
of other pulses are secret (SECURITY rule 1) until they are disclosed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.randomness import Randomness

__all__ = [
    "BASIS",
    "HEADER",
    "INTENSITY_HIGH",
    "INTENSITY_LOW",
    "N_INTENSITIES",
    "VALUE",
    "Basis",
    "CounterPattern",
    "CyclicPattern",
    "Intensity",
    "SymbolSource",
    "basis_of",
    "class_counts",
    "composition",
    "encode",
    "exact_count_pattern",
    "header_pattern",
    "intensity_of",
    "is_header",
    "value_of",
]

Settings = NDArray[np.uint8]

VALUE, BASIS, INTENSITY_LOW, INTENSITY_HIGH = range(4)
"""Places of the bits of a setting."""
HEADER = 0x80
"""The bit that marks a public header symbol."""
N_INTENSITIES = 3
_DRAWS = 1 << 15
_CIPHER_BLOCK = 16
_PIECE = 1 << 12
"""Pulses whose cipher blocks stay in a cache: fresh memory would take longer."""


class Basis(IntEnum):
    """The two bases; key is made in X, Z tests."""

    X = 0
    Z = 1


class Intensity(IntEnum):
    """The three intensities, brightest first (mu1, mu2, mu3 of Lim 2014)."""

    SIGNAL = 0
    DECOY = 1
    VACUUM = 2


class SymbolSource(Protocol):
    """Gives the setting of any pulse on demand."""

    def settings(self, pulse_index: NDArray[np.int64]) -> Settings:
        """Return the settings (uint8[n]) of the pulses, counted from 0."""
        ...

    def wipe(self) -> None:
        """Overwrite what the settings follow from; nothing is asked of it after that.

        What was handed out by `settings` belongs to whoever asked.
        """
        ...


def encode(basis: int, intensity: int, value: int) -> int:
    """Return the byte of one setting."""
    return value | basis << 1 | intensity << 2


def value_of(settings: Settings) -> Settings:
    """Return the values, 0 or 1."""
    return settings & np.uint8(1)


def basis_of(settings: Settings) -> Settings:
    """Return the bases, 0 for X and 1 for Z."""
    return settings >> np.uint8(1) & np.uint8(1)


def intensity_of(settings: Settings) -> Settings:
    """Return the intensities, 0 signal, 1 decoy, 2 vacuum."""
    return settings >> np.uint8(2) & np.uint8(3)


def is_header(settings: Settings) -> NDArray[np.bool_]:
    """Say which are public header symbols."""
    return settings >= np.uint8(HEADER)


def composition(
    n_symbols: int,
    basis_x_probability: float,
    intensity_probabilities: Sequence[float],
) -> NDArray[np.int64]:
    """Return how often each setting occurs, int64[basis, intensity, value].

    Largest remainder: each of the 12 settings gets the floor of its share
    n p_basis p_intensity / 2; what is left goes one by one to the largest fractional
    parts, ties to the lower index in the order basis, intensity, value. Shares are
    exact fractions of the given numbers, with the intensities' sum as unit. Public:
    both parties compute it from the configuration, and the class fractions that enter
    a key length are the realised ones.
    """
    weights = [Fraction(p) for p in intensity_probabilities]
    p_x = Fraction(basis_x_probability)
    if len(weights) != N_INTENSITIES or min(weights) < 0 or not 0 <= p_x <= 1:
        raise ValueError("probabilities must be three intensities and one basis")
    if abs(float(sum(weights)) - 1) > 1e-9:
        raise ValueError("the probabilities of the intensities must add up to 1")
    if n_symbols < 0:
        raise ValueError("the number of symbols must not be negative")
    total = sum(weights)
    shares = [
        n_symbols * p_basis * weight / total / 2
        for p_basis in (p_x, 1 - p_x)
        for weight in weights
        for _value in (0, 1)
    ]
    counts = [share.numerator // share.denominator for share in shares]
    order = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i], i))
    for i in order[: n_symbols - sum(counts)]:
        counts[i] += 1
    return np.array(counts, dtype=np.int64).reshape(2, N_INTENSITIES, 2)


def exact_count_pattern(
    counts: NDArray[np.int64], randomness: Randomness, label: str = "pattern"
) -> Settings:
    """Return a secret uniform shuffle of the settings that `counts` lists.

    counts: int64[basis, intensity, value], see `composition`

    Fisher-Yates: for i = n - 1 ... 1 swap symbols i and j, j uniform in 0 ... i from
    64-bit words of the party's secret bits; words that would favour some j are drawn
    again, so that all orders are exactly equally likely.
    """
    codes = [
        encode(b, k, v) for b in (0, 1) for k in range(N_INTENSITIES) for v in (0, 1)
    ]
    pattern = np.repeat(np.array(codes, np.uint8), counts.reshape(-1)).tolist()
    words: list[int] = []
    for i in range(len(pattern) - 1, 0, -1):
        bound = (1 << 64) // (i + 1) * (i + 1)
        while True:
            if not words:
                words = randomness.secret(label, 64 * (i + 1)).words.tolist()
            word = words.pop()
            if word < bound:
                break
        j = word % (i + 1)
        pattern[i], pattern[j] = pattern[j], pattern[i]
    return np.array(pattern, dtype=np.uint8)


def header_pattern(n_symbols: int, label: str) -> Settings:
    """Return the public header symbols that belong to a public label.

    Byte i of SHAKE-256("qkdlab/header/1|" + label) gives symbol i: bit 0 the value,
    bit 1 the basis, bit 2 chooses vacuum (1) or signal (0).
    """
    stream = hashlib.shake_256(f"qkdlab/header/1|{label}".encode()).digest(n_symbols)
    data = np.frombuffer(stream, dtype=np.uint8)
    vacuum = (data >> np.uint8(2) & np.uint8(1)) * np.uint8(Intensity.VACUUM << 2)
    return (data & np.uint8(3)) | vacuum | np.uint8(HEADER)


class CyclicPattern:
    """One stored pattern repeated for ever, as a waveform generator does.

    It holds far fewer random bits than the pulses it colours: a run on it is of class
    `demonstration` and violates "independent settings".
    """

    def __init__(self, pattern: Settings) -> None:
        if pattern.dtype != np.uint8 or pattern.ndim != 1 or not pattern.size:
            raise ValueError("a pattern is a non-empty array of uint8")
        self._pattern = pattern.copy()
        self._pattern.flags.writeable = False

    @property
    def pattern(self) -> Settings:
        """One period, read-only. Secret outside the header."""
        return self._pattern

    @property
    def period(self) -> int:
        """Length of one period in pulses."""
        return int(self._pattern.size)

    def settings(self, pulse_index: NDArray[np.int64]) -> Settings:
        """Return the settings of the pulses."""
        from qkdlab.protocols._kernels import look_up

        index = np.ascontiguousarray(pulse_index, dtype=np.int64)
        out = np.empty(index.size, np.uint8)
        look_up(self._pattern, index, out)
        return out

    def wipe(self) -> None:
        """Overwrite the pattern; see `SymbolSource.wipe`."""
        self._pattern.flags.writeable = True
        self._pattern.fill(0)

    def __repr__(self) -> str:
        return f"CyclicPattern({self._pattern.size} symbols)"


def class_counts(
    basis_x_probability: float, intensity_probabilities: Sequence[float]
) -> tuple[int, ...]:
    """Return how often in 32768 each class of setting comes from a counter pattern.

    Six counts, class c = basis + 2 intensity. Largest remainder, ties to the lower
    class; shares are exact fractions as in `composition`, with its errors. Public, and
    what a transmitter with such a generator is told.
    """
    probabilities = list(intensity_probabilities)
    composition(0, basis_x_probability, probabilities)  # for its checks
    p_x, total = Fraction(basis_x_probability), sum(Fraction(p) for p in probabilities)
    shares = [
        _DRAWS * p_basis * Fraction(probability) / total
        for probability in probabilities
        for p_basis in (p_x, 1 - p_x)
    ]
    counts = [math.floor(share) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda c: (counts[c] - shares[c], c))
    for c in by_rest[: _DRAWS - sum(counts)]:
        counts[c] += 1
    return tuple(counts)


class CounterPattern:
    """Settings of a source that never repeats: AES-128 in counter mode (SP 800-38A).

    The initial counter block is the nonce and 8 bytes of zero. Pulse i, from 0, has the
    little-endian 16-bit word at byte 2i of the keystream: its lowest bit is the value,
    the other 15 choose class c = basis + 2 intensity by the partial sums of `counts`
    (see `class_counts`), so that the setting is 2c plus the value. Computational
    randomness: the expansion of one key (assumption "independent settings" is then
    `assumed` at best). A key must never meet the same nonce twice.

    key: 16 bytes; nonce: 8 bytes; first_pulse: of the transmitter, which is pulse 0
    here. Raises ValueError for other sizes, and for counts that are negative or do not
    add up to 32768.
    """

    def __init__(
        self, key: bytes, nonce: bytes, counts: Sequence[int], *, first_pulse: int = 0
    ) -> None:
        if len(key) != 16 or len(nonce) != 8:
            raise ValueError("the pattern's key has 16 bytes and its nonce 8")
        if len(counts) != 2 * N_INTENSITIES or min(counts) < 0:
            raise ValueError("a pattern has six counts that are not negative")
        if sum(counts) != _DRAWS:
            raise ValueError(f"the counts of a pattern must add up to {_DRAWS}")
        self._key = bytearray(key)
        self._nonce = nonce
        self._first_pulse = first_pulse
        self._ends = np.cumsum(np.array(counts, dtype=np.int64))

    def settings(self, pulse_index: NDArray[np.int64]) -> Settings:
        """Return the settings of the pulses."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        from qkdlab.protocols._kernels import draw

        pulse = pulse_index + self._first_pulse
        settings = np.empty(pulse.size, np.uint8)
        blocks = np.empty((min(pulse.size, _PIECE), 2), dtype=">u8")
        blocks[:, 0] = int.from_bytes(self._nonce, "big")
        stream = bytearray(blocks.nbytes + _CIPHER_BLOCK - 1)
        drawn = np.frombuffer(stream, np.uint8)
        # single blocks of a counter: this is counter mode with free access
        key = bytes(self._key)
        cipher = Cipher(algorithms.AES128(key), modes.ECB())  # noqa: S305
        encryptor = cipher.encryptor()
        for begin in range(0, pulse.size, _PIECE):
            some = slice(begin, begin + _PIECE)
            counters = blocks[: pulse[some].size]
            counters[:, 1] = pulse[some] >> 3
            encryptor.update_into(counters.tobytes(), stream)
            draw(drawn, pulse[some], self._ends, settings[some])
        drawn.fill(0)
        return settings

    def wipe(self) -> None:
        """Overwrite the key; see `SymbolSource.wipe`.

        The cipher's own copies and the caller's bytes are out of reach.
        """
        self._key[:] = bytes(len(self._key))

    def __repr__(self) -> str:
        return "CounterPattern()"
