"""The bench at 1 GHz: from photons to equal keys, and once more from the files."""

from __future__ import annotations

import pytest
from closed_form import assert_as_expected
from finished_run import (
    Finished,
    assert_both_have_a_key,
    assert_files_give_the_same_key,
    assert_traffic_hides_the_generators_key,
    finish,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("1ghz"),
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("runs") / "1ghz"
    return finish(folder, "bb84_1ghz", "seed=8", "parameters.duration_s=4.0")


def test_both_have_the_same_key(done):
    assert_both_have_a_key(done)


def test_gains_and_error_rates_are_those_of_the_closed_form(done):
    assert_as_expected(done.result)


def test_settings_are_assumed_independent_and_not_violated(done):
    status = {a["name"]: a["status"] for a in done.result["assumptions"]}
    assert status["independent settings"] == "assumed"


def test_no_record_of_the_traffic_holds_the_generators_key(done):
    assert_traffic_hides_the_generators_key(done, "alice")


def test_the_files_give_the_same_key_again(done):
    assert_files_give_the_same_key(done)
