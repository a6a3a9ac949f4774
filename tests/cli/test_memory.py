"""The memory of a process is its own, however large the one that started it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from qkdlab.cli.memory import peak_memory_mb

TOLD = """
from qkdlab.cli.memory import peak_memory_mb
print(peak_memory_mb())
"""


def test_a_small_process_of_a_large_one_is_small():
    large = np.ones(40_000_000)
    done = subprocess.run(
        [sys.executable, "-c", TOLD], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 100.0 < large.nbytes / 2**20 < peak_memory_mb()


def test_the_peak_stays_when_memory_is_given_back():
    before = peak_memory_mb()
    much = np.ones(int((before + 100.0) * 2**17))
    del much
    assert peak_memory_mb() > before + 99.0
