"""Efficiency mismatch: a named figure of the result, and an abort above its limit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.config.load import load
from qkdlab.errors import AbortCode, ConfigError, SecurityAbort
from qkdlab.session.run import run
from qkdlab_experiments.mismatch import calibrated_mismatch
from qkdlab_experiments.parameters import Bb84Parameters

NOW = datetime(2026, 11, 2, tzinfo=UTC)
PARAMETERS = Bb84Parameters.model_validate(
    {
        "intensities": {
            "signal": {"mean_photon_number": 0.5, "probability": 0.4},
            "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
            "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
        },
        "detection": {"bias_ua": [22.0] * 4},
        "limits": {"efficiency_mismatch_max": 0.1},
    }
)


def mismatch(value: float, uncertainty: float, party: str = "bob"):
    record = CalibrationRecord(
        party=party,
        quantity="efficiency_mismatch",
        value=value,
        unit="1",
        uncertainty=uncertainty,
        time=NOW,
        valid_for_s=60.0,
        source="test",
    )
    book = PartyBook(CalibrationBook([record]), "bob", NOW)
    return calibrated_mismatch(book, PARAMETERS)


@pytest.mark.parametrize("value", [0.03, -0.03])
def test_what_it_may_be_is_the_value_and_its_expanded_uncertainty(value):
    # 99 % of a normal distribution lie within 2.576 standard deviations
    assert mismatch(value, 0.02).greatest == pytest.approx(
        0.03 + 2.5758 * 0.02, rel=1e-4
    )


@pytest.mark.parametrize("pair", [(0.0, 0.02), (0.09, 0.0), (0.048, 0.02)])
def test_below_its_limit_it_passes(pair):
    mismatch(*pair).check()


@pytest.mark.parametrize("pair", [(0.0, 0.04), (-0.11, 0.0), (0.05, 0.02)])
def test_above_its_limit_it_aborts_with_its_numbers(pair):
    found = mismatch(*pair)
    with pytest.raises(SecurityAbort) as caught:
        found.check()
    assert caught.value.code is AbortCode.EFFICIENCY_MISMATCH
    assert caught.value.numbers == found.as_dict()


def test_a_bench_that_was_never_balanced_is_refused():
    with pytest.raises(ConfigError, match="efficiency_mismatch"):
        mismatch(0.0, 0.0, party="alice")


@pytest.mark.slow
@pytest.mark.xdist_group("runs")
def test_a_run_aborts_before_any_key_pattern_and_says_why(tmp_path):
    overrides = ["seed=7", "parameters.limits.efficiency_mismatch_max=0.01"]
    config = load("bb84_tiny", overrides=overrides)
    outcome = run(config, tmp_path / "run", lambda what, done, total: None)
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == "calibration-failed"
    assert "balance" in outcome.result["aborted"]["reason"]
    assert outcome.result["secret_bits"] == 0
    assert not outcome.result["clicks"]
