"""Distillation written slowly and plainly from its description, bit by bit.

Uses nothing of qkdlab: strings of bits are lists of 0 and 1. What must interoperate
with the real thing is compared with this.
"""

from __future__ import annotations

import struct


def poly1305(hash_key: bytes, pad: bytes, data: bytes) -> bytes:
    """RFC 8439 section 2.5.1 with Python integers."""
    r = int.from_bytes(hash_key, "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    accumulator = 0
    for i in range(0, len(data), 16):
        block = data[i : i + 16] + b"\x01"
        accumulator = (accumulator + int.from_bytes(block, "little")) * r
        accumulator %= 2**130 - 5
    total = (accumulator + int.from_bytes(pad, "little")) % 2**128
    return total.to_bytes(16, "little")


def as_number(bits: list[int]) -> int:
    return sum(bit << i for i, bit in enumerate(bits))


def field_product(a: int, b: int) -> int:
    """Multiply in GF(2^128) with x^128 = x^7 + x^2 + x + 1."""
    product = 0
    for i in range(128):
        if b >> i & 1:
            product ^= a << i
    for i in range(254, 127, -1):
        if product >> i & 1:
            product ^= (1 << i) ^ (0x87 << (i - 128))
    return product


def verification_tag(bits: list[int], key: list[int], tag_bits: int) -> list[int]:
    r, total = as_number(key), 0
    blocks = [as_number(bits[i : i + 128]) for i in range(0, len(bits), 128)]
    power = r
    for block in reversed(blocks):
        total ^= field_product(block, power)
        power = field_product(power, r)
    return [total >> i & 1 for i in range(tag_bits)]


def toeplitz(bits: list[int], seed: list[int], n_output: int) -> list[int]:
    head, tail = bits[:n_output], bits[n_output:]
    k = len(tail)
    return [
        head[i] ^ sum(seed[i - j + k - 1] & tail[j] for j in range(k)) % 2
        for i in range(n_output)
    ]


def _rotate(x: int, n: int) -> int:
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


def _quarter(s: list[int], a: int, b: int, c: int, d: int) -> None:
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        s[z] = _rotate(s[z] ^ s[x], n)


def chacha20(key: bytes, n_bytes: int) -> bytes:
    """RFC 8439 section 2.3, counter from 0, nonce 0."""
    out = b""
    counter = 0
    while len(out) < n_bytes:
        start = list(struct.unpack("<4I", b"expand 32-byte k"))
        start += [*struct.unpack("<8I", key), counter, 0, 0, 0]
        s = list(start)
        for _ in range(10):
            for i in range(4):
                _quarter(s, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                _quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        words = [(x + y) & 0xFFFFFFFF for x, y in zip(s, start, strict=True)]
        out += struct.pack("<16I", *words)
        counter += 1
    return out[:n_bytes]
