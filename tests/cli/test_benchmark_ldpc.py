"""Benchmark rows of LDPC: what they count, and the decoder beside them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from plain_ldpc import small_code

from qkdlab.cli import benchmark_ldpc
from qkdlab.cli import textbook_ldpc as textbook_ldpc_module
from qkdlab.cli.textbook_ldpc import sum_product, textbook_ldpc
from qkdlab.distill.ldpc.plan import plan_frames


@pytest.fixture(scope="module")
def found():
    return benchmark_ldpc.measure(0.03, 130_000)


def test_all_that_was_sent_is_in_the_two_way_count(found):
    assert found["leaked_bits_two_way"] > found["leaked_bits_one_way"]
    assert found["f_two_way"] > found["f_one_way"] >= found["f_before_blind_rounds"]


def test_flags_are_the_difference_of_the_counts_without_blind_rounds(found):
    back = found["leaked_bits_two_way"] - found["leaked_bits_one_way"]
    assert found["frames"] <= back <= found["frames"] + 4 * found["failed_frames"]


def test_strings_add_up(found):
    twice = benchmark_ldpc.measure(0.03, 130_000, strings=2)
    assert twice["bits"] == 2 * found["bits"]
    assert twice["frames"] == 2 * found["frames"]
    assert twice["leaked_bits_two_way"] > 1.9 * found["leaked_bits_two_way"]
    assert 0.9 < twice["f_one_way"] / found["f_one_way"] < 1.1


def test_the_interval_holds_the_rate(found):
    low, high = found["frame_error_rate_95"]
    assert low <= found["failed_frames"] / found["frames"] <= high


def test_rows_are_named_by_error_rate(monkeypatch):
    monkeypatch.setattr(benchmark_ldpc, "_BITS", 70_000)
    monkeypatch.setattr(benchmark_ldpc, "STRINGS", 1)
    monkeypatch.setattr(textbook_ldpc_module, "textbook_ldpc", lambda _: ("x", 1.0))
    figures = benchmark_ldpc.ldpc()
    assert [f.name for f in figures] == [
        f"ldpc_{percent}pct" for percent in ("0.5", "1", "2", "3", "5", "8", "10")
    ]
    assert all(f.baseline_value > 0 for f in figures)


def test_the_plain_decoder_corrects_a_frame():
    plan = plan_frames(70_000, 0.02, b"")
    columns, first = plan.code.graph
    channel = np.full(plan.code.n_bits, 0.008)
    errors = (np.random.default_rng(1).random(channel.size) < channel).astype(np.uint8)
    syndrome = np.bitwise_xor.reduceat(errors[columns], first[:-1])
    assert np.array_equal(sum_product(columns, first, channel, syndrome), errors)


def test_the_decoder_beside_says_what_it_is():
    code, none = small_code(), np.zeros(0, np.int32)
    plan = SimpleNamespace(
        code=code, qber=0.02, shortened=none, punctured=none, n_key=code.n_bits
    )
    what, mbps = textbook_ldpc(plan)
    assert what in ("sum-product in NumPy", "PyPI ldpc, product-sum")
    assert mbps > 0
