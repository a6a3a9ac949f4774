"""The shipped codes and the tools that made them."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.design.build import LIFTING, RECIPES, build_code
from qkdlab.distill.ldpc.design.construct import Draws, build_base, column_degrees
from qkdlab.distill.ldpc.design.density import binary_entropy, threshold
from qkdlab.distill.ldpc.design.descent import course_of, descend, mix_of
from qkdlab.distill.ldpc.design.search import improve
from qkdlab.distill.ldpc.shipped import FILE, SIZE, codes

SMALL = build_base(10, column_degrees(20, {2: 0.3, 3: 0.5, 5: 0.2}), 31, "test")


def cycles_of_four(base, fold=1):
    """Count pairs of edges of two columns that differ alike in two rows."""
    code = Code(base, fold)
    rows, first = code.rows_of_columns
    # one column of each block stands for all
    met = {}
    found = 0
    for column in range(code.n_bits):
        mine = rows[first[column] : first[column + 1]].tolist()
        for i, one in enumerate(mine):
            for other in mine[:i]:
                pair = min(one, other), max(one, other)
                found += pair in met
                met[pair] = column
    return found


SHORT = [recipe for recipe in RECIPES if recipe.lifting == LIFTING]
LONG = next(recipe for recipe in RECIPES if recipe.n_columns == 960)


@pytest.mark.parametrize(
    "recipe", [SHORT[0], pytest.param(LONG, marks=pytest.mark.slow)]
)
def test_rebuilding_a_code_gives_the_shipped_one(recipe):
    again = build_code(recipe)
    shipped = next(c for c in codes(again.least_fold) if c.leak == again.leak)
    assert again.threshold == pytest.approx(shipped.threshold, rel=2e-3)
    for name in ("degrees", "rows", "shifts"):
        mine, theirs = (getattr(c.base, name) for c in (again, shipped))
        assert np.array_equal(mine, theirs), name


def test_every_recipe_is_shipped():
    shipped = {one.leak for fold in (1, 16) for one in codes(fold)}
    assert shipped == {recipe.leak for recipe in RECIPES}


@pytest.mark.parametrize("fold", [1, 4, 16])
def test_codes_rise_in_leak_and_threshold(fold):
    leaks = [one.leak for one in codes(fold)]
    assert leaks == sorted(leaks)
    thresholds = [one.threshold for one in codes(fold)]
    assert thresholds == sorted(thresholds)


def test_long_codes_stand_for_folds_with_as_few_checks():
    most = max(one.leak for one in codes(16) if one.least_fold == 16)
    folds = [one.leak for one in codes(16) if one.least_fold == 1]
    assert most < min(folds)
    assert folds == [one.leak for one in codes(1)][-len(folds) :]


def test_rates_reach_from_one_half_to_092_in_small_steps():
    leaks = np.array([one.leak for one in codes(1)])
    assert leaks.min() < 0.08
    assert leaks.max() > 0.5
    assert np.diff(leaks).max() < 0.051


def test_the_file_is_small():
    file = files("qkdlab.distill.ldpc").joinpath(FILE)
    assert len(file.read_bytes()) < 140_000


@pytest.mark.parametrize("fold", [1, 4, 16])
def test_codes_of_a_fold_have_its_bits(fold):
    assert {one.at_fold(fold).n_bits for one in codes(fold)} == {fold * SIZE}


@pytest.mark.parametrize("one", codes(1)[::5] + codes(16)[:3], ids=lambda c: c.leak)
def test_shipped_codes_have_no_cycle_of_four(one):
    base = one.base
    differences = set()
    begin = 0
    for degree in base.degrees.tolist():
        edges = range(begin, begin + degree)
        begin += degree
        for i in edges:
            for j in edges:
                if base.rows[i] < base.rows[j]:
                    apart = (int(base.shifts[i]) - int(base.shifts[j])) % base.lifting
                    key = (base.rows[i], base.rows[j], apart)
                    assert key not in differences
                    differences.add(key)
        assert len({int(base.rows[e]) for e in edges}) == degree


def test_construction_avoids_cycles_of_four():
    assert cycles_of_four(SMALL) == 0


def test_a_folded_code_covers_the_code():
    code, folded = Code(SMALL), Code(SMALL, 4)
    assert folded.n_bits == 4 * code.n_bits
    rows, first = code.rows_of_columns
    far_rows, far_first = folded.rows_of_columns
    for column in (0, 50, 619):
        # bit x of the folded block lies over bit x mod Z, its checks over the checks
        block, x = divmod(column, 31)
        over = block * 124 + x + 31
        near = rows[first[column] : first[column + 1]]
        far = far_rows[far_first[over] : far_first[over + 1]]
        under = sorted((c // 124) * 31 + c % 31 for c in far.tolist())
        assert under == sorted(near.tolist())


def test_folding_adds_no_cycle_of_four():
    assert cycles_of_four(SMALL, 4) == 0


def test_rows_of_columns_turn_the_graph_round():
    code = Code(SMALL)
    columns, first = code.graph
    rows, begins = code.rows_of_columns
    by_row = set(zip(columns.tolist(), np.repeat(range(310), np.diff(first)), strict=1))
    by_column = set(zip(np.repeat(range(620), np.diff(begins)), rows, strict=True))
    assert by_row == by_column
    assert np.array_equal(np.diff(begins), code.column_degrees)


def test_labels_name_codes():
    degrees = column_degrees(20, {2: 0.3, 3: 0.5, 5: 0.2})
    again, other = (build_base(10, degrees, 31, label) for label in ("test", "other"))
    assert np.array_equal(again.shifts, SMALL.shifts)
    assert not np.array_equal(other.shifts, SMALL.shifts)


@pytest.mark.parametrize("degrees", [[1, 3, 3], [2, 2, 3], [3, 3, 4]])
def test_impossible_degrees_are_refused(degrees):
    with pytest.raises(ValueError, match="no such base matrix"):
        build_base(2 if degrees[0] < 3 else 3, degrees, 31, "x")


def test_degrees_fill_the_columns():
    degrees = column_degrees(7, {2: 0.5, 3: 0.3, 9: 0.2})
    assert len(degrees) == 7
    assert degrees == sorted(degrees)


def test_draws_are_fixed():
    draws = Draws("label")
    assert [draws.below(1000) for _ in range(3)] == [
        int.from_bytes(_shake("label")[4 * i : 4 * i + 4], "little") % 1000
        for i in range(3)
    ]


def _shake(label):
    import hashlib

    return hashlib.shake_256(label.encode()).digest(16)


@pytest.mark.parametrize(
    ("column", "row", "known"), [(3, 6, 0.084), (4, 8, 0.076), (3, 4, 0.167)]
)
def test_threshold_of_regular_codes_as_published(column, row, known):
    # Richardson and Urbanke, IEEE Trans. IT 47, 599 (2001), belief propagation [mem]
    found = threshold({column: 1.0}, column / row, iterations=400)
    assert found == pytest.approx(known, rel=0.012)


def test_threshold_falls_with_fewer_iterations():
    mix = {2: 0.3, 3: 0.5, 8: 0.2}
    assert threshold(mix, 0.5, iterations=15) < threshold(mix, 0.5, iterations=60)


def test_search_accepts_only_what_is_better():
    rng = np.random.default_rng(3)
    mix = {2: 0.1, 3: 0.7, 10: 0.2}
    degrees = [2, 3, 4, 6, 10]
    tried = [improve(mix, 72, degrees, 0.9, 0, rng) for _ in range(3)]
    assert tried == [None] * 3
    better = [improve(mix, 72, degrees, 0.01, 0, rng) for _ in range(3)]
    assert all(found is not None and found[1] > 0.01 for found in better)


def test_descent_finds_a_mix_of_fewer_iterations():
    shares = np.array([0.1, 0.3, 0.1, 0.1, 0.0, 0.2, 0.1, 0.1, 0.0])
    start, mix = course_of(shares, 0.1, 0.007), mix_of(shares)
    edges = sum(degree * part for degree, part in mix.items())
    found = descend(mix, 0.1, 0.007, edges, steps=3)
    degrees = np.array([degree * found.get(degree, 0.0) for degree in mix])
    assert sum(d * part for d, part in found.items()) == pytest.approx(edges)
    after = course_of(degrees / degrees.sum(), 0.1, 0.007)
    assert after.iterations < start.iterations - 0.5


def test_descent_starts_from_a_mix_that_converges():
    with pytest.raises(ValueError, match="does not converge"):
        descend({3: 1.0}, 0.1, 0.013, 3.0, steps=1)


def test_entropy_of_a_fair_bit_is_one():
    assert binary_entropy(0.5) == 1.0
    assert binary_entropy(0.0) == 0.0
