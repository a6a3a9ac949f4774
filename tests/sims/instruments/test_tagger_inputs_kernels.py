"""The compiled discriminator against one edge after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.tagger_inputs._kernels import discriminate


def slow(
    t: list[int], words: list[int], rms: float, shift: int, last: int, dead: int
) -> list[int]:
    out = []
    for at, word in zip(t, words, strict=True):
        parts = [(word >> k) & 0xFFFF for k in (0, 16, 32, 48)]
        noise = (sum(parts) - 2 * 65535) * 3**0.5 / 65535
        edge = max(last, at + shift + round(noise * rms))
        if edge - last >= dead:
            out.append(edge)
            last = edge
    return out


@given(
    t=st.lists(st.integers(0, 10**6), max_size=30).map(sorted),
    seed=st.integers(0, 1000),
    rms=st.sampled_from([0.0, 10.0, 5000.0]),
    shift=st.integers(0, 10_000),
    dead=st.integers(0, 100_000),
)
def test_it_equals_the_slow_reference(
    t: list[int], seed: int, rms: float, shift: int, dead: int
) -> None:
    words = np.random.default_rng(seed).integers(0, 1 << 64, len(t), np.uint64)
    out = np.empty(len(t), np.int64)
    n = discriminate(np.array(t, np.int64), words, rms, shift, -500, dead, out)
    expected = slow(t, [int(w) for w in words], rms, shift, -500, dead)
    assert out[:n].tolist() == expected
