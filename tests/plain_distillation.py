"""Distillation written slowly and plainly from its description, bit by bit.

Uses nothing of qkdlab: strings of bits are lists of 0 and 1. What must interoperate
with the real thing is compared with this.
"""

from __future__ import annotations

import hashlib
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


def public_order(seed: bytes, pass_index: int, length: int) -> list[int]:
    label = struct.pack("<II", pass_index, length)
    key = hashlib.sha256(b"qkdlab/cascade/1" + seed + label).digest()
    numbers = struct.unpack(f"<{length}Q", chacha20(key, 8 * length))
    return sorted(range(length), key=lambda position: (numbers[position], position))


class PlainCascadeFrame:
    """One frame of one party. `passes` holds one dict of known intervals per pass."""

    def __init__(self, bits, role, sizes, orders, batch):
        self.bits, self.role = bits, role
        self.sizes, self.orders, self.batch = sizes, orders, batch
        self.passes: list[dict[tuple[int, int], int]] = []
        self.active: list[tuple[int, int]] = []
        self.active_pass = 0
        self.questions: list[tuple[int, int, int]] = []
        self.opening = False
        self.found: list[int] = []

    def parity(self, p: int, a: int, b: int) -> int:
        return sum(self.bits[self.orders[p][place]] for place in range(a, b)) % 2

    def ask(self) -> list[int]:
        self.questions = self._questions()
        return [self.parity(p, a, b) for p, a, b in self.questions]

    def _questions(self) -> list[tuple[int, int, int]]:
        while True:
            for a, b in self.active:
                if b - a == 1:
                    self._correct(self.orders[self.active_pass][a])
            self.active = [(a, b) for a, b in self.active if b - a > 1]
            if self.active:
                self.opening = False
                return [(self.active_pass, a, (a + b) // 2) for a, b in self.active]
            for p, known in enumerate(self.passes):
                odd = sorted(interval for interval, parity in known.items() if parity)
                if odd:
                    self.active, self.active_pass = odd[: self.batch], p
                    break
            else:
                p = len(self.passes)
                if p == len(self.sizes):
                    return []
                n, k = len(self.bits), self.sizes[p]
                blocks = [(a, min(a + k, n)) for a in range(0, n, k)]
                self.passes.append(dict.fromkeys(blocks, 0))
                self.opening = True
                asked = blocks if p == 0 else blocks[:-1]
                if asked:
                    return [(p, a, b) for a, b in asked]

    def tell(self, differences: list[int]) -> None:
        if not differences:
            return
        if self.opening:
            known = self.passes[-1]
            for (_, a, b), odd in zip(self.questions, differences, strict=True):
                known[a, b] = odd
            if len(self.passes) > 1:
                known[max(known)] = sum(differences) % 2
            return
        known, still = self.passes[self.active_pass], []
        for (a, b), odd in zip(self.active, differences, strict=True):
            middle = (a + b) // 2
            del known[a, b]
            known[a, middle], known[middle, b] = odd, 1 - odd
            still.append((a, middle) if odd else (middle, b))
        self.active = still

    def _correct(self, position: int) -> None:
        assert position not in self.found
        self.found.append(position)
        if self.role == "bob":
            self.bits[position] ^= 1
        for p, known in enumerate(self.passes):
            place = self.orders[p].index(position)
            for a, b in known:
                if a <= place < b:
                    known[a, b] ^= 1


class PlainCascade:
    """One party of Cascade over lists."""

    def __init__(self, role, bits, frame_bits, qber_estimate, seed):
        def sizes(length: int) -> list[int]:
            first = int(0.73 / min(max(qber_estimate, 1e-4), 0.25) + 0.5)
            half = (length + 1) // 2
            wanted = [first, 6 * first, max(4096, 6 * first)] + [half] * 16
            return [min(size, half) for size in wanted]

        batch = -(-frame_bits // sizes(frame_bits)[0])
        self.frames = []
        for start in range(0, len(bits), frame_bits):
            piece = list(bits[start : start + frame_bits])
            orders = [public_order(seed, p, len(piece)) for p in range(19)]
            self.frames.append(
                PlainCascadeFrame(piece, role, sizes(len(piece)), orders, batch)
            )
        self._lengths: list[int] = []

    def ask(self) -> list[int]:
        answers = [frame.ask() for frame in self.frames]
        self._lengths = [len(answer) for answer in answers]
        return [bit for answer in answers for bit in answer]

    def tell(self, differences: list[int]) -> None:
        start = 0
        for frame, length in zip(self.frames, self._lengths, strict=True):
            frame.tell(differences[start : start + length])
            start += length

    def corrected(self) -> list[int]:
        return [bit for frame in self.frames for bit in frame.bits]
