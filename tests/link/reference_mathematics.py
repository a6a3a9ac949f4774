"""Sifting, Cascade, verification, amplification and the key length, once more.

Plain Python over lists and integers; imports nothing of qkdlab. Written from the
documents: the schedule in `qkdlab.distill.cascade`, the formulas of Lim et al. 2014.
"""

from __future__ import annotations

import hashlib
import math


def chacha20(key, n_bytes):
    """Key stream of RFC 8439 section 2.4 with counter and nonce zero."""

    def words(data):
        return [int.from_bytes(data[i : i + 4], "little") for i in range(0, 32, 4)]

    def quarter(s, a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> (32 - turn)) & 0xFFFFFFFF

    out = b""
    constants = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    for counter in range(-(-n_bytes // 64)):
        start = [*constants, *words(key), counter, 0, 0, 0]
        s = list(start)
        for _ in range(10):
            for i in range(4):
                quarter(s, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        for a, b in zip(s, start, strict=True):
            out += ((a + b) & 0xFFFFFFFF).to_bytes(4, "little")
    return out[:n_bytes]


def reading_order(seed, number, length):
    label = number.to_bytes(4, "little") + length.to_bytes(4, "little")
    key = hashlib.sha256(b"qkdlab/cascade/1" + seed + label).digest()
    stream = chacha20(key, 8 * length)
    draws = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(length)]
    return sorted(range(length), key=lambda i: (draws[i], i))


def pass_sizes(qber, frame_bits):
    qber = min(max(qber, 1e-4), 0.25)
    half = (frame_bits + 1) // 2
    first = math.floor(0.73 / qber + 0.5)
    sizes = [first, 6 * first, max(4096, 6 * first)] + 16 * [half]
    return [min(size, half) for size in sizes]


class Frame:
    """One frame of one party."""

    def __init__(self, bits, orders, sizes, most, flips):
        self.bits, self.orders, self.flips = bits, orders, flips
        self.sizes = [min(size, (len(bits) + 1) // 2) for size in sizes]
        self.most = most
        self.known = []  # per opened pass: {begin: [end, odd]}
        self.active = []  # (pass, begin, end) under bisection
        self.errors = set()

    def parity(self, number, begin, end):
        return sum(self.bits[self.orders[number][i]] for i in range(begin, end)) % 2

    def correct(self, number, place):
        position = self.orders[number][place]
        assert position not in self.errors
        self.errors.add(position)
        if self.flips:
            self.bits[position] ^= 1
        for other, known in enumerate(self.known):
            here = self.orders[other].index(position)
            begin = max(b for b in known if b <= here)
            known[begin][1] ^= 1

    def questions(self):
        """Return (pass, begin, end) of each parity of this round; None at the end."""
        while True:
            for number, begin, end in self.active:
                if end - begin == 1:
                    self.correct(number, begin)
            self.active = [a for a in self.active if a[2] - a[1] > 1]
            if self.active:
                return [(p, b, (b + e) // 2) for p, b, e in self.active]
            odd = [
                (p, begin, known[begin][0])
                for p, known in enumerate(self.known)
                for begin in sorted(known)
                if known[begin][1]
            ]
            if odd:
                lowest = [a for a in odd if a[0] == odd[0][0]]
                self.active = lowest[: self.most]
                continue
            number = len(self.known)
            if number == len(self.sizes):
                return None
            size, length = self.sizes[number], len(self.bits)
            blocks = [(b, min(b + size, length)) for b in range(0, length, size)]
            self.known.append({begin: [end, 0] for begin, end in blocks})
            asked = blocks if number == 0 else blocks[:-1]
            if asked:
                return [(number, begin, end) for begin, end in asked]

    def answers(self, differences):
        if self.active:
            found = []
            for (p, begin, end), odd in zip(self.active, differences, strict=True):
                middle = (begin + end) // 2
                self.known[p][begin] = [middle, odd]
                self.known[p][middle] = [end, 1 - odd]
                found.append((p, begin, middle) if odd else (p, middle, end))
            self.active = found
            return
        known = self.known[-1]
        begins = sorted(known)
        for begin, odd in zip(begins, differences, strict=False):
            known[begin][1] = odd
        if len(self.known) > 1:
            known[begins[-1]][1] = sum(differences) % 2


class Cascade:
    """One party's half."""

    def __init__(self, bits, *, flips, frame_bits, qber, seed):
        sizes = pass_sizes(qber, frame_bits)
        most = -(-frame_bits // min(sizes[0], (frame_bits + 1) // 2))
        orders = {}
        self.frames = []
        for at in range(0, len(bits), frame_bits):
            piece = bits[at : at + frame_bits]
            if len(piece) not in orders:
                orders[len(piece)] = [
                    reading_order(seed, p, len(piece)) for p in range(len(sizes))
                ]
            self.frames.append(Frame(piece, orders[len(piece)], sizes, most, flips))
        self.frame_bits = frame_bits
        self.rounds = 0
        self.asked = []

    def speak(self):
        """Return this round's parities, or None when all is done."""
        self.asked = [frame.questions() for frame in self.frames]
        mine = [
            frame.parity(*question)
            for frame, questions in zip(self.frames, self.asked, strict=True)
            for question in questions or []
        ]
        return mine or None

    def hear(self, mine, theirs):
        assert len(mine) == len(theirs)
        differences = [a ^ b for a, b in zip(mine, theirs, strict=True)]
        for frame, questions in zip(self.frames, self.asked, strict=True):
            if questions:
                frame.answers(differences[: len(questions)])
                differences = differences[len(questions) :]
        self.rounds += 1

    def string(self):
        return [bit for frame in self.frames for bit in frame.bits]

    def wrong(self):
        """Return the positions where the strings differed."""
        return [
            number * self.frame_bits + position
            for number, frame in enumerate(self.frames)
            for position in sorted(frame.errors)
        ]


def verification(bits, key, tag_bits):
    """Polynomial hash over GF(2^128), x^128 = x^7 + x^2 + x + 1."""

    def times(a, b):
        product = 0
        for i in range(128):
            if a >> i & 1:
                product ^= b << i
        for i in range(product.bit_length() - 1, 127, -1):
            if product >> i & 1:
                product ^= 1 << i | 0x87 << (i - 128)
        return product

    number = sum(bit << i for i, bit in enumerate(bits))
    point = sum(bit << i for i, bit in enumerate(key))
    total = 0
    for block in range(-(-len(bits) // 128)):
        total = times(total ^ (number >> (128 * block) & (2**128 - 1)), point)
    return [total >> i & 1 for i in range(tag_bits)]


def toeplitz(bits, seed, n_output):
    """(I | T) x, T[i, j] = seed[i - j + k - 1]."""
    k = len(bits) - n_output
    return [
        (bits[i] + sum(seed[i - j + k - 1] & bits[n_output + j] for j in range(k))) % 2
        for i in range(n_output)
    ]


def sift(alice_basis, bob_basis, cross):
    """Return the indices of key and test slots."""
    key, test = [], []
    for i, (a, b, x) in enumerate(zip(alice_basis, bob_basis, cross, strict=True)):
        if not x and a == b:
            (test if a else key).append(i)
    return key, test


def lim_2014(n_x, n_z, m_z, p_x, p_z, box, leak, eps_sec, verification_bits):
    """Return equation (1) of Lim et al. 2014, least over the corners of the box.

    The verification term is `verification_bits` instead of log2(2 / eps_cor).
    """
    corners = [(mu1, mu2, mu3) for mu1 in box[0] for mu2 in box[1] for mu3 in box[2]]
    return min(
        lim_at(n_x, n_z, m_z, p_x, p_z, mu, leak, eps_sec, verification_bits)
        for mu in corners
    )


def lim_at(n_x, n_z, m_z, p_x, p_z, mu, leak, eps_sec, verification_bits):
    mu1, mu2, mu3 = mu

    def entropy(x):
        return -x * math.log2(x) - (1 - x) * math.log2(1 - x)

    def corrected(counts, p, sign):
        width = math.sqrt(sum(counts) / 2 * math.log(21 / eps_sec))
        return [
            math.exp(k) / q * (n + sign * width)
            for n, q, k in zip(counts, p, mu, strict=True)
        ]

    def singles(counts, p):
        tau0 = sum(q * math.exp(-k) for q, k in zip(p, mu, strict=True))
        tau1 = sum(q * math.exp(-k) * k for q, k in zip(p, mu, strict=True))
        low, high = corrected(counts, p, -1), corrected(counts, p, 1)
        s0 = max(0.0, tau0 * (mu2 * low[2] - mu3 * high[1]) / (mu2 - mu3))
        s1 = tau1 * mu1 / (mu1 * (mu2 - mu3) - mu2**2 + mu3**2)
        s1 *= low[1] - high[2] - (mu2**2 - mu3**2) / mu1**2 * (high[0] - s0 / tau0)
        return s0, s1, tau1

    s_x0, s_x1, _ = singles(n_x, p_x)
    _, s_z1, tau1 = singles(n_z, p_z)
    high, low = corrected(m_z, p_z, 1), corrected(m_z, p_z, -1)
    v = tau1 * (high[1] - low[2]) / (mu2 - mu3)
    b = v / s_z1
    c, d = s_z1, s_x1
    inside = (c + d) / (c * d * (1 - b) * b) * 21**2 / eps_sec**2
    gamma = math.sqrt((c + d) * (1 - b) * b / (c * d * math.log(2)) * math.log2(inside))
    phi = b + gamma
    logs = 6 * math.log2(21 / eps_sec) + verification_bits
    return s_x0 + s_x1 * (1 - entropy(phi)) - leak - logs
