"""Cascade as the textbook has it, in plain Python, to measure against.

Brassard and Salvail 1993 [mem]: four passes, blocks of 0.73 / e and twice as long from
pass to pass, binary search by questions to Alice, errors traced back through the blocks
of earlier passes.
"""

from __future__ import annotations

import random
import time

__all__ = ["textbook_cascade"]

_PASSES = 4


def textbook_cascade(qber: float, n_bits: int, seed: int = 1) -> dict[str, float]:
    """Correct one string; return its Mb/s of CPU time, f and the errors left over.

    f_one_way: Alice's parities over n h(e) of the errors that there were
    """
    from qkdlab.security.asymptotic import binary_entropy

    dice = random.Random(seed)  # noqa: S311 -- these bits are nobody's secret
    alice = [dice.getrandbits(1) for _ in range(n_bits)]
    bob = [bit ^ (dice.random() < qber) for bit in alice]
    wrong = sum(a != b for a, b in zip(alice, bob, strict=True))
    rate = max(wrong, 1) / n_bits
    begin_s = time.thread_time()
    asked = _correct(alice, bob, max(2, round(0.73 / qber)), dice)
    cpu_s = time.thread_time() - begin_s
    return {
        "mbps": n_bits / 1e6 / cpu_s,
        "f_one_way": asked / (n_bits * binary_entropy(rate)),
        "errors_left": sum(a != b for a, b in zip(alice, bob, strict=True)),
    }


def _correct(
    alice: list[int], bob: list[int], first_block: int, dice: random.Random
) -> int:
    """Correct Bob's string in place; return how many parities Alice told."""
    n_bits, asked = len(alice), 0
    passes: list[tuple[list[list[int]], list[int]]] = []
    for number in range(_PASSES):
        order = list(range(n_bits))
        if number:
            dice.shuffle(order)
        size = min(first_block << number, n_bits)
        blocks = [order[i : i + size] for i in range(0, n_bits, size)]
        where = [0] * n_bits
        for index, block in enumerate(blocks):
            for position in block:
                where[position] = index
        passes.append((blocks, where))
        asked += len(blocks)
        odd = [block for block in blocks if _parity(alice, block, bob)]
        while odd:
            block = odd.pop()
            if not _parity(alice, block, bob):
                continue
            position, told = _search(alice, bob, block)
            asked += told
            bob[position] ^= 1
            for blocks_then, where_then in passes:
                other = blocks_then[where_then[position]]
                if _parity(alice, other, bob):
                    odd.append(other)
            odd.sort(key=len, reverse=True)
    return asked


def _parity(alice: list[int], block: list[int], bob: list[int]) -> int:
    """Return the parity of the errors in a block."""
    return sum(alice[i] for i in block) + sum(bob[i] for i in block) & 1


def _search(alice: list[int], bob: list[int], block: list[int]) -> tuple[int, int]:
    """Return an error of an odd block, and how many parities Alice told for it."""
    told = 0
    while len(block) > 1:
        half = block[: len(block) // 2]
        told += 1
        block = half if _parity(alice, half, bob) else block[len(block) // 2 :]
    return block[0], told
