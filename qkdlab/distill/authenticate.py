"""Wegman-Carter authentication: Poly1305 with truly random keys.

Poly1305 evaluates the message as a polynomial at a secret point r modulo 2^130 - 5 and
adds a 128-bit pad modulo 2^128. With r uniform and secret and a pad that is uniform,
secret and used once, this is an information-theoretic one-time authenticator: whatever
messages and tags were seen before, a forgery is accepted with probability at most
`epsilon`. The hash key r stays, one per direction; only the pad is spent, 128 bits a
tag (reference: distillation section 1; bound of Bernstein 2005, theorem 3.3 [doc]).
"""

from __future__ import annotations

import hmac

__all__ = ["HASH_KEY_BYTES", "PAD_BYTES", "TAG_BYTES", "check", "epsilon", "tag"]

HASH_KEY_BYTES = 16
"""Length of the secret point r; 22 of its 128 bits are fixed by the algorithm."""
PAD_BYTES = 16
"""Length of the pad that one tag spends."""
TAG_BYTES = 16
"""Length of a tag."""


def tag(hash_key: bytes, pad: bytes, *pieces: bytes) -> bytes:
    """Return the tag of a text: Poly1305 (RFC 8439 section 2.5) with key r || pad.

    hash_key: 16 secret bytes, uniform, kept for one direction of one link
    pad:      16 secret bytes, uniform, never used for another message
    pieces:   of the text, wherever it is cut: joining them takes longer than the tag

    Raises ValueError when a key has another length.
    """
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    if len(hash_key) != HASH_KEY_BYTES or len(pad) != PAD_BYTES:
        raise ValueError("authentication wants a hash key and a pad of 16 bytes each")
    code = Poly1305(hash_key + pad)
    for piece in pieces:
        code.update(piece)
    return code.finalize()


def check(hash_key: bytes, pad: bytes, received: bytes, *pieces: bytes) -> bool:
    """Say whether `received` is the tag of a text, in constant time; see `tag`."""
    return hmac.compare_digest(tag(hash_key, pad, *pieces), received)


def epsilon(max_bytes: int) -> float:
    """Return the probability bound of one forgery: 8 ceil(L / 16) / 2^106.

    `max_bytes` is L, the length of the longest message (the genuine and the forged one)
    that the protocol accepts under one tag.
    """
    if max_bytes < 0:
        raise ValueError("a message has no negative length")
    blocks = max(1, -(-max_bytes // 16))
    return 8.0 * blocks / 2.0**106
