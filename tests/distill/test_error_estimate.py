"""Reconciliation steered by an estimate from 0.2 % to 11 % that is a third off.

No bit of the key is sampled: the estimate is the error rate of the test basis, which is
disclosed anyway, and the errors of the key are counted when they have been corrected.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import CascadeFrames

N_BITS = 4 * 65536
QBERS = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.11]


def reconciled(qber, estimate, pace="near"):
    """Return whether both strings are equal then, and f of one party's parities."""
    rng = np.random.default_rng(round(1e4 * qber))
    errors = BitArray.from_bools(rng.random(N_BITS) < qber)
    mine = BitArray.from_words(rng.integers(0, 1 << 64, N_BITS // 64, "u8"), N_BITS)
    alice, bob = (
        CascadeFrames(
            role,
            bits,
            frame_bits=65536,
            qber_estimate=estimate,
            public_seed=b"seed",
            pace=pace,
        )
        for role, bits in (("alice", mine), ("bob", mine ^ errors))
    )
    parities = 0
    for batch in range(alice.batches):
        hers, his = alice.half(batch), bob.half(batch)
        while (from_alice := hers.next_round()) is not None:
            from_bob = his.next_round()
            hers.feed(from_bob)
            his.feed(from_alice)
        assert his.next_round() is None
        parities += hers.parities
        alice.release(hers)
        bob.release(his)
    q = errors.count() / N_BITS
    entropy = -q * math.log2(q) - (1 - q) * math.log2(1 - q)
    return alice.corrected() == bob.corrected(), parities / (N_BITS * entropy)


@pytest.mark.parametrize("qber", QBERS)
@pytest.mark.parametrize("off", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("pace", ["near", "far"])
def test_an_estimate_a_third_off_costs_little(qber, off, pace):
    equal, efficiency = reconciled(qber, off * qber, pace)
    assert equal
    assert 1.0 < efficiency < 1.18


@pytest.mark.parametrize("qber", QBERS)
def test_no_estimate_at_all_costs_a_fifth_and_no_error(qber):
    equal, efficiency = reconciled(qber, 0.0)
    assert equal
    assert efficiency < 1.2


@pytest.mark.parametrize("qber", [0.002, 0.01, 0.03])
def test_an_estimate_eight_times_too_high_would_cost_more(qber):
    # what the bound of the first test catches
    equal, efficiency = reconciled(qber, 8 * qber)
    assert equal
    assert efficiency > 1.2
