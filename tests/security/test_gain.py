"""Exact tails gain most where blocks are short."""

from __future__ import annotations

import pytest

from qkdlab.cli.benchmarks import GROUPS
from qkdlab.security.gain import lengths_of_block


def test_the_gain_falls_with_the_block():
    blocks = [lengths_of_block(n) for n in (10**6, 10**7, 10**9)]
    gains = [block.exact / block.closed_form for block in blocks]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 2.5
    assert 1 < gains[-1] < 1.02


def test_a_short_block_has_a_key_with_exact_tails_only():
    block = lengths_of_block(3 * 10**5)
    assert block.closed_form == 0
    assert block.exact / block.n_key == pytest.approx(0.167, abs=1e-3)


def test_the_benchmark_tabulates_it():
    figures = {figure.name: figure for figure in GROUPS["security"]()}
    assert figures["secret_fraction_1e+06"].ratio > 2.5
    assert figures["least_block_with_key"].ratio < 0.3
    assert all(figure.group == "security" for figure in figures.values())
