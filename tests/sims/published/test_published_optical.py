"""Links by light through fibre and air agree with closed forms and with the papers."""

from dataclasses import replace

import pytest

from qkdlab_sims.published import boaron_2018, gobby_2004, lucamarini_2013, micius_2017

REDUCED = {
    gobby_2004: 0.03,
    lucamarini_2013: 0.02,
    micius_2017: 0.1,
    boaron_2018: 0.5,
}


@pytest.fixture(scope="module", params=REDUCED, ids=lambda m: m.__name__.split(".")[-1])
def found(request):
    return request.param.simulate(REDUCED[request.param], seed=5)


def test_simulated_figures_agree_with_the_closed_form(found):
    assert {one.quantity: one.pull for one in found if abs(one.pull) > 4.0} == {}


def test_figures_agree_with_the_published_within_what_is_stated(found):
    assert [one for one in found if not one.agrees] == []


def test_gobby_by_closed_form_is_8_96_percent_at_122_km():
    gain, error = gobby_2004.closed_form(122.0, gobby_2004.INPUTS)
    assert gain == pytest.approx(1.404e-5, rel=1e-3)
    assert error == pytest.approx(0.0896, abs=1e-4)


def test_dark_counts_of_the_pair_taken_for_those_of_each_detector_are_caught():
    doubled = replace(gobby_2004.INPUTS, dark_per_gate=1.7e-6)
    counts = gobby_2004.tally(122.0, doubled, 1 << 30, seed=3)
    ours, deviation = counts.error_rate(0)
    expected = gobby_2004.closed_form(122.0, gobby_2004.INPUTS)[1]
    assert ours - expected > 6.0 * deviation


def test_light_with_unmatched_bases_errs_half_the_time():
    counts = gobby_2004.tally(65.0, gobby_2004.INPUTS, 1 << 26, seed=3)
    ours, deviation = counts.error_rate(1)
    assert abs(ours - 0.5) < 4.0 * deviation


# vacuum often enough for a yield that is known to 2 %
DARKER = replace(lucamarini_2013.INPUTS, shares=(0.5, 0.0, 0.5))


def yield_of(inputs):
    counts = lucamarini_2013.tally(inputs, 1 << 25, seed=3)
    return counts.gain(2, 0.5)


def test_the_yield_without_light_is_darks_and_afterpulses():
    ours, deviation = yield_of(DARKER)
    light = DARKER.transmission * DARKER.intensities[2]
    y0, _ = lucamarini_2013.closed_form(DARKER)
    assert abs(ours - light - y0) < 4.0 * deviation


@pytest.mark.parametrize("mutant", [{"dark_per_gate": 4.2e-5}, {"afterpulses": 0.0}])
def test_a_yield_with_other_darks_or_no_afterpulses_is_caught(mutant):
    ours, deviation = yield_of(replace(DARKER, **mutant))
    y0, _ = lucamarini_2013.closed_form(DARKER)
    assert abs(ours - y0) > 5.0 * deviation


def test_without_afterpulses_the_yield_is_that_of_two_dark_gates():
    y0, _ = lucamarini_2013.closed_form(replace(lucamarini_2013.INPUTS, afterpulses=0))
    assert y0 == pytest.approx(1.0 - (1.0 - 2.1e-5) ** 2, rel=1e-9)


def test_the_budget_of_the_satellite_is_43_db_far_and_32_db_near():
    assert micius_2017.INPUTS.loss_db(1_200e3) == pytest.approx(43.01, abs=0.05)
    assert micius_2017.INPUTS.loss_db(645e3) == pytest.approx(32.22, abs=0.08)


def test_a_kilobit_a_second_takes_43_01_db_and_twelve_32_22_db():
    dim = replace(micius_2017.INPUTS, dark_rate_hz=0.0)
    assert micius_2017.closed_form(43.01, dim)[0] == pytest.approx(1e3, rel=2e-3)
    assert micius_2017.closed_form(32.22, dim)[0] == pytest.approx(12e3, rel=2e-3)


def test_sifted_bits_are_that_share_of_detections_that_was_published():
    rates = micius_2017.closed_form(38.0, replace(micius_2017.INPUTS, dark_rate_hz=0.0))
    assert rates[0] / rates[1] == pytest.approx(1_671_072 / 3_551_136, rel=1e-3)


def test_a_satellite_seen_by_every_second_detector_is_caught():
    inputs = micius_2017.INPUTS
    half = replace(inputs, efficiency=0.25)
    counts = micius_2017.count(half, 645e3, 1.0, seed=3)
    law, _ = micius_2017.closed_form(inputs.loss_db(645e3), inputs)
    assert counts.sifted / counts.seconds < 0.6 * law
