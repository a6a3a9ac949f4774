"""Where random bits come from: the operating system, a seed, or a record.

Party randomness comes from the operating system. Seeded streams exist for simulation
only; they are domain-separated by party and label and never shared with the world's
physics (SECURITY rule 9). ChaCha20 keyed by a hash of (seed, party, label) is a
cipher stream: reproducible, and no use to an attacker who lacks the seed.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from qkdlab.bits.array import BitArray

__all__ = [
    "OperatingSystemRandomness",
    "Randomness",
    "RecordedRandomness",
    "RecordingRandomness",
    "SeededRandomness",
]


class Randomness(Protocol):
    """A party's source of random bits."""

    seeded: bool
    """True when the bits can be reproduced; such a run can claim nothing."""

    def secret(self, label: str, n_bits: int) -> BitArray:
        """Return `n_bits` bits that never leave this party."""
        ...

    def public(self, label: str, n_bits: int) -> BitArray:
        """Return `n_bits` bits that will be announced (seeds, hash keys)."""
        ...


def _to_bits(data: bytes, n_bits: int) -> BitArray:
    words = np.frombuffer(data, dtype="<u8").copy()
    return BitArray.from_words(words, n_bits)


def _n_bytes(n_bits: int) -> int:
    if n_bits < 0:
        raise ValueError("n_bits must not be negative")
    return 8 * (-(-n_bits // 64))


class OperatingSystemRandomness:
    """`os.urandom`; the default of every run that could ever make a real key."""

    seeded = False

    def secret(self, label: str, n_bits: int) -> BitArray:
        """Return fresh bits from the operating system."""
        return _to_bits(os.urandom(_n_bytes(n_bits)), n_bits)

    def public(self, label: str, n_bits: int) -> BitArray:
        """Return fresh bits from the operating system."""
        return _to_bits(os.urandom(_n_bytes(n_bits)), n_bits)

    def __repr__(self) -> str:
        return "OperatingSystemRandomness()"


class SeededRandomness:
    """Reproducible bits for simulation.

    Each (kind, label) has its own stream, and each call continues that stream, so the
    order of calls with other labels does not matter.
    """

    seeded = True

    def __init__(self, seed: int, party: str) -> None:
        material = f"qkdlab/randomness/1|{party}|{seed}".encode()
        self._key = hashlib.sha256(material).digest()
        self._calls: dict[str, int] = {}
        self._party = party

    def secret(self, label: str, n_bits: int) -> BitArray:
        """Return the next `n_bits` of the secret stream `label`."""
        return self._draw("secret/" + label, n_bits)

    def public(self, label: str, n_bits: int) -> BitArray:
        """Return the next `n_bits` of the public stream `label`."""
        return self._draw("public/" + label, n_bits)

    def _draw(self, label: str, n_bits: int) -> BitArray:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

        call = self._calls.get(label, 0)
        self._calls[label] = call + 1
        key = hashlib.sha256(self._key + f"|{label}|{call}".encode()).digest()
        stream = Cipher(algorithms.ChaCha20(key, b"\0" * 16), None).encryptor()
        return _to_bits(stream.update(b"\0" * _n_bytes(n_bits)), n_bits)

    def __repr__(self) -> str:
        return f"SeededRandomness(party={self._party!r})"


class RecordingRandomness:
    """Passes bits on and shows each draw to `record`, with its kind and label."""

    def __init__(
        self, source: Randomness, record: Callable[[str, BitArray], None]
    ) -> None:
        self.seeded = source.seeded
        self._source = source
        self._record = record

    def secret(self, label: str, n_bits: int) -> BitArray:
        """Return fresh bits of the source."""
        bits = self._source.secret(label, n_bits)
        self._record("secret/" + label, bits)
        return bits

    def public(self, label: str, n_bits: int) -> BitArray:
        """Return fresh bits of the source."""
        bits = self._source.public(label, n_bits)
        self._record("public/" + label, bits)
        return bits

    def __repr__(self) -> str:
        return f"RecordingRandomness({self._source!r})"


class RecordedRandomness:
    """Gives once more what was drawn before, for replay.

    draws:  kind with label, and the bits, in the order of the draws
    seeded: of the source that gave them

    A draw that is not on record as it is asked for raises LookupError.
    """

    def __init__(self, draws: Iterable[tuple[str, BitArray]], seeded: bool) -> None:
        self.seeded = seeded
        self._draws: dict[str, deque[BitArray]] = {}
        for label, bits in draws:
            self._draws.setdefault(label, deque()).append(bits)

    def secret(self, label: str, n_bits: int) -> BitArray:
        """Return the next recorded bits of the secret stream `label`."""
        return self._draw("secret/" + label, n_bits)

    def public(self, label: str, n_bits: int) -> BitArray:
        """Return the next recorded bits of the public stream `label`."""
        return self._draw("public/" + label, n_bits)

    def _draw(self, label: str, n_bits: int) -> BitArray:
        recorded = self._draws.get(label)
        if not recorded or len(recorded[0]) != n_bits:
            raise LookupError(f"{n_bits} bits of {label!r} are not on record")
        return recorded.popleft()

    def __repr__(self) -> str:
        return f"RecordedRandomness({len(self._draws)} streams)"
