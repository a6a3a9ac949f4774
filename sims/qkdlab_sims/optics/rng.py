"""Counter-based random numbers: Philox4x32-10 keyed by (seed, component, purpose).

Any number of any stream can be had on demand, so nothing depends on how a run is cut
into calls. Physics only: Philox is not cryptographic (SECURITY rule 9).
Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11, 2011).
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.philox._kernels import philox_fill

__all__ = ["gaussians", "philox_words", "stream_key", "uniforms"]


def stream_key(seed: int, component: str, purpose: str) -> NDArray[np.uint64]:
    """Return the two 32-bit key words of one stream, as uint64[2].

    The words are the head of a SHA-256 over the three parts, each with its length, so
    that streams of different names are unrelated.
    """
    digest = hashlib.sha256()
    for part in (str(seed), component, purpose):
        data = part.encode()
        digest.update(len(data).to_bytes(4, "little") + data)
    head = digest.digest()[:8]
    return np.frombuffer(head, dtype="<u4").astype(np.uint64)


def philox_words(
    key: NDArray[np.uint64], first: int, count: int, *, stream: int = 0
) -> NDArray[np.uint32]:
    """Return uint32[count, 4]: the words of counters `first` onwards.

    The counter's low half is the number, its high half is `stream`; both are below
    2**64.
    """
    out = np.empty((count, 4), np.uint32)
    philox_fill(np.uint64(first), np.uint64(stream), key, out)
    return out


def uniforms(
    key: NDArray[np.uint64], first: int, count: int, *, stream: int = 0
) -> NDArray[np.float64]:
    """Return float64[count, 4], each strictly between 0 and 1 in steps of 2**-32."""
    words = philox_words(key, first, count, stream=stream)
    return (words.astype(np.float64) + 0.5) * 2.0**-32


def gaussians(
    key: NDArray[np.uint64], first: int, count: int, *, stream: int = 0
) -> NDArray[np.float64]:
    """Return float64[count, 4] of independent normal variates (Box and Muller)."""
    u = uniforms(key, first, count, stream=stream)
    radius = np.sqrt(-2.0 * np.log(u[:, 0::2]))
    angle = 2.0 * math.pi * u[:, 1::2]
    out = np.empty_like(u)
    out[:, 0::2] = radius * np.cos(angle)
    out[:, 1::2] = radius * np.sin(angle)
    return out
