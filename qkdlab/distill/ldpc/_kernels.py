"""Compiled kernels of LDPC reconciliation: lanes, strips, syndromes, decoding.

*Lanes* hold up to 32 frames side by side: uint32[n], bit f of entry j is bit j of frame
f. Callers check shapes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import count_ones
from qkdlab.distill.ldpc._intrinsics import negative_sums, update_check
from qkdlab.jit import kernel

__all__ = [
    "Circulants",
    "Graph",
    "Strips",
    "Workspace",
    "decode",
    "from_lanes",
    "from_strips",
    "spaced",
    "syndrome",
    "to_lanes",
    "to_strips",
]

Lanes = NDArray[np.uint32]
LANES = 32
PROGRESS, PATIENCE = 0.99, 10
"""A frame is given up when so many passes left more than this part of its rows that
failed failing."""
LOOK = 4
"""A pattern is tried when no more than this part of the strips has a row that fails."""


class Graph(NamedTuple):
    """The ones of a parity-check matrix, row by row."""

    columns: NDArray[np.int32]
    """[E] column of each one."""
    first: NDArray[np.int64]
    """[M + 1] where each row begins in `columns`."""


class Circulants(NamedTuple):
    """The blocks of a quasi-cyclic matrix: check x of a row meets bit x - shift."""

    rows: NDArray[np.uint8]
    columns: NDArray[np.int64]
    shifts: NDArray[np.int64]


class Strips(NamedTuple):
    """Edges between strips, see `qkdlab.distill.ldpc.strips`."""

    edges: NDArray[np.int32]
    """[E / 32 + AHEAD] where the strip of the bits begins in `Workspace.sums`, in
    bytes, plus how many lanes they move up; the last ones are not used."""
    first: NDArray[np.int64]
    """[M / 32 + 1] where each strip of checks begins in `edges`."""


class Workspace(NamedTuple):
    """What one decoder overwrites."""

    sums: NDArray[np.int16]
    """[N / 32, 32] see `_intrinsics`."""
    messages: NDArray[np.int8]
    """[E / 32, 32]"""
    wide: NDArray[np.int16]
    """[largest row, 32]"""
    narrow: NDArray[np.int8]
    """[largest row, 32]"""
    found: NDArray[np.uint32]
    """[N / 32] the pattern, by strips."""
    wanted: NDArray[np.uint32]
    """[32, M / 32] syndromes of a group, by strips."""
    patterns: NDArray[np.uint32]
    """[32, N / 32] patterns of a group, by strips."""

    def __repr__(self) -> str:
        return f"Workspace({self.sums.size} bits)"


@kernel
def transpose(block: NDArray[np.uint32]) -> None:
    """Transpose 32 words of 32 bits: bit i of word j becomes bit j of word i."""
    width, mask = 16, np.uint32(0x0000FFFF)
    while width:
        shift = np.uint32(width)
        for j in range(32):
            if not j & width:
                other = ((block[j] >> shift) ^ block[j + width]) & mask
                block[j] ^= other << shift
                block[j + width] ^= other
        width >>= 1
        mask ^= mask << np.uint32(width)


@kernel
def to_lanes(
    words: NDArray[np.uint64], starts: NDArray[np.int64], out: NDArray[np.uint32]
) -> None:
    """Put stretches of a bit string side by side.

    words:  bits, least significant first, and one word more than they fill
    starts: int64[up to 32] first bit of each frame; all as long as `out`
    """
    block = np.zeros(32, np.uint32)
    n = out.size
    for begin in range(0, n, 32):
        block[:] = 0
        for f in range(starts.size):
            at = starts[f] + begin
            i, shift = at >> 6, np.uint64(at & 63)
            word = words[i] >> shift
            if shift > np.uint64(32):
                word |= words[i + 1] << (np.uint64(64) - shift)
            block[f] = np.uint32(word & np.uint64(0xFFFFFFFF))
        transpose(block)
        for j in range(min(32, n - begin)):
            out[begin + j] = block[j]


@kernel
def from_lanes(
    lanes: NDArray[np.uint32], starts: NDArray[np.int64], words: NDArray[np.uint64]
) -> None:
    """Add frames to stretches of a bit string modulo 2; the inverse of `to_lanes`."""
    block = np.zeros(32, np.uint32)
    n = lanes.size
    for begin in range(0, n, 32):
        block[:] = 0
        for j in range(min(32, n - begin)):
            block[j] = lanes[begin + j]
        transpose(block)
        for f in range(starts.size):
            at = starts[f] + begin
            i, shift = at >> 6, np.uint64(at & 63)
            word = np.uint64(block[f])
            words[i] ^= word << shift
            if shift > np.uint64(32):
                words[i + 1] ^= word >> (np.uint64(64) - shift)


@kernel
def add(total: NDArray[np.uint32], term: NDArray[np.uint32]) -> None:
    """Add bits to bits modulo 2."""
    for i in range(total.size):
        total[i] ^= term[i]


@kernel
def syndrome(
    circulants: Circulants,
    lifting: int,
    bits: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> None:
    """Write the parity of each row for 32 frames side by side."""
    out[:] = 0
    for edge in range(circulants.rows.size):
        shift = circulants.shifts[edge]
        row = np.int64(circulants.rows[edge]) * lifting
        column = circulants.columns[edge] * lifting
        end = column + lifting
        add(out[row + shift : row + lifting], bits[column : end - shift])
        add(out[row : row + shift], bits[end - shift : end])


@kernel
def to_strips(lanes: NDArray[np.uint32], lifting: int, out: NDArray[np.uint32]) -> None:
    """Write frames side by side as strips, uint32[32 frames, strips]."""
    height, block = lifting >> 5, np.empty(32, np.uint32)
    blocks = out.shape[1] // height
    for strip in range(out.shape[1]):
        begin = strip % blocks * lifting + strip // blocks
        for lane in range(32):
            block[lane] = lanes[begin + lane * height]
        transpose(block)
        for frame in range(32):
            out[frame, strip] = block[frame]


@kernel
def from_strips(
    strips: NDArray[np.uint32], lifting: int, out: NDArray[np.uint32]
) -> None:
    """Undo `to_strips`."""
    height, block = lifting >> 5, np.empty(32, np.uint32)
    blocks = strips.shape[1] // height
    for strip in range(strips.shape[1]):
        begin = strip % blocks * lifting + strip // blocks
        for frame in range(32):
            block[frame] = strips[frame, strip]
        transpose(block)
        for lane in range(32):
            out[begin + lane * height] = block[lane]


@kernel
def holds(
    strips: Strips, found: NDArray[np.uint32], wanted: NDArray[np.uint32]
) -> bool:
    """Say whether a pattern has a syndrome."""
    for row in range(wanted.size):
        parity = wanted[row]
        for i in range(strips.first[row], strips.first[row + 1]):
            edge = strips.edges[i]
            bits, turn = np.uint64(found[edge >> 6]), np.uint64(edge & 31)
            parity ^= np.uint32((bits << turn) | (bits >> (np.uint64(32) - turn)))
        if parity:
            return False
    return True


@kernel
def decode(
    unit: tuple[int, ...],
    strips: Strips,
    channel: NDArray[np.int16],
    n_frames: int,
    iterations_at_most: int,
    space: Workspace,
    iterations: NDArray[np.int32],
) -> None:
    """Find the error patterns of a group by the syndromes in `space.wanted`.

    unit:       which instructions, see `_intrinsics`
    channel:    int16[strips, 32] scaled log-likelihood ratio of each bit before
                decoding, in the order of `space.sums`
    iterations: int32[n_frames] passes over all rows; -1 where decoding failed, whose
                row of `space.patterns` is zero

    A frame is given up after `iterations_at_most`, or before when it makes no progress.
    """
    n_rows = space.wanted.shape[1]
    worth_a_look = n_rows // LOOK
    for frame in range(n_frames):
        wanted = space.wanted[frame]
        space.sums[:] = channel
        space.messages[:] = 0
        iterations[frame] = -1
        fewest, best_age = LANES * n_rows, 0
        for age in range(1, iterations_at_most + 1):
            failed = failed_rows = 0
            for row in range(n_rows):
                begin = strips.first[row]
                rows = update_check(
                    unit,
                    space.sums,
                    space.messages,
                    strips.edges,
                    begin,
                    strips.first[row + 1] - begin,
                    wanted[row],
                    space.wide,
                    space.narrow,
                )
                failed += rows != 0
                failed_rows += count_ones(np.uint64(rows))
            if failed_rows < PROGRESS * fewest:
                fewest, best_age = failed_rows, age
            if age - best_age == PATIENCE:
                break
            if failed > worth_a_look and age < iterations_at_most:
                continue
            for j in range(space.found.size):
                space.found[j] = negative_sums(unit, space.sums, j)
            if holds(strips, space.found, wanted):
                iterations[frame] = age
                space.patterns[frame] = space.found
                break


@kernel
def spaced(
    order: NDArray[np.int32],
    rows: NDArray[np.int32],
    first: NDArray[np.int64],
    n_rows: int,
    most_edges: int,
    out: NDArray[np.int32],
) -> int:
    """Pick columns in an order so that no row meets two; return how many fit.

    rows, first: rows of each column, as `Graph` has columns of each row
    most_edges:  columns with more are left out
    out:         int32[n] the columns; no more than n are picked
    """
    met = np.zeros(n_rows, np.bool_)
    count = 0
    for column in order:
        begin, end = first[column], first[column + 1]
        if count == out.size:
            break
        if end - begin > most_edges:
            continue
        free = True
        for edge in range(begin, end):
            free = free and not met[rows[edge]]
        if free:
            for edge in range(begin, end):
                met[rows[edge]] = True
            out[count] = column
            count += 1
    return count
