"""A block of a hundred million bits is hashed in little memory, however often."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qkdlab.distill.carryless.lanes import lanes_of_this_cpu

LONGEST = 100_000_000
MOST_MB = 1500.0
ITS_SHARE_MB = 450.0
"""What the hashes may take of it where the CPU multiplies without carries."""

HASHED = """
import sys

import numpy as np

from qkdlab.bits.array import BitArray
from qkdlab.cli.memory import peak_memory_mb
from qkdlab.distill.toeplitz import toeplitz_hash
from qkdlab.distill.verify import verification_tag

n, method = int(sys.argv[1]), sys.argv[2] or None
words = np.random.default_rng(1).integers(0, 1 << 64, n // 64 + 1, np.uint64)
bits, seed = BitArray.from_words(words, n), BitArray.from_words(words[::-1], n - 1)
for _ in range(int(sys.argv[3])):
    verification_tag(bits, seed[:128], 80)
    toeplitz_hash(bits, seed, int(0.4 * n), method=method).wipe()
    print(peak_memory_mb())
"""


def peaks_mb(n_bits: int, method: str, times: int) -> list[float]:
    """Return the greatest memory of a process of its own after each hash."""
    done = subprocess.run(
        [sys.executable, "-c", HASHED, str(n_bits), method, str(times)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(line) for line in done.stdout.split()]


@pytest.mark.slow
def test_tag_and_hash_take_little_memory_and_the_tenth_no_more_than_the_second():
    peaks = peaks_mb(LONGEST, "", 10)
    assert max(peaks) < (ITS_SHARE_MB if lanes_of_this_cpu() else MOST_MB)
    assert peaks[-1] < peaks[1] + 20.0


@pytest.mark.slow
def test_so_does_the_hash_by_floating_point_that_goes_tile_by_tile():
    # several tiles: more would take time, and only what the strings themselves take
    assert max(peaks_mb(LONGEST // 3, "float-fft", 1)) < MOST_MB - 100
