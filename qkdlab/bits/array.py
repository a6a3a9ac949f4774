"""`BitArray`: packed bits, the only form in which bits cross an interface."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BitArray"]

Words = NDArray[np.uint64]


class BitArray:
    """A string of bits in uint64 words, least significant bit first.

    It never changes, but for `wipe` at its end.

    Bit ``i`` is bit ``i % 64`` of word ``i // 64``; unused bits of the last word are
    zero. `repr` shows the length only: the bits may be secret.
    """

    __slots__ = ("_n", "_words")

    def __init__(self, words: Words, n_bits: int) -> None:
        """Wrap words that nobody else changes; use the class methods instead."""
        self._words = words
        self._n = n_bits

    @classmethod
    def from_words(cls, words: ArrayLike, n_bits: int) -> Self:
        """Copy uint64 words; surplus bits are cleared."""
        need = -(-n_bits // 64)
        given = np.asarray(words, dtype=np.uint64).reshape(-1)
        if n_bits < 0 or given.size < need:
            raise ValueError(f"{given.size} words cannot hold {n_bits} bits")
        array = given[:need].copy()  # no more: what `wipe` misses may be secret
        if n_bits % 64:
            array[-1] &= np.uint64((1 << (n_bits % 64)) - 1)
        array.flags.writeable = False
        return cls(array, n_bits)

    @classmethod
    def from_bytes(cls, data: bytes, n_bits: int) -> Self:
        """Take bytes, least significant bit first; surplus bits are cleared."""
        if n_bits < 0 or len(data) * 8 < n_bits:
            raise ValueError(f"{len(data)} bytes cannot hold {n_bits} bits")
        padded = data + b"\0" * (-len(data) % 8)
        return cls.from_words(np.frombuffer(padded, dtype="<u8"), n_bits)

    @classmethod
    def from_bools(cls, bits: NDArray[Any] | Iterable[int]) -> Self:
        """Pack zeros and ones, given as an array or any iterable.

        Raises ValueError when something is neither 0 nor 1.
        """
        array = bits if isinstance(bits, np.ndarray) else np.array(list(bits))
        if array.size and not np.all((array == 0) | (array == 1)):
            raise ValueError("bits are 0 or 1")
        ones = array.astype(bool)
        packed = np.packbits(ones, bitorder="little")
        words = np.zeros(-(-array.size // 64), "<u8")
        words.view(np.uint8)[: packed.size] = packed
        made = cls.from_words(words, int(array.size))
        for copied in (ones, packed, words):
            copied.fill(0)  # they may be secret
        return made

    @classmethod
    def zeros(cls, n_bits: int) -> Self:
        """Return `n_bits` zeros."""
        return cls.from_words(np.zeros(-(-n_bits // 64), np.uint64), n_bits)

    @property
    def words(self) -> Words:
        """The packed words, read-only."""
        return self._words

    def __len__(self) -> int:
        return self._n

    def to_bytes(self) -> bytes:
        """Return ``ceil(n / 8)`` bytes, least significant bit first."""
        return self._words.astype("<u8").tobytes()[: -(-self._n // 8)]

    def to_bools(self) -> NDArray[np.uint8]:
        """Return the bits as uint8 0 or 1; for work inside one function only."""
        raw = self._words.astype("<u8").view(np.uint8)
        return np.unpackbits(raw, count=self._n, bitorder="little")

    def __getitem__(self, index: slice) -> BitArray:
        """Return a stretch of bits; the step must be 1."""
        start, stop, step = index.indices(self._n)
        if step != 1:
            raise ValueError("BitArray slices have step 1")
        n_bits = max(0, stop - start)
        first, shift = divmod(start, 64)
        words = self._words[first : first + n_bits // 64 + 2]
        if shift:
            shifted = words >> np.uint64(shift)
            shifted[:-1] |= words[1:] << np.uint64(64 - shift)
            words = shifted
        return BitArray.from_words(words, n_bits)

    def gather(self, indices: NDArray[np.int64]) -> BitArray:
        """Return the bits at `indices` (int64[m], any order, repeats allowed).

        Raises IndexError when an index lies outside.
        """
        from qkdlab.bits._kernels import gather

        wanted = np.ascontiguousarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self._n):
            raise IndexError(f"an index lies outside the {self._n} bits")
        out = np.empty(-(-wanted.size // 64), np.uint64)
        gather(self._words, wanted, out)
        return BitArray.from_words(out, int(wanted.size))

    def ones(self) -> NDArray[np.int64]:
        """Return the indices of the ones, in order."""
        return np.flatnonzero(self.to_bools()).astype(np.int64)

    def __xor__(self, other: BitArray) -> BitArray:
        if self._n != other._n:
            raise ValueError("BitArrays of different lengths")
        return BitArray.from_words(self._words ^ other._words, self._n)

    def wipe(self) -> None:
        """Overwrite the bits with zeros: this string is spent.

        Only this memory is: slices, bytes, lists and copies that were made of the bits
        are objects of their own, Python and NumPy free memory without overwriting it,
        and the system may have written it to swap.
        """
        with suppress(ValueError):  # memory that belongs to somebody else
            self._words.flags.writeable = True
            self._words.fill(0)

    def count(self) -> int:
        """Return the number of ones."""
        pairs, nibbles = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
        octets, sums = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
        x = self._words - (self._words >> np.uint64(1) & pairs)
        x = (x & nibbles) + (x >> np.uint64(2) & nibbles)
        x = (x + (x >> np.uint64(4))) & octets
        return int((x * sums >> np.uint64(56)).sum())

    @staticmethod
    def concatenate(parts: Iterable[BitArray]) -> BitArray:
        """Return the parts one after the other."""
        items = list(parts)
        n_bits = sum(len(part) for part in items)
        out = np.zeros(n_bits // 64 + 2, np.uint64)
        position = 0
        for part in items:
            first, shift = divmod(position, 64)
            words, size = part._words, part._words.size
            out[first : first + size] |= words << np.uint64(shift)
            if shift:
                out[first + 1 : first + 1 + size] |= words >> np.uint64(64 - shift)
            position += len(part)
        return BitArray.from_words(out, n_bits)

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
