"""Compiled kernels of LDPC reconciliation: lanes, syndromes, decoding.

*Lanes* hold up to 32 frames side by side: uint32[n], bit f of entry j is bit j of frame
f. Callers check shapes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.ldpc._intrinsics import exchange_sums, update_check
from qkdlab.jit import kernel

__all__ = [
    "Graph",
    "Workspace",
    "decode",
    "from_lanes",
    "spaced",
    "syndrome",
    "to_lanes",
]

Lanes = NDArray[np.uint32]
ALL = np.uint32(0xFFFFFFFF)
ONE = np.uint32(1)


class Graph(NamedTuple):
    """The ones of a parity-check matrix, row by row."""

    columns: NDArray[np.int32]
    """[E] column of each one."""
    first: NDArray[np.int64]
    """[M + 1] where each row begins in `columns`."""


class Workspace(NamedTuple):
    """What one decoder overwrites."""

    sums: NDArray[np.int16]
    """[N, 32] see `_intrinsics`."""
    messages: NDArray[np.int8]
    """[E, 32]"""
    wide: NDArray[np.int16]
    """[largest row, 32]"""
    narrow: NDArray[np.int8]
    """[largest row, 32]"""

    def __repr__(self) -> str:
        return f"Workspace({self.sums.shape[0]} bits)"


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
def syndrome(graph: Graph, bits: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    """Write the parity of each row for 32 frames."""
    for row in range(out.size):
        parity = np.uint32(0)
        for edge in range(graph.first[row], graph.first[row + 1]):
            parity ^= bits[graph.columns[edge]]
        out[row] = parity


@kernel
def decode(
    unit: tuple[int, ...],
    graph: Graph,
    channel: NDArray[np.int16],
    syndromes: NDArray[np.uint32],
    iterations_at_most: int,
    refill_at: int,
    space: Workspace,
    errors: NDArray[np.uint32],
    iterations: NDArray[np.int32],
) -> None:
    """Find the error pattern of each frame by its syndrome.

    unit:       which instructions, see `_intrinsics`
    channel:    int16[N] scaled log-likelihood ratio of each bit before decoding
    syndromes:  uint32[groups, M] lanes
    refill_at:  finished frames that are waited for before others take their lanes
    errors:     uint32[groups, N] lanes, zero before; stays zero where decoding failed
    iterations: int32[frames] passes over all rows; -1 where decoding failed
    """
    n_frames, n_bits, n_rows = iterations.size, channel.size, syndromes.shape[1]
    odd, found = np.zeros(n_rows, np.uint32), np.empty(n_bits, np.uint32)
    check = np.empty(n_rows, np.uint32)
    frame_of = np.full(32, -1, np.int64)
    age, wait = np.zeros(32, np.int64), np.zeros(32, np.int64)
    done, fresh = np.uint32(0), ALL
    next_frame, active = 0, 0
    while True:
        # lanes in `fresh` are free: their results go out, new frames come in
        for j in range(n_bits):
            found[j] = exchange_sums(unit, space.sums, j, fresh, channel[j])
        wrong = np.uint32(0)
        if active:
            syndrome(graph, found, check)
            for row in range(n_rows):
                wrong |= check[row] ^ odd[row]
        for lane in range(32):
            bit = ONE << np.uint32(lane)
            if not fresh & bit:
                continue
            frame = frame_of[lane]
            if frame >= 0 and wrong & bit and age[lane] < iterations_at_most:
                # every row held when it was looked at, but not all at once: once more
                wait[lane], age[lane] = age[lane] + 2, 0
                continue
            if frame >= 0:
                active -= 1
                iterations[frame] = -1 if wrong & bit else age[lane]
                if not wrong & bit:
                    shift, place = np.uint32(lane), np.uint32(frame & 31)
                    out = errors[frame >> 5]
                    for j in range(n_bits):
                        out[j] |= ((found[j] >> shift) & ONE) << place
            frame_of[lane], age[lane], wait[lane] = -1, 0, 0
            if next_frame < n_frames:
                frame_of[lane] = next_frame
                shift, place = np.uint32(next_frame & 31), np.uint32(lane)
                taken = syndromes[next_frame >> 5]
                for row in range(n_rows):
                    value = (taken[row] >> shift) & ONE
                    odd[row] = (odd[row] & ~bit) | (value << place)
                next_frame += 1
                active += 1
        if active == 0:
            odd[:], found[:], check[:] = 0, 0, 0
            return
        keep, done = ~fresh, np.uint32(0)
        ready = 0
        while not (ready == active or (ready >= refill_at and next_frame < n_frames)):
            failed = np.uint32(0)
            for row in range(n_rows):
                begin = graph.first[row]
                failed |= update_check(
                    unit,
                    space.sums,
                    space.messages,
                    graph.columns,
                    begin,
                    graph.first[row + 1] - begin,
                    odd[row],
                    keep,
                    space.wide,
                    space.narrow,
                )
            keep = ALL
            for lane in range(32):
                bit = ONE << np.uint32(lane)
                if frame_of[lane] < 0 or done & bit:
                    continue
                age[lane] += 1
                held = not failed & bit and age[lane] >= wait[lane]
                if held or age[lane] >= iterations_at_most:
                    done |= bit
                    ready += 1
        fresh = done


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
