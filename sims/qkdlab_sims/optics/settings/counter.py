"""`CounterSettings`: a generator by its key, asked for the settings of any pulses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.settings._kernels import encrypt
from qkdlab_sims.optics.settings.aes import expand_key
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.settings.processor import GROUP, has_aes

__all__ = ["CounterSettings"]

_NONCES = 1 << 64


@dataclass(frozen=True, eq=False)
class CounterSettings:
    """A counter-mode generator with its key loaded; its layout is in `layout`.

    key:      16 bytes
    nonce:    below 2**64; one key serves many runs if each has a nonce of its own
    shares:   how often each class of setting comes
    hardware: by the AES rounds of the processor; without them by tables, 30 times
              slower

    Raises ValueError for a key or a nonce of another size.
    """

    key: bytes = field(repr=False)
    nonce: int = field(repr=False)
    shares: Shares
    hardware: bool = field(default_factory=has_aes, repr=False)
    round_keys: NDArray[np.uint64] = field(init=False, repr=False)
    sums: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.nonce < _NONCES:
            raise ValueError("a nonce is a number of 64 bits")
        object.__setattr__(self, "round_keys", expand_key(self.key))
        sums = np.cumsum(np.array(self.shares.counts[:-1], np.int64))
        object.__setattr__(self, "sums", sums)

    def settings(self, pulses: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the settings of pulses counted from the start, in any order."""
        blocks = np.zeros(-len(pulses) % GROUP + len(pulses), np.uint64)
        blocks[: len(pulses)] = pulses >> 3
        words = np.empty(2 * len(blocks), np.uint64)
        key = (self.round_keys, np.uint64(self.nonce), self.hardware)
        encrypt(blocks, 0, key, 2, words)
        places = 8 * np.arange(len(pulses)) + (pulses & 7)
        drawn = words.view(np.uint16)[places].astype(np.int64)
        classes = np.searchsorted(self.sums, drawn >> 1, side="right")
        found: NDArray[np.int64] = 2 * classes + (drawn & 1)
        return found
