"""`BitArray`: packed bits, the only form in which bits cross an interface."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qkdlab import cpu

__all__ = ["BitArray", "extracts_fast"]

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
        return cls._own(given[:need].copy(), n_bits)  # what `wipe` misses may be secret

    @classmethod
    def _own(cls, words: Words, n_bits: int) -> Self:
        """Take as many fresh words as the bits need; surplus bits are cleared."""
        if n_bits % 64:
            words[-1] &= np.uint64((1 << (n_bits % 64)) - 1)
        words.flags.writeable = False
        return cls(words, n_bits)

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
        if array.dtype == np.bool_:
            return cls.from_plane(array.view(np.uint8), 0)
        if array.dtype == np.uint8:
            if array.size and array.max() > 1:
                raise ValueError("bits are 0 or 1")
            return cls.from_plane(array, 0)
        if not np.all((array == 0) | (array == 1)):
            raise ValueError("bits are 0 or 1")
        copied = array.astype(np.uint8)
        made = cls.from_plane(copied, 0)
        copied.fill(0)  # it may be secret
        return made

    @classmethod
    def from_plane(cls, values: NDArray[np.uint8], bit: int) -> Self:
        """Take bit `bit` (0 to 7) of each byte."""
        from qkdlab.bits._kernels import pack

        given = np.ascontiguousarray(values).reshape(-1)
        out = np.empty(_n_words(given.size), np.uint64)
        pack(given, bit, out)
        return cls._own(out, int(given.size))

    @classmethod
    def zeros(cls, n_bits: int) -> Self:
        """Return `n_bits` zeros."""
        return cls._own(np.zeros(_n_words(n_bits), np.uint64), n_bits)

    @property
    def words(self) -> Words:
        """The packed words, read-only."""
        return self._words

    def __len__(self) -> int:
        return self._n

    def to_bytes(self) -> bytes:
        """Return ``ceil(n / 8)`` bytes, least significant bit first."""
        return self._words.astype("<u8", copy=False).tobytes()[: -(-self._n // 8)]

    def to_bools(self) -> NDArray[np.uint8]:
        """Return the bits as uint8 0 or 1; for work inside one function only."""
        raw = self._words.astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(raw, count=self._n, bitorder="little")

    def __getitem__(self, index: slice) -> BitArray:
        """Return a stretch of bits; the step must be 1."""
        start, stop, step = index.indices(self._n)
        if step != 1:
            raise ValueError("BitArray slices have step 1")
        from qkdlab.bits._kernels import move_down

        n_bits = max(0, stop - start)
        out = np.empty(_n_words(n_bits), np.uint64)
        move_down(self._words, start, out)
        return BitArray._own(out, n_bits)

    def gather(self, indices: NDArray[np.int64] | NDArray[np.int32]) -> BitArray:
        """Return the bits at `indices` (any order, repeats allowed).

        Raises IndexError when an index lies outside.
        """
        from qkdlab.bits._kernels import gather

        wanted = np.ascontiguousarray(indices)
        out = np.empty(_n_words(wanted.size), np.uint64)
        if not gather(self._words, self._n, wanted, out):
            raise IndexError(f"an index lies outside the {self._n} bits")
        return BitArray._own(out, int(wanted.size))

    def sift(self, mask: BitArray, *, portable: bool = False) -> BitArray:
        """Return the bits where `mask`, of the same length, has ones, moved together.

        portable: without the CPU's own instruction, for tests; the bits are the same
        """
        from qkdlab.bits import _kernels as kernels

        self._same_length(mask)
        n_bits = mask.count()
        out = np.empty(_n_words(n_bits) + 1, np.uint64)
        if portable or not extracts_fast():
            kernels.compress_portably(self._words, mask._words, out)
        else:
            kernels.compress(self._words, mask._words, out)
        return BitArray._own(out[: _n_words(n_bits)], n_bits)

    def ones(self) -> NDArray[np.int64]:
        """Return the indices of the ones, in order."""
        from qkdlab.bits._kernels import places_of_ones

        out = np.empty(self.count(), np.int64)
        places_of_ones(self._words, out)
        return out

    def __xor__(self, other: BitArray) -> BitArray:
        self._same_length(other)
        return BitArray._own(self._words ^ other._words, self._n)

    def __and__(self, other: BitArray) -> BitArray:
        self._same_length(other)
        return BitArray._own(self._words & other._words, self._n)

    def __or__(self, other: BitArray) -> BitArray:
        self._same_length(other)
        return BitArray._own(self._words | other._words, self._n)

    def __invert__(self) -> BitArray:
        return BitArray._own(~self._words, self._n)

    def _same_length(self, other: BitArray) -> None:
        if self._n != other._n:
            raise ValueError("BitArrays of different lengths")

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
        from qkdlab.bits._kernels import count

        return count(self._words)

    @staticmethod
    def concatenate(parts: Iterable[BitArray]) -> BitArray:
        """Return the parts one after the other."""
        from qkdlab.bits._kernels import move_up

        items = list(parts)
        n_bits = sum(len(part) for part in items)
        out = np.zeros(_n_words(n_bits), np.uint64)
        position = 0
        for part in items:
            move_up(part._words, position, out)
            position += len(part)
        return BitArray._own(out, n_bits)

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


def _n_words(n_bits: int) -> int:
    return -(-n_bits // 64)


def extracts_fast() -> bool:
    """Say whether this CPU moves the bits of a word together in one quick step.

    BMI2 has the instruction; the first two generations of Zen run it as a microprogram
    of up to hundreds of cycles [mem].
    """
    return "bmi2" in cpu.features() and cpu.name() not in ("znver1", "znver2")
