"""What the world draws once from its seed: each quantity from a stream of its own.

A stream is named by the part and the quantity, so that adding a part to a bench, or a
quantity to a part, changes no other draw.
"""

from __future__ import annotations

import hashlib

from numpy.random import Generator, Philox, SeedSequence

__all__ = ["generator", "normal", "uniform"]


def generator(seed: int, part: str, quantity: str) -> Generator:
    """Return the random stream of one quantity of one part (Philox, counter-based)."""
    material = f"qkdlab/world/1|{seed}|{part}|{quantity}".encode()
    entropy = int.from_bytes(hashlib.sha256(material).digest(), "little")
    return Generator(Philox(SeedSequence(entropy)))


def normal(seed: int, part: str, quantity: str) -> float:
    """Return the standard normal draw of one quantity of one part."""
    return float(generator(seed, part, quantity).standard_normal())


def uniform(seed: int, part: str, quantity: str) -> float:
    """Return the draw of one quantity of one part, even between -1 and 1."""
    return float(generator(seed, part, quantity).uniform(-1.0, 1.0))
