"""Plain decoders of LDPC codes, and a small code to try them on."""

from __future__ import annotations

import itertools
import math

import numpy as np

from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.design.construct import build_base, column_degrees


def small_code(n_rows=12, columns=24, lifting=32, mix=None, label="small"):
    degrees = column_degrees(columns, mix or {2: 0.25, 3: 0.6, 6: 0.15})
    return Code(build_base(n_rows, degrees, lifting, label))


def rows_of(code):
    columns, first = code.graph
    return [columns[a:b].tolist() for a, b in itertools.pairwise(first)]


def matrix_of(code):
    matrix = np.zeros((code.n_checks, code.n_bits), np.int64)
    for row, columns in enumerate(rows_of(code)):
        matrix[row, columns] = 1
    return matrix


def box(x, y):
    def c(z):
        return round(6 * math.log1p(math.exp(-z / 6))) if z < 16 else 0

    return max(0, min(x, y) + c(x + y) - c(abs(x - y)))


def from_row(without, parity):
    """Return what a check row tells each of its bits (A-min*)."""
    sizes = [min(abs(value), 127) for value in without]
    sign = (-1) ** (sum(value < 0 for value in without) + parity)
    least, others = min(sizes[:2]), max(sizes[:2])
    for size in sizes[2:]:
        others = box(others, max(least, size))
        least = min(least, size)
    everything = box(others, least)
    return [
        sign * (-1 if value < 0 else 1) * (others if size == least else everything)
        for value, size in zip(without, sizes, strict=True)
    ]


def integer_decoder(code, syndrome, channel, iterations_at_most):
    """The rule of `qkdlab.distill.ldpc.rule`; return the pattern after each pass."""
    rows = rows_of(code)
    sums = [int(c) for c in channel]
    messages = [[0] * len(columns) for columns in rows]
    patterns = []
    for _ in range(iterations_at_most):
        for row, columns in enumerate(rows):
            old = messages[row]
            without = [sums[c] - m for c, m in zip(columns, old, strict=True)]
            messages[row] = from_row(without, int(syndrome[row]))
            for c, rest, new in zip(columns, without, messages[row], strict=True):
                sums[c] = rest + new
        patterns.append([int(total < 0) for total in sums])
    return patterns


def sum_product(code, syndrome, qber, iterations):
    """Exact belief propagation of one frame in floating point, all rows at once."""
    columns, first = code.graph
    start = math.log((1 - qber) / qber)
    to_rows = np.full(columns.size, start)
    sign = 1.0 - 2.0 * np.repeat(syndrome, np.diff(first))
    limit = 1 - 1e-12
    for _ in range(iterations):
        tanhs = np.tanh(np.clip(to_rows, -30, 30) / 2)
        tanhs = np.where(np.abs(tanhs) < 1e-12, 1e-12, tanhs)
        product = np.multiply.reduceat(tanhs, first[:-1])
        others = sign * np.repeat(product, np.diff(first)) / tanhs
        told = 2 * np.arctanh(np.clip(others, -limit, limit))
        sums = start + np.bincount(columns, told, code.n_bits)
        to_rows = sums[columns] - told
    return (sums < 0).astype(np.int64)
