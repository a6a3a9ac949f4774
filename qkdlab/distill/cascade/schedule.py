"""The public schedule of Cascade: frames, blocks, orders and subsets."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LONGEST_FRAME_BITS",
    "Pace",
    "Schedule",
    "frame_length",
    "public_order",
    "public_subsets",
    "schedule",
]

Pace = Literal["near", "far"]
"""How much a round costs: near, little; far, the time to a peer and back."""

LONGEST_FRAME_BITS = 1 << 16
CHECKS = 16
"""One leaves half of the frames with errors undetected, 16 one in 65536 of them."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What frames of one length do.

    length:      of a frame, a multiple of 64
    block_sizes: of each pass, increasing, none above half a frame
    few:         with so many listed intervals a frame opens its next pass
    crowd:       decreasing: while 64 frames list so many intervals together, on
                 average, or fewer, these are cut in 4 pieces, in 8, in 16, ...
    checks:      random subsets at the end
    """

    length: int
    block_sizes: tuple[int, ...]
    few: int
    crowd: tuple[int, ...] = ()
    checks: int = CHECKS

    @property
    def room(self) -> int:
        """Intervals that the list of a frame holds."""
        return max(-(-self.length // size) for size in self.block_sizes)

    @property
    def most_pieces(self) -> int:
        """Pieces in which an interval is cut at most."""
        return 2 << len(self.crowd)

    @property
    def more_pieces(self) -> int:
        """Parities that a round of few intervals asks for each frame at most."""
        most = (n * ((4 << i) - 1) for i, n in enumerate(self.crowd))
        return -(-max(most, default=0) // 64)


def frame_length(n_bits: int, frame_bits: int) -> int:
    """Return the length of the frames of a string.

    As many frames as ``n_bits / frame_bits`` asks for, all of one length, rounded up to
    a multiple of 64, so that the last is nearly full. Raises ValueError unless
    frame_bits is between 1 and 65536.
    """
    if not 1 <= frame_bits <= LONGEST_FRAME_BITS:
        raise ValueError("a Cascade frame has 1 to 65536 bits")
    frames = max(1, -(-n_bits // frame_bits))
    return 64 * max(1, -(-n_bits // (64 * frames)))


def schedule(qber_estimate: float, length: int, pace: Pace = "near") -> Schedule:
    """Return the schedule for frames of `length` bits, a multiple of 64.

    qber_estimate: public estimate e of the error rate; it steers efficiency only and
                   is cut to [1e-4, 0.25]

    k1 is the power of two nearest to 0.8 / e in ratio; powers of two are bisected
    without waste, which is worth one per cent. Near: k1, 8 k1 (4 k1 where k1 e is 0.85
    or more, which saves half of the rounds there), 4096. Far: k1, 4 k1, 1024, 8192,
    each pass a little before the last one is through, and when 64 frames list fewer
    than one in 160, 400, 1000 of their errors (of 2 % at most), pieces instead of
    halves: a quarter of the rounds and three per cent more parities [run].
    """
    estimate = min(max(qber_estimate, 1e-4), 0.25)
    first = 1 << round(math.log2(0.8 / estimate))
    wanted = [first, 4 * first, 1024, 8192]
    if pace == "near":
        wanted = [first, (8 if first * estimate < 0.85 else 4) * first, 4096]
    grown = [max(wanted[: p + 1]) for p in range(len(wanted))]
    sizes = tuple(min(size, length // 2) for size in grown)
    if pace == "far":
        errors = min(estimate, 0.02) * 64 * length
        crowd = tuple(round(errors / rarity) for rarity in (160, 400, 1000))
        return Schedule(length, sizes, few=4, crowd=crowd)
    return Schedule(length, sizes, few=1)


def public_order(seed: bytes, pass_index: int, length: int) -> NDArray[np.int32]:
    """Return the order in which a pass reads a frame: place -> position.

    It is the public permutation of the label "cascade pass <p>", p in decimal.
    """
    from qkdlab.bits.permutation import public_permutation

    return public_permutation(seed, f"cascade pass {pass_index}", length)


def public_subsets(seed: bytes, checks: int, length: int) -> NDArray[np.uint64]:
    """Return uint64[check, length / 64], a one at each position of the subset.

    Row by row the ChaCha20 key stream (16 zero bytes of counter and nonce) under the
    key SHA-256("qkdlab/cascade/subsets" || seed), least significant bit first.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    key = hashlib.sha256(b"qkdlab/cascade/subsets" + seed).digest()
    stream = Cipher(algorithms.ChaCha20(key, b"\0" * 16), None).encryptor()
    data = stream.update(bytes(checks * length // 8))
    return np.frombuffer(data, "<u8").reshape(checks, length // 64)
