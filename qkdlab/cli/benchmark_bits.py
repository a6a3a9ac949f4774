"""Figures of packed bits and of hashes: bits per CPU second of one thread.

Each stands beside NumPy, which has no packed bits: one byte a bit, packed at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qkdlab.cli.figure import Figure

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.distill.toeplitz import Method

__all__ = ["bits_and_hashes"]

_REPEATS = 5
_BITS = 20_000_000
_EVENTS = 1_000_000
_FRAME_BITS = 65536
_RATIO = 0.4
"""Output bits per input bit of amplification."""


def bits_and_hashes() -> list[Figure]:
    """Measure sifting, packing, gathering, permuting, verification, amplification."""
    return [*_sifting(), *_choosing(), *_hashing()]


def _sifting() -> list[Figure]:
    """From two strings of bases and one of values to the sifted string, all packed."""
    import numpy as np

    from qkdlab.bits.array import BitArray

    mine, theirs, values = (random_bits(_BITS, seed) for seed in range(3))
    a, b, v = (one.to_bools() for one in (mine, theirs, values))
    settings = v | a << np.uint8(1)

    def sifted() -> None:
        values.sift(~(mine ^ theirs))

    def portably() -> None:
        values.sift(~(mine ^ theirs), portable=True)

    by_numpy = _rate(lambda: np.packbits(v[a == b], bitorder="little"), _BITS)
    packed = _rate(lambda: np.packbits(settings >> np.uint8(1) & np.uint8(1)), _BITS)
    counted = _rate(lambda: np.count_nonzero(a != b), _BITS)
    return [
        _figure("sift", _rate(sifted, _BITS), "numpy bytes, packed", by_numpy),
        _figure("sift_portable", _rate(portably, _BITS), "the same", by_numpy),
        _figure(
            "pack_plane",
            _rate(lambda: BitArray.from_plane(settings, 1), _BITS),
            "numpy packbits",
            packed,
        ),
        _figure(
            "count_errors",
            _rate(lambda: (mine ^ theirs).count(), _BITS),
            "numpy bytes",
            counted,
        ),
        _figure(
            "slice",
            _rate(lambda: values[13:], _BITS),
            "numpy bytes, copied",
            _rate(lambda: v[13:].copy(), _BITS),
        ),
    ]


def _choosing() -> list[Figure]:
    import numpy as np

    from qkdlab.bits.permutation import public_permutation

    rng = np.random.default_rng(4)
    places = np.sort(rng.integers(0, _BITS, _EVENTS))
    values = random_bits(_BITS, 5)
    one_a_byte = values.to_bools()
    seed = bytes(32)
    return [
        _figure(
            "gather",
            _rate(lambda: values.gather(places), _EVENTS),
            "numpy bytes, packed",
            _rate(lambda: np.packbits(one_a_byte[places]), _EVENTS),
        ),
        _figure(
            "permute",
            _rate(lambda: public_permutation(seed, "", _FRAME_BITS), _FRAME_BITS),
            "numpy permutation",
            _rate(lambda: rng.permutation(_FRAME_BITS), _FRAME_BITS),
        ),
    ]


def _hashing() -> list[Figure]:
    from qkdlab.distill.toeplitz import toeplitz_hash
    from qkdlab.distill.verify import KEY_BITS, verification_tag

    values, key = random_bits(_BITS, 6), random_bits(KEY_BITS, 7)

    def verified(portable: bool | None = None) -> float:
        return _rate(
            lambda: verification_tag(values, key, 80, portable=portable), _BITS
        )

    def amplified(n_bits: int, method: Method | None = None) -> float:
        bits, seed = random_bits(n_bits, 8), random_bits(n_bits - 1, 9)
        n_output = int(_RATIO * n_bits)
        hashed = _rate(
            lambda: toeplitz_hash(bits, seed, n_output, method=method), n_bits
        )
        return 1e3 * hashed

    what, baseline = "float64 FFT, 1e5 bits", amplified(10**5, "float-fft")
    return [
        _figure("verify", verified(), "any CPU", verified(portable=True)),
        *(
            Figure("distill", name, amplified(n_bits), "Mb/s", what, baseline)
            for name, n_bits in (("amplify_1e5", 10**5), ("amplify_1e7", 10**7))
        ),
    ]


def _figure(name: str, value: float, what: str, baseline: float) -> Figure:
    return Figure("distill", name, value, "Gb/s", what, baseline)


def _rate(work: Callable[[], object], n_bits: int) -> float:
    """Return 1e9 bits per CPU second, the best of some repeats."""
    work()
    took = []
    for _ in range(_REPEATS):
        begin_s = time.thread_time()
        work()
        took.append(time.thread_time() - begin_s)
    return n_bits / 1e9 / min(took)


def random_bits(n_bits: int, seed: int) -> BitArray:
    """Return bits that are good enough to be timed."""
    import numpy as np

    from qkdlab.bits.array import BitArray

    rng = np.random.default_rng(seed)
    words = rng.integers(0, 1 << 64, -(-n_bits // 64), np.uint64)
    return BitArray.from_words(words, n_bits)
