"""Public permutations: a seed that is announced gives both parties the same order."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "public_permutation"]

MOST = 1 << 31
"""Places that a permutation can have."""
_NUMBERS = 1 << 16


def public_permutation(seed: bytes, label: str, n: int) -> NDArray[np.int32]:
    """Return a permutation of ``0 ... n - 1`` (int32[n]) by seed and label.

    Exact enough to write another party from: numbers are little-endian u32 of the
    ChaCha20 key stream (16 zero bytes of counter and nonce) under the key
    SHA-256("qkdlab/permutation/1|" || label || "|" || seed). From 0 ... n - 1 in order,
    for i = n, n - 1, ... 2 take the next number w; while the low 32 bits of the product
    i w are below 2^32 mod i, take another; then exchange places i - 1 and
    floor(i w / 2^32). With uniform numbers all orders are equally likely (Lemire, ACM
    TOMACS 29, 3 (2019) [mem]).

    Raises ValueError for more than 2^31 places.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    from qkdlab.bits._kernels import shuffle

    if not 0 <= n <= MOST:
        raise ValueError(f"a permutation has 0 to {MOST} places")
    key = hashlib.sha256(f"qkdlab/permutation/1|{label}|".encode() + seed).digest()
    stream = Cipher(algorithms.ChaCha20(key, b"\0" * 16), None).encryptor()
    order = np.arange(n, dtype=np.int32)
    left = n
    while left > 1:
        wanted = min(_NUMBERS, left + left // 1024)
        numbers = np.frombuffer(stream.update(bytes(4 * wanted)), dtype="<u4")
        left = shuffle(order, left, numbers)
    return order
