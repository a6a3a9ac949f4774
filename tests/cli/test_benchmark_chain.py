"""A whole block between two processes: equal keys, in bounded memory."""

from __future__ import annotations

import pytest

from qkdlab.cli.benchmark_chain import ChainJob, measure_chain

MOST_MB = 1500


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", ["cascade", "cascade-far", "ldpc"])
def test_a_block_of_1e8_sifted_bits_takes_less_than_1500_mb(method):
    found = measure_chain(ChainJob(sifted_bits=10**8, method=method))
    assert found["sifted_bits"] > 99e6
    assert found["secret_bits"] > 0
    assert max(found["memory_mb_alice"], found["memory_mb_bob"]) < MOST_MB
