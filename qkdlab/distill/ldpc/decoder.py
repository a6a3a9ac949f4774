"""Decoding many frames of one code, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.lanes import Lanes
from qkdlab.distill.ldpc.strips import LANES, striped

if TYPE_CHECKING:
    from qkdlab.distill.ldpc._kernels import Workspace

__all__ = ["ITERATIONS_AT_MOST", "Decoded", "Decoder", "unit_of_this_cpu"]

ITERATIONS_AT_MOST = 60

T = TypeVar("T", np.int8, np.int16)


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """What a decoder found.

    errors:     uint32[groups, N] lanes: bit f of an entry is that of frame f of 32
    iterations: int32[frames] passes over all checks; -1 where decoding failed, whose
                errors are all zero
    """

    errors: Lanes
    iterations: NDArray[np.int32]


class Decoder:
    """Decoder of one code by the rule of `qkdlab.distill.ldpc.rule`, layered.

    unit: which instructions; `unit_of_this_cpu` without. All give the same bits.
    """

    def __init__(self, code: Code, unit: tuple[int, ...] | None = None) -> None:
        self._code = code
        self._unit = unit_of_this_cpu() if unit is None else unit

    def syndromes(self, bits: Lanes) -> Lanes:
        """Return the parities of all checks, [groups, M], of [groups, N]."""
        from qkdlab.distill.ldpc._kernels import syndrome

        code = self._code
        out = np.empty((bits.shape[0], code.n_checks), np.uint32)
        for group, parities in zip(bits, out, strict=True):
            syndrome(code.circulants, code.lifting, group, parities)
        return out

    def decode(
        self,
        syndromes: Lanes,
        channel: NDArray[np.int16],
        n_frames: int,
        iterations_at_most: int = ITERATIONS_AT_MOST,
    ) -> Decoded:
        """Find the errors that have these syndromes.

        syndromes: uint32[groups, M], of the difference of both parties' frames
        channel:   int16[N] scaled log-likelihood ratio of "no error" for each bit
        n_frames:  at most 32 per group
        """
        from qkdlab.distill.ldpc._kernels import decode, from_strips, to_strips

        lifting = self._code.lifting
        errors = np.zeros((syndromes.shape[0], self._code.n_bits), np.uint32)
        iterations = np.zeros(n_frames, np.int32)
        if n_frames:
            space, start = self._workspace(), self._ordered(channel)
            for group in range(syndromes.shape[0]):
                passes = iterations[group * LANES :][:LANES]
                to_strips(syndromes[group], lifting, space.wanted)
                space.patterns.fill(0)
                decode(
                    self._unit,
                    self._code.strips,
                    start,
                    passes.size,
                    iterations_at_most,
                    space,
                    passes,
                )
                from_strips(space.patterns, lifting, errors[group])
            for held in space:  # it tells which bits were wrong
                held.fill(0)
        return Decoded(errors, iterations)

    def _ordered(self, channel: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return what belongs to each bit in the order of `Workspace.sums`."""
        from qkdlab.distill.ldpc._intrinsics import ORDER

        return np.ascontiguousarray(striped(channel, self._code.lifting)[:, ORDER])

    def _workspace(self) -> Workspace:
        from qkdlab.distill.ldpc._kernels import Workspace

        code = self._code
        first = code.strips.first
        row = int(np.diff(first).max())
        bits, checks = code.n_bits // LANES, code.n_checks // LANES
        return Workspace(
            sums=_aligned(bits, np.int16),
            messages=_aligned(int(first[-1]), np.int8),
            wide=_aligned(row, np.int16),
            narrow=_aligned(row, np.int8),
            found=np.zeros(bits, np.uint32),
            wanted=np.zeros((LANES, checks), np.uint32),
            patterns=np.zeros((LANES, bits), np.uint32),
        )

    def __repr__(self) -> str:
        return f"Decoder({self._code!r})"


def unit_of_this_cpu() -> tuple[int, ...]:
    """Return the instructions to use: those of AVX2 where the CPU has them."""
    from qkdlab.cpu import features
    from qkdlab.distill.ldpc._intrinsics import AVX2, PORTABLE

    return AVX2 if "avx2" in features() else PORTABLE


def _aligned(n: int, kind: type[T]) -> NDArray[T]:
    """Return zeros [n, 32] that begin at a line of the cache."""
    n_bytes = n * 32 * np.dtype(kind).itemsize
    raw = np.zeros(n_bytes + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + n_bytes].view(kind).reshape(n, 32)
