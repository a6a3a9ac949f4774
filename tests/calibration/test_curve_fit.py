"""Weighted least squares: values, uncertainties, and what a misfit does to them."""

import numpy as np
import pytest

from qkdlab.calibration.curve_fit import fit_curve

X = np.linspace(0.0, 1.0, 21)


def line(parameters):
    return parameters[0] + parameters[1] * X


def test_exact_points_give_exact_parameters():
    fit = fit_curve(line, line([2.0, -3.0]), np.full(X.size, 0.1), [0.0, 0.0])
    assert fit.values == pytest.approx([2.0, -3.0], abs=1e-9)
    assert fit.residual < 1e-9


def test_uncertainties_are_those_of_the_points_when_these_fit():
    error = 0.1
    fit = fit_curve(line, line([2.0, -3.0]), np.full(X.size, error), [0.0, 0.0])
    expected = error / np.sqrt(np.sum((X - X.mean()) ** 2))
    assert fit.measured(1).uncertainty == pytest.approx(expected, rel=1e-6)


def test_what_the_model_leaves_over_counts_as_noise():
    noise = 0.5 * np.where(np.arange(X.size) % 2, 1.0, -1.0)
    honest = fit_curve(line, line([2.0, 1.0]) + noise, np.full(X.size, 0.5), [0.0, 0.0])
    told_less = fit_curve(
        line, line([2.0, 1.0]) + noise, np.full(X.size, 0.01), [0.0, 0.0]
    )
    assert told_less.chi_squared > 1000
    assert told_less.measured(1).uncertainty == pytest.approx(
        honest.measured(1).uncertainty, rel=0.1
    )


def test_units_do_not_matter():
    fit = fit_curve(
        lambda p: 1e-9 * (p[0] + 1e6 * p[1] * X),
        1e-9 * (1.0 + 1e6 * 3e-6 * X),
        np.full(X.size, 1e-12),
        [0.5, 1e-6],
    )
    assert fit.values == pytest.approx([1.0, 3e-6], rel=1e-6)
    # 1e-12 of 1e-9 a unit
    assert 1e-4 < fit.measured(0).uncertainty < 1e-3


def test_a_parameter_on_its_bound_is_taken_as_known():
    fit = fit_curve(
        line, line([2.0, -3.0]), np.full(X.size, 0.1), [2.0, 1.0], lower=[-9.0, 0.0]
    )
    assert fit.values[1] == pytest.approx(0.0, abs=1e-6)
    assert fit.measured(1).uncertainty < 1e-6


def test_the_uncertainty_of_a_sum_knows_the_correlation():
    fit = fit_curve(line, line([2.0, -3.0]), np.full(X.size, 0.1), [0.0, 0.0])
    in_the_middle = fit.combined([1.0, float(X.mean())])
    assert in_the_middle == pytest.approx(0.1 / np.sqrt(X.size), rel=1e-6)


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="more points"):
        fit_curve(lambda p: p[:2], np.ones(2), np.ones(2), [1.0, 1.0])
