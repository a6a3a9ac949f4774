"""Other people's LDPC decoder, or a plain one in NumPy, to measure against.

Both correct one frame of the same code by belief propagation in floating point.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qkdlab.distill.ldpc.plan import FramePlan

__all__ = ["sum_product", "textbook_ldpc"]

_ITERATIONS = 60
_CERTAIN, _UNKNOWN = 1e-9, 0.5

Reals = NDArray[np.float64]
Bits = NDArray[np.uint8]


def textbook_ldpc(plan: FramePlan, seed: int = 1) -> tuple[str, float]:
    """Correct one frame of a plan; return by what, and Mb/s of CPU time.

    That is `ldpc` from PyPI where it is installed (extra `benchmarks`).
    """
    columns, first = plan.code.graph
    channel = np.full(plan.code.n_bits, plan.qber)
    channel[plan.shortened] = _CERTAIN
    channel[plan.punctured] = _UNKNOWN
    rng = np.random.default_rng(seed)
    errors = (rng.random(channel.size) < channel).astype(np.uint8)
    syndrome = np.bitwise_xor.reduceat(errors[columns], first[:-1])
    try:
        from ldpc import BpDecoder  # type: ignore[attr-defined, import-not-found, unused-ignore]
    except ImportError:
        what = "sum-product in NumPy"
        begin_s = time.thread_time()
        sum_product(columns, first, channel, syndrome)
    else:
        from scipy.sparse import csr_matrix

        ones = np.ones(columns.size, np.uint8)
        matrix = csr_matrix((ones, columns, first))
        decoder = BpDecoder(
            matrix,
            error_channel=channel.tolist(),
            max_iter=_ITERATIONS,
            bp_method="product_sum",
        )
        what = "PyPI ldpc, product-sum"
        begin_s = time.thread_time()
        decoder.decode(syndrome)
    return what, plan.n_key / 1e6 / (time.thread_time() - begin_s)


def sum_product(
    columns: NDArray[np.int32],
    first: NDArray[np.int64],
    channel: Reals,
    syndrome: Bits,
) -> Bits:
    """Return the error pattern that belief propagation finds, all rows at once.

    columns, first: ones of the matrix, row by row
    channel:        probability that a bit is wrong
    """
    start = np.log((1 - channel) / channel)
    in_row = np.diff(first)
    row = np.repeat(np.arange(in_row.size), in_row)
    sign = 1.0 - 2.0 * syndrome
    to_rows = start[columns]
    found = (start < 0).astype(np.uint8)
    for _ in range(_ITERATIONS):
        halves = np.tanh(np.clip(to_rows, -30.0, 30.0) / 2)
        halves = np.where(np.abs(halves) < 1e-12, 1e-12, halves)
        product = sign * np.multiply.reduceat(halves, first[:-1])
        others = np.clip(product[row] / halves, -1 + 1e-12, 1 - 1e-12)
        told = 2 * np.arctanh(others)
        sums = start + np.bincount(columns, told, channel.size)
        found = (sums < 0).astype(np.uint8)
        if np.array_equal(
            np.bitwise_xor.reduceat(found[columns], first[:-1]), syndrome
        ):
            break
        to_rows = sums[columns] - told
    return found
