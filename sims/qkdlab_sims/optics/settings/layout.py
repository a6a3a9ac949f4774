"""How a counter-mode generator makes the setting of a pulse: the layout, and `Shares`.

1. The keystream is that of AES-128 in counter mode (NIST SP 800-38A section 6.5 with
   the standard incrementing function of appendix B.1; FIPS 197). The initial counter
   block is the nonce, 8 bytes big-endian, and 8 bytes of zero, so block b of the
   keystream is AES-128(key, nonce || b), b as 8 bytes big-endian.
2. Pulse k, counted from 0 at the start of the transmitter, owns the bytes 2k and
   2k + 1 of the keystream: w = byte[2k] + 256 byte[2k + 1]. A block serves 8 pulses,
   k = 8b ... 8b + 7.
3. The bit value of the pulse is w mod 2. The other 15 bits, r = w div 2, choose its
   class: with n_0, n_1, ... the counts of the classes, which add up to 32768, the class
   is the c with n_0 + ... + n_(c-1) <= r < n_0 + ... + n_c.
4. The setting is the number 2c + (w mod 2). For decoy-state BB84 there are six classes,
   c = basis + 2 intensity with basis 0 for X and 1 for Z and intensity 0 for signal,
   1 for decoy, 2 for vacuum, which makes the setting 0 ... 11 with the value in bit 0,
   the basis in bit 1 and the intensity in bits 2 and 3.

A class comes with probability n_c / 32768 exactly, a value with 1/2, all of them
independent of each other as far as AES-128 is a random permutation. In hardware: one
AES block per 8 pulses, and per pulse one comparison with each partial sum.

Example: key 2b7e1516 28aed2a6 abf71588 09cf4f3c, nonce f0f1f2f3 f4f5f6f7, counts 11469,
1966, 8192, 1311, 8192, 1638. Pulses 0 ... 7 have w = 2f0c, b6bb, d95a, 2a67, fe19,
35fd, f39b, 024b (hexadecimal) and the settings 0, 9, 8, 1, 11, 1, 11, 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["TOTAL", "Shares"]

TOTAL = 1 << 15
"""What the counts of all classes add up to."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How often each class of setting comes.

    counts: of each class in 32768, at most 128 of them; raises ValueError where they
            do not add up to that
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.counts) <= 128 or min(self.counts) < 0:
            raise ValueError("counts must be 1 to 128 numbers that are not negative")
        if sum(self.counts) != TOTAL:
            raise ValueError(
                f"counts add up to {sum(self.counts)}, but must to {TOTAL}"
            )

    @classmethod
    def of(cls, probabilities: Sequence[float]) -> Shares:
        """Return the counts nearest to given probabilities of the classes.

        Largest remainder: each gets the floor of its share of 32768, what is left goes
        one by one to the largest fractional parts, ties to the lower class. Raises
        ValueError for probabilities below 0 or all 0.
        """
        weights = [Fraction(p) for p in probabilities]
        if not weights or min(weights) < 0 or not sum(weights):
            raise ValueError("probabilities must be not negative and not all zero")
        shares = [TOTAL * weight / sum(weights) for weight in weights]
        counts = [share.numerator // share.denominator for share in shares]
        order = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i], i))
        for i in order[: TOTAL - sum(counts)]:
            counts[i] += 1
        return cls(tuple(counts))

    @property
    def n_settings(self) -> int:
        """Return the number of settings, twice that of the classes."""
        return 2 * len(self.counts)

    def probabilities(self) -> list[float]:
        """Return the probability of each setting."""
        return [count / (2 * TOTAL) for count in self.counts for _value in (0, 1)]
