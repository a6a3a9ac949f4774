"""Single-photon and decoy rates against the digits of theory sections 1 and 2a."""

from __future__ import annotations

import math

import pytest

from qkdlab.security import ma2005
from qkdlab.security.asymptotic import (
    binary_entropy,
    max_qber,
    secret_fraction,
    single_photon_rate,
)

GYS = {"background": 1.7e-6, "misalignment": 0.033}
EFFICIENCY = 1.22
MU, NU = 0.48, 0.05


def crossing(rate, low, high):
    """Return where a falling rate turns negative."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rate(middle) > 0 else (low, middle)
    return low


def channel(km):
    return ma2005.Channel(0.045 * 10 ** (-0.021 * km), **GYS)


@pytest.mark.parametrize(
    ("efficiency", "limit"),
    [
        (1.00, 0.110028),
        (1.10, 0.102283),
        (1.16, 0.098106),
        (1.20, 0.095493),
        (1.22, 0.094235),
    ],
)
def test_greatest_error_rate(efficiency, limit):
    assert max_qber(efficiency) == pytest.approx(limit, abs=6e-7)


@pytest.mark.parametrize(
    ("qber", "shannon", "f116"),
    [
        (0.01, 0.8384, 0.8255),
        (0.02, 0.7171, 0.6945),
        (0.03, 0.6112, 0.5801),
        (0.05, 0.4272, 0.3814),
        (0.08, 0.1956, 0.1313),
    ],
)
def test_secret_fraction(qber, shannon, f116):
    assert secret_fraction(qber, qber, 1.0) == pytest.approx(shannon, abs=6e-5)
    assert secret_fraction(qber, qber, 1.16) == pytest.approx(f116, abs=6e-5)


def test_secret_fraction_near_the_limit():
    assert secret_fraction(0.10, 0.10, 1.0) == pytest.approx(0.06201, abs=6e-6)
    assert secret_fraction(0.10, 0.10, 1.16) < 0


@pytest.mark.parametrize("x", [-0.1, 1.1])
def test_entropy_wants_a_probability(x):
    with pytest.raises(ValueError, match="probability"):
        binary_entropy(x)


def test_entropy_of_certainty_is_zero():
    assert binary_entropy(0.0) == binary_entropy(1.0) == 0.0


@pytest.mark.parametrize(
    ("loss_db", "rate"),
    [(0, 1.205e-2), (10, 1.201e-3), (20, 1.167e-4), (30, 8.504e-6)],
)
def test_single_photons_on_gys_hardware(loss_db, rate):
    eta = 0.045 * 10 ** (-loss_db / 10)
    got = single_photon_rate(eta, efficiency=EFFICIENCY, **GYS)
    assert got == pytest.approx(rate, rel=5e-4)


def test_reach_of_single_photons():
    def rate(km):
        eta = 0.045 * 10 ** (-0.021 * km)
        return single_photon_rate(eta, efficiency=EFFICIENCY, **GYS)

    assert crossing(rate, 100, 250) == pytest.approx(171.50, abs=0.006)


@pytest.mark.parametrize(("efficiency", "mu"), [(1.22, 0.4789), (1.0, 0.5441)])
def test_optimal_mean_photon_number(efficiency, mu):
    got = ma2005.optimal_mean_photon_number(0.033, efficiency)
    assert got == pytest.approx(mu, abs=6e-5)


# km, Q_mu, E_mu, Q_nu, E_nu, Y1, e1, R vacuum + weak, R infinite decoys
TABLE = """
0 2.1370e-2 .033037 2.2492e-3 .033353 4.4385e-2 .035153 2.4142e-3 2.5546e-3
20 8.1802e-3 .033097 8.5676e-4 .033927 1.6868e-2 .035222 9.0777e-4 9.6245e-4
40 3.1190e-3 .033255 3.2687e-4 .035429 6.4131e-3 .035316 3.4209e-4 3.6308e-4
60 1.1880e-3 .033668 1.2534e-4 .039334 2.4391e-3 .035528 1.2806e-4 1.3607e-4
80 4.5289e-4 .034753 4.8708e-5 .049299 9.2835e-4 .036072 4.6847e-5 4.9899e-5
100 1.7326e-4 .037582 1.9572e-5 .073563 3.5399e-4 .037492 1.6020e-5 1.7184e-5
120 6.6929e-5 .044862 8.4949e-6 .12646 1.3563e-4 .041186 4.3686e-6 4.8146e-6
140 2.6500e-5 .062959 4.2833e-6 .21835 5.2615e-5 .050633 7.378e-8 2.465e-7
"""
ROWS = [[float(x) for x in line.split()] for line in TABLE.split("\n") if line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]:g}km")
def test_decoy_table_of_gys(row):
    km, q_mu, e_mu, q_nu, e_nu, y1, e1, rate, rate_infinite = row
    link = channel(km)
    vacuum_weak = ma2005.bounds_vacuum_weak(link, MU, NU)
    close = {"rel": 6e-5}
    assert link.gain(MU) == pytest.approx(q_mu, **close)
    assert link.error_gain(MU) / link.gain(MU) == pytest.approx(e_mu, **close)
    assert link.gain(NU) == pytest.approx(q_nu, **close)
    assert link.error_gain(NU) / link.gain(NU) == pytest.approx(e_nu, **close)
    assert vacuum_weak.yield_1 == pytest.approx(y1, **close)
    assert vacuum_weak.error_1 == pytest.approx(e1, **close)
    # the last row is ill-conditioned (theory section 2a)
    loose = {"rel": 1e-3 if km == 140 else 6e-5}
    got = ma2005.key_rate(link, MU, vacuum_weak, EFFICIENCY)
    assert got == pytest.approx(rate, **loose)
    infinite = ma2005.key_rate(link, MU, link.single_photon(), EFFICIENCY)
    assert infinite == pytest.approx(rate_infinite, **loose)


def test_deviations_of_the_bounds_at_40_km():
    # the paper's example uses nu = 0.12
    link = channel(40)
    found, true = ma2005.bounds_vacuum_weak(link, MU, 0.12), link.single_photon()
    assert 1 - found.yield_1 / true.yield_1 == pytest.approx(0.03510, abs=6e-6)
    assert found.error_1 / true.error_1 - 1 == pytest.approx(0.16779, abs=6e-6)


def test_reach_of_vacuum_and_weak_decoys():
    def rate(km):
        bounds = ma2005.bounds_vacuum_weak(channel(km), MU, NU)
        return ma2005.key_rate(channel(km), MU, bounds, EFFICIENCY)

    assert crossing(rate, 100, 160) == pytest.approx(140.62, abs=0.006)


def test_reach_of_infinite_decoys():
    def rate(km):
        link = channel(km)
        return ma2005.key_rate(link, MU, link.single_photon(), EFFICIENCY)

    assert crossing(rate, 100, 160) == pytest.approx(142.01, abs=0.006)


def test_a_vacuum_as_second_decoy_gives_the_vacuum_and_weak_yield():
    link = channel(40)
    weak = ma2005.bounds_vacuum_weak(link, MU, NU)
    general = ma2005.bounds_two_decoys(link, MU, NU, 0.0)
    assert general.yield_1 == pytest.approx(weak.yield_1, rel=1e-12)
    assert general.error_1 == pytest.approx(weak.error_1, rel=1e-12)


def test_bounds_of_a_dead_link_grant_nothing():
    dark = ma2005.Channel(0.0, 1e-3, 0.033)
    for bounds in (
        ma2005.bounds_vacuum_weak(dark, MU, NU),
        ma2005.bounds_two_decoys(dark, MU, NU, 0.01),
    ):
        assert bounds.yield_1 <= 1e-3 + 1e-12
        assert bounds.error_1 == pytest.approx(0.5)


def test_bounds_never_exceed_the_truth():
    for km in range(0, 140, 10):
        link = channel(km)
        true = link.single_photon()
        for bounds in (
            ma2005.bounds_vacuum_weak(link, MU, NU),
            ma2005.bounds_two_decoys(link, MU, NU, 0.01),
        ):
            assert bounds.yield_1 < true.yield_1
            assert bounds.error_1 > true.error_1
    assert math.isfinite(true.error_1)
