"""The cap on what the messages disclose follows the light as it was calibrated."""

from __future__ import annotations

import pytest
from active_parameters_at_hand import FIELDS, P, book, records_of

from qkdlab.distill.ldpc.plan import leak_per_bit, plan_frames
from qkdlab.errors import QkdlabError
from qkdlab.security.asymptotic import binary_entropy
from qkdlab_experiments.active_parameters import ActiveBb84Parameters
from qkdlab_experiments.leak_cap import LEAK_FACTORS, leak_cap_bits, leak_factor


def cap(p=P, **changes):
    return leak_cap_bits(records_of("alice", **changes), p)


def parameters(**changes):
    return ActiveBb84Parameters.model_validate({**FIELDS, **changes})


def test_it_is_the_factor_times_the_shannon_limit_of_the_sifted_bits():
    p = parameters(security={"leak_factor": 1.0}, duration_s=1.0)
    # of 10^9 pulses: (0.4 0.00886 + 0.4 0.003554 + 0.2 0.0000356) click, live 0.77
    clicks = 0.4 * 0.008860 + 0.4 * 0.003554 + 0.2 * 0.0000356
    sifted = 0.85 * 0.8 * 1e9 * clicks / (1 + 60 * clicks)
    expected = sifted * binary_entropy(0.012)
    assert cap(p, error_rate_x=(0.012, 0.0)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("method", "factor"),
    [("cascade", 2.25), ("cascade-far", 2.35), ("ldpc", 1.35), ("auto", 2.35)],
)
def test_without_a_factor_it_follows_the_methods_that_the_plan_allows(method, factor):
    p = parameters(distillation={"reconciliation": method})
    told = parameters(
        distillation={"reconciliation": method}, security={"leak_factor": factor}
    )
    assert leak_factor(p) == factor
    assert cap(p) == cap(told)


@pytest.mark.parametrize("qber", [0.005, 0.012, 0.03, 0.1])
@pytest.mark.parametrize("n_bits", [60_000, 10**6, 3 * 10**7])
def test_what_ldpc_plans_to_disclose_stays_below_its_cap(n_bits, qber):
    plan = plan_frames(n_bits, qber, bytes(32))
    planned = leak_per_bit(qber, plan.n_key) / binary_entropy(qber)
    assert 1.04 * planned < LEAK_FACTORS["ldpc"] < 1.25 * planned


def test_it_takes_the_upper_end_of_the_error_rate():
    # 99 % of a normal distribution lie within 2.576 standard deviations
    shifted = cap(error_rate_x=(0.012 + 2.5758 * 2e-4, 0.0))
    assert cap() == pytest.approx(shifted, rel=1e-4)


def test_it_grows_with_the_link_time():
    assert cap(parameters(duration_s=1.0)) == pytest.approx(
        2 * cap(parameters(duration_s=0.5)), rel=1e-3
    )


def test_an_unknown_error_rate_allows_every_bit_and_no_more():
    p = parameters(security={"leak_factor": 1.0})
    assert cap(p, error_rate_x=(0.5, 0.5)) == cap(p, error_rate_x=(0.5, 0.0))


def test_what_no_record_tells_ends_the_block():
    with pytest.raises(QkdlabError, match="error_rate_x"):
        leak_cap_bits(book("alice", {}), P)
