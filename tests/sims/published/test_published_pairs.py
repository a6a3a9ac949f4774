"""Entangled pairs over fibre agree with closed forms and with the paper."""

from dataclasses import replace

import pytest

from qkdlab_sims.published import honjo_2008
from qkdlab_sims.published.honjo_2008 import BACK_TO_BACK, FAR


def ma_fung_lo(inputs):
    """Gain and error rate after Ma, Fung and Lo 2007, equations 9 and 10."""
    eta_a, eta_b = inputs.transmissions()
    y0 = -2.0 * inputs.dark_rate_hz * inputs.slot_ps * 1e-12
    quiet = 1.0 + y0
    lam = 0.5 * inputs.pairs
    d = 1.0 + eta_a * lam + eta_b * lam - eta_a * eta_b * lam
    alice, bob = 1.0 + eta_a * lam, 1.0 + eta_b * lam
    gain = 1.0 - quiet / alice**2 - quiet / bob**2 + quiet**2 / d**2
    right = 2.0 * (0.5 - inputs.optical_error) * eta_a * eta_b * lam * (1.0 + lam)
    return gain, (0.5 * gain - right / (alice * bob * d)) / gain


@pytest.mark.parametrize("inputs", [BACK_TO_BACK, FAR], ids=lambda i: i.name)
def test_one_mode_has_the_gain_and_error_rate_of_ma_fung_and_lo(inputs):
    ours = honjo_2008.closed_form(inputs, "one")
    assert ours == pytest.approx(ma_fung_lo(inputs), rel=2e-4)


def test_the_fitted_optics_predict_6_70_percent_at_100_km():
    assert honjo_2008.closed_form(BACK_TO_BACK, "one")[1] == pytest.approx(
        0.0235, abs=1e-5
    )
    assert honjo_2008.closed_form(FAR, "one")[1] == pytest.approx(0.0670, abs=5e-5)


def test_many_modes_without_darks_or_errors_err_as_the_paper_says():
    bare = replace(FAR, dark_rate_hz=0.0, optical_error=0.0)
    error = honjo_2008.closed_form(bare, "many")[1]
    assert error == pytest.approx(0.14 / (2.0 * 1.14), rel=1e-3)


def test_what_was_published_lies_between_one_mode_and_many():
    one, many = (honjo_2008.closed_form(FAR, modes)[1] for modes in ("one", "many"))
    assert one < 0.0691 < many


# brighter and less lossy, so that coincidences come quickly
NEAR = replace(
    BACK_TO_BACK, pairs=0.2, loss_alice_db=0.0, loss_bob_db=0.0, dark_rate_hz=1e5
)


@pytest.mark.parametrize("modes", ["one", "many"])
def test_coincidences_and_errors_agree_with_the_closed_form(modes):
    pulses = 1 << 27
    counts = honjo_2008.count(NEAR, modes, pulses, seed=2)
    gain, error = honjo_2008.closed_form(NEAR, modes)
    expected = gain * pulses
    assert abs(counts.both - expected) < 4.0 * expected**0.5
    ours, deviation = counts.error_rate()
    assert abs(ours - error) < 4.0 * deviation


@pytest.mark.parametrize(
    "mutant",
    [{"dark_rate_hz": 2e5}, {"pairs": 0.1}, {"optical_error": 0.05}],
    ids=lambda m: next(iter(m)),
)
def test_a_wrong_parameter_is_caught(mutant):
    counts = honjo_2008.count(replace(NEAR, **mutant), "many", 1 << 27, seed=2)
    ours, deviation = counts.error_rate()
    assert abs(ours - honjo_2008.closed_form(NEAR, "many")[1]) > 5.0 * deviation


def test_a_reduced_run_agrees_with_the_paper():
    found = honjo_2008.simulate(0.015, seed=5)
    assert [one for one in found if not one.agrees or abs(one.pull) > 4.0] == []
