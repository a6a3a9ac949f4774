"""The decoder's integers: corrections, the box rule, log-likelihood ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plain_ldpc import box

from qkdlab.distill.ldpc.rule import (
    CORRECTION,
    CORRECTION_STEPS,
    LARGEST,
    SCALE,
    box_table,
    llr_of,
)


@pytest.mark.parametrize("z", range(20))
def test_steps_and_table_of_the_correction_agree(z):
    by_steps = sum(z < limit for limit in CORRECTION_STEPS)
    assert by_steps == (CORRECTION[z] if z < 16 else 0)


def test_the_correction_beyond_the_table_rounds_to_zero():
    assert round(SCALE * math.log1p(math.exp(-16 / SCALE))) == 0


def test_box_is_the_plain_one():
    table = box_table()
    rng = np.random.default_rng(1)
    for x, y in rng.integers(0, LARGEST + 1, (500, 2)).tolist():
        assert table[x, y] == box(x, y)


def test_box_is_within_rounding_of_the_exact_rule():
    x, y = np.meshgrid(np.arange(1, 128), np.arange(1, 128), indexing="ij")
    product = np.tanh(x / (2 * SCALE)) * np.tanh(y / (2 * SCALE))
    exact = SCALE * 2 * np.arctanh(product)
    assert np.abs(box_table()[1:, 1:] - exact).max() < 1.01


def test_box_with_nothing_known_is_nothing():
    assert not box_table()[0].any()


def test_ratio_of_one_percent():
    assert llr_of(0.01) == round(6 * math.log(99))
