"""Figures of distillation: Mb/s of input per CPU second of one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qkdlab.cli.benchmark_bits import bits_and_hashes
from qkdlab.cli.benchmark_cascade import cascade
from qkdlab.cli.benchmark_chain import chain
from qkdlab.cli.benchmark_ldpc import ldpc
from qkdlab.cli.figure import Figure

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray

__all__ = ["distill"]

_REPEATS = 3
_RATIO = 0.4
"""Output bits per input bit."""
_BASELINE_BITS = 1_000_000


def distill() -> list[Figure]:
    """Measure privacy amplification beside the float64 FFT of scipy, then the rest."""
    from qkdlab.distill.toeplitz import toeplitz_hash

    def mbps(n_bits: int, method: str | None) -> float:
        bits, seed = _random_bits(n_bits), _random_bits(n_bits - 1)
        n_output = int(_RATIO * n_bits)

        def hashed() -> None:
            toeplitz_hash(bits, seed, n_output, method=method)  # type: ignore[arg-type]

        hashed()
        return n_bits / 1e6 / _least_cpu_s(hashed)

    baseline = mbps(_BASELINE_BITS, "float-fft")
    what = "float64 FFT, 1e6 bits"
    amplified = [
        Figure("distill", name, mbps(n_bits, None), "Mb/s", what, baseline)
        for name, n_bits in (("amplify_1e6", 10**6), ("amplify_1e8", 10**8))
    ]
    return [*amplified, *bits_and_hashes(), *cascade(), *ldpc(), *chain()]


def _least_cpu_s(work: Callable[[], None]) -> float:
    took = []
    for _ in range(_REPEATS):
        begin_s = time.thread_time()
        work()
        took.append(time.thread_time() - begin_s)
    return min(took)


def _random_bits(n_bits: int) -> BitArray:
    import numpy as np

    from qkdlab.bits.array import BitArray

    rng = np.random.default_rng(n_bits)
    words = rng.integers(0, 1 << 64, -(-n_bits // 64), np.uint64)
    return BitArray.from_words(words, n_bits)
