"""`BitArray`: packed bits, the only form in which bits cross an interface."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BitArray"]


class BitArray:
    """An immutable string of bits in uint64 words, least significant bit first.

    Bit ``i`` is bit ``i % 64`` of word ``i // 64``; unused bits of the last word are
    zero. `repr` shows the length only: the bits may be secret.
    """

    __slots__ = ("_n", "_words")

    def __init__(self, words: NDArray[np.uint64], n_bits: int) -> None:
        self._words = words
        self._n = n_bits

    @classmethod
    def from_words(cls, words: ArrayLike, n_bits: int) -> Self:
        """Take uint64 words (copied if they must change); surplus bits are cleared."""
        need = -(-n_bits // 64)
        array = np.array(words, dtype=np.uint64, copy=True).reshape(-1)
        if n_bits < 0 or array.size < need:
            raise ValueError(f"{array.size} words cannot hold {n_bits} bits")
        array = array[:need]
        if n_bits % 64:
            array[-1] &= np.uint64((1 << (n_bits % 64)) - 1)
        array.flags.writeable = False
        return cls(array, n_bits)

    @classmethod
    def from_bytes(cls, data: bytes, n_bits: int) -> Self:
        """Take bytes, least significant bit first."""
        if n_bits < 0 or len(data) * 8 < n_bits:
            raise ValueError(f"{len(data)} bytes cannot hold {n_bits} bits")
        padded = data + b"\0" * (-len(data) % 8)
        return cls.from_words(np.frombuffer(padded, dtype="<u8"), n_bits)

    @classmethod
    def from_bools(cls, bits: ArrayLike | Iterable[int]) -> Self:
        """Pack an array of 0 and 1 (uint8 or bool)."""
        array = np.asarray(bits if not isinstance(bits, Iterable) else list(bits)
                           if not isinstance(bits, np.ndarray) else bits)
        packed = np.packbits(array.astype(bool), bitorder="little")
        return cls.from_bytes(packed.tobytes(), int(array.size))

    @classmethod
    def zeros(cls, n_bits: int) -> Self:
        """Return `n_bits` zeros."""
        return cls.from_words(np.zeros(-(-n_bits // 64), np.uint64), n_bits)

    @property
    def words(self) -> NDArray[np.uint64]:
        """The packed words, read-only."""
        return self._words

    def __len__(self) -> int:
        return self._n

    def to_bytes(self) -> bytes:
        """Return ``ceil(n / 8)`` bytes, least significant bit first."""
        return self._words.astype("<u8").tobytes()[: -(-self._n // 8)]

    def to_bools(self) -> NDArray[np.uint8]:
        """Return the bits as uint8 0 or 1; for work inside a kernel's module only."""
        raw = self._words.astype("<u8").view(np.uint8)
        return np.unpackbits(raw, count=self._n, bitorder="little")

    def __getitem__(self, index: slice) -> BitArray:
        """Return a stretch of bits; the step must be 1."""
        start, stop, step = index.indices(self._n)
        if step != 1:
            raise ValueError("BitArray slices have step 1")
        if start % 64 == 0:
            words = self._words[start // 64 : -(-stop // 64)]
            return BitArray.from_words(words, max(0, stop - start))
        return BitArray.from_bools(self.to_bools()[start:stop])

    def __xor__(self, other: BitArray) -> BitArray:
        if self._n != other._n:
            raise ValueError("BitArrays of different lengths")
        return BitArray.from_words(self._words ^ other._words, self._n)

    def count(self) -> int:
        """Return the number of ones."""
        return int(np.unpackbits(self._words.view(np.uint8)).sum())

    def parity(self) -> int:
        """Return the sum of all bits modulo 2."""
        return self.count() & 1

    @staticmethod
    def concatenate(parts: Iterable[BitArray]) -> BitArray:
        """Return the parts one after the other."""
        items = list(parts)
        if all(len(p) % 64 == 0 for p in items[:-1]):
            words = [p._words for p in items]
            joined = np.concatenate(words) if words else np.zeros(0, np.uint64)
            return BitArray.from_words(joined, sum(len(p) for p in items))
        return BitArray.from_bools(np.concatenate([p.to_bools() for p in items]))

    def __eq__(self, other: object) -> bool:
        """Compare in constant time for equal lengths: the bits may be secret."""
        if not isinstance(other, BitArray):
            return NotImplemented
        return self._n == other._n and hmac.compare_digest(
            self._words.tobytes(), other._words.tobytes()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"BitArray({self._n} bits)"
