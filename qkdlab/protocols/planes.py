"""Public settings of many slots, a bit each: what sifting and counting work on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.protocols.symbols import BASIS, INTENSITY_HIGH, INTENSITY_LOW

__all__ = ["Planes"]


@dataclass(frozen=True, slots=True, repr=False)
class Planes:
    """Basis and intensity of slots, without their values.

    basis:     0 X, 1 Z
    low, high: the intensity is low + 2 high; there are three

    Raises ValueError for a fourth intensity and for planes of different lengths.
    """

    basis: BitArray
    low: BitArray
    high: BitArray

    def __post_init__(self) -> None:
        if len(self.basis) != len(self.low) or (self.low & self.high).count():
            raise ValueError("a slot has a basis and one of three intensities")

    @classmethod
    def of(cls, settings: NDArray[np.uint8]) -> Planes:
        """Return the planes of settings as `symbols.encode` packs them."""
        bits = (BASIS, INTENSITY_LOW, INTENSITY_HIGH)
        return cls(*(BitArray.from_plane(settings, bit) for bit in bits))

    @classmethod
    def concatenate(cls, parts: Iterable[Planes]) -> Planes:
        """Return the parts one after the other."""
        items = list(parts)
        return cls(
            BitArray.concatenate(part.basis for part in items),
            BitArray.concatenate(part.low for part in items),
            BitArray.concatenate(part.high for part in items),
        )

    def __len__(self) -> int:
        return len(self.basis)

    def sift(self, mask: BitArray) -> Planes:
        """Return those of the slots where `mask` has ones."""
        return Planes(*(p.sift(mask) for p in (self.basis, self.low, self.high)))

    def count(self, where: BitArray) -> tuple[int, int, int]:
        """Count the slots where `where` has ones: signal, decoy, vacuum."""
        marked = self.low & where, self.high & where
        decoy, vacuum = (bits.count() for bits in marked)
        for bits in marked:
            bits.wipe()  # errors of the key may be secret
        return where.count() - decoy - vacuum, decoy, vacuum

    def __repr__(self) -> str:
        return f"Planes({len(self)} slots)"
