"""One party of Cascade over lists of bits, written from the description alone.

Uses nothing of qkdlab or NumPy: what must interoperate with the real thing is compared
with this.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import struct

from plain_distillation import chacha20


def public_permutation(seed, label, n):
    key = hashlib.sha256(f"qkdlab/permutation/1|{label}|".encode() + seed).digest()
    stream = chacha20(key, 4 * n + 4096)
    draws = iter(struct.unpack(f"<{len(stream) // 4}I", stream))
    order = list(range(n))
    for i in range(n, 1, -1):
        product = i * next(draws)
        while product % 2**32 < 2**32 % i:
            product = i * next(draws)
        other = product >> 32
        order[i - 1], order[other] = order[other], order[i - 1]
    return order


def public_order(seed, number, length):
    return public_permutation(seed, f"cascade pass {number}", length)


def public_subsets(seed, checks, length):
    key = hashlib.sha256(b"qkdlab/cascade/subsets" + seed).digest()
    stream = chacha20(key, checks * length // 8)
    ones = [byte >> bit & 1 for byte in stream for bit in range(8)]
    return [ones[length * c : length * (c + 1)] for c in range(checks)]


def frame_length(n_bits, frame_bits):
    frames = max(1, math.ceil(n_bits / frame_bits))
    return 64 * max(1, math.ceil(n_bits / frames / 64))


def block_sizes(qber, length, far):
    qber = min(max(qber, 1e-4), 0.25)
    first = 2 ** round(math.log2(0.8 / qber))
    second = 8 * first if first * qber < 0.85 else 4 * first
    sizes = [first, 4 * first, 1024, 8192] if far else [first, second, 4096]
    grown = [max(sizes[: p + 1]) for p in range(len(sizes))]
    return [min(size, length // 2) for size in grown]


class PlainFrame:
    """One frame. `passes` holds for each pass {begin: [end, odd]}."""

    def __init__(self, bits, role, sizes, few, orders, subsets):
        self.bits, self.role, self.sizes, self.few = bits, role, sizes, few
        self.orders, self.subsets = orders, subsets
        self.room = max(math.ceil(len(bits) / size) for size in sizes)
        self.passes = []
        self.listed = []  # (pass, begin)
        self.checks = None
        self.search = None
        self.found = []
        self.odd_frame = 0
        self.doing = None

    def parity(self, number, begin, end):
        return sum(self.bits[self.orders[number][i]] for i in range(begin, end)) % 2

    def subset_parity(self, check, begin, end):
        subset = self.subsets[check]
        return sum(self.bits[i] & subset[i] for i in range(begin, end)) % 2

    def prepare(self):
        """Settle what to do in this round; return how many intervals to bisect."""
        self.doing = self._next()
        return len(self.listed) if self.doing == "bisect" else 0

    def ask(self, cuts):
        """Return the parities of this round, of intervals in so many pieces."""
        if self.doing == "open":
            number, length = len(self.passes), len(self.bits)
            size = self.sizes[number]
            blocks = [(b, min(b + size, length)) for b in range(0, length, size)]
            self.passes.append({begin: [end, 0] for begin, end in blocks})
            asked = blocks if number == 0 else blocks[:-1]
            return [self.parity(number, *block) for block in asked]
        if self.doing == "bisect":
            self.pieces = [self._pieces(p, b, cuts) for p, b in self.listed]
            return [
                self.parity(p, *piece)
                for (p, _), pieces in zip(self.listed, self.pieces, strict=True)
                for piece in pieces[:-1]
            ]
        if self.doing == "check":
            return [
                self.subset_parity(c, 0, len(self.bits))
                for c in range(len(self.subsets))
            ]
        if self.doing == "search":
            low, high = self.search
            return [self.subset_parity(self.checks.index(1), low, (low + high) // 2)]
        return []

    def _pieces(self, number, begin, cuts):
        size = self.passes[number][begin][0] - begin
        edges = [begin + j * size // cuts for j in range(cuts + 1)]
        return [(a, b) for a, b in itertools.pairwise(edges) if a < b]

    def _next(self):
        if self.search:
            return "search"
        odd = [(p, b) for p, b in self.listed if self.passes[p][b][1]]
        self.listed = list(dict.fromkeys(odd))
        if not self.listed:
            self.listed = [
                (p, begin)
                for p, known in enumerate(self.passes)
                for begin in sorted(known)
                if known[begin][1]
            ][: self.room]
        if len(self.passes) < len(self.sizes) and len(self.listed) <= self.few:
            return "open"
        if self.listed:
            return "bisect"
        if self.checks is None:
            return "check"
        if any(self.checks):
            self.search = (0, len(self.bits))
            return "search"
        return "done"

    def tell(self, differences):
        if self.doing == "open":
            known = self.passes[-1]
            number = len(self.passes) - 1
            begins = sorted(known)
            if number == 0:
                self.odd_frame = sum(differences) % 2
            else:
                implied = (self.odd_frame + sum(differences)) % 2
                differences = [*differences, implied]
            for begin, odd in zip(begins, differences, strict=True):
                known[begin][1] = odd
                if odd:
                    self._list(number, begin)
        elif self.doing == "bisect":
            self._divide(differences)
        elif self.doing == "check":
            self.checks = list(differences)
        elif self.doing == "search":
            low, high = self.search
            middle = (low + high) // 2
            low, high = (low, middle) if differences[0] else (middle, high)
            self.search = (low, high)
            if high - low == 1:
                self.search = None
                assert self.subsets[self.checks.index(1)][low]
                self._correct(low)

    def _divide(self, differences):
        listed, self.listed, more, ends = self.listed, [], [], []
        differences = iter(differences)
        for (p, _), pieces in zip(listed, self.pieces, strict=True):
            odd = [next(differences) for _ in pieces[:-1]]
            odd.append(1 - sum(odd) % 2)
            where = self.listed
            for (start, end), is_odd in zip(pieces, odd, strict=True):
                self.passes[p][start] = [end, is_odd]
                if is_odd and end - start == 1:
                    ends.append((p, start))
                elif is_odd:
                    where.append((p, start))
                    where = more
        self.listed += more[: self.room - len(listed)]
        for p, place in ends:
            if self.passes[p][place][1]:
                self._correct(self.orders[p][place], p)

    def _correct(self, position, own=None):
        assert position not in self.found
        self.found.append(position)
        self.odd_frame ^= 1
        if self.role == "bob":
            self.bits[position] ^= 1
        for p, known in enumerate(self.passes):
            place = self.orders[p].index(position)
            begin = max(b for b in known if b <= place)
            known[begin][1] ^= 1
            if known[begin][1] and p != own:
                assert known[begin][0] - begin > 1
                self._list(p, begin)
        if self.checks is not None:
            for c, subset in enumerate(self.subsets):
                self.checks[c] ^= subset[position]

    def _list(self, number, begin):
        if len(self.listed) < self.room:
            self.listed.append((number, begin))


class PlainCascade:
    """One party's half of one batch."""

    def __init__(self, role, bits, frame_bits, qber, seed, *, far=False):
        length = frame_length(len(bits), frame_bits)
        sizes = block_sizes(qber, length, far)
        orders = [public_order(seed, p, length) for p in range(len(sizes))]
        subsets = public_subsets(seed, 16, length)
        self.n_bits, self.length, self.frames = len(bits), length, []
        for at in range(0, len(bits), length):
            piece = list(bits[at : at + length])
            piece += [0] * (length - len(piece))
            few = 4 if far else 1
            frame = PlainFrame(piece, role, sizes, few, orders, subsets)
            self.frames.append(frame)
        errors = min(max(qber, 1e-4), 0.02) * 64 * length
        self.crowd = [round(errors / n) for n in (160, 400, 1000)] if far else []
        self._counts = []

    def ask(self):
        """Return this round's parities; none when all is done."""
        listed = sum(frame.prepare() for frame in self.frames)
        few = sum(64 * listed <= n * len(self.frames) for n in self.crowd)
        answers = [frame.ask(2 << few) for frame in self.frames]
        self._counts = [len(answer) for answer in answers]
        return [bit for answer in answers for bit in answer]

    def tell(self, differences):
        at = 0
        for frame, count in zip(self.frames, self._counts, strict=True):
            if count:
                frame.tell(differences[at : at + count])
            at += count

    def corrected(self):
        return [bit for frame in self.frames for bit in frame.bits][: self.n_bits]

    def wrong(self):
        """Return the positions where the strings differed."""
        return sorted(
            number * self.length + position
            for number, frame in enumerate(self.frames)
            for position in frame.found
        )
