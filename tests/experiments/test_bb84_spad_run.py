"""A receiver of avalanche diodes that no instrument sets, to equal keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qkdlab.config.load import load
from qkdlab.session.run import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUICKER = (
    "seed=7",
    "parameters.duration_s=20.0",
    "parameters.calibration.balance_clicks=150000",
    "parameters.calibration.verification_clicks=120000",
    "parameters.calibration.sweep_clicks=40000",
    "parameters.calibration.polarimetry_clicks=8000",
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("runs") / "spad"
    config = load("bb84_spad", overrides=QUICKER)
    return run(config, folder, lambda what, done, total: None).result


def test_both_have_the_same_key(result):
    assert result["aborted"] is None
    assert result["keys_match"] is True
    assert result["secret_bits"] > 0


def test_the_error_rate_is_that_of_splitters_darkness_and_traps(result):
    # 1.2 % of the splitters; dark counts and carriers from traps add some
    for basis in "XZ":
        assert 0.010 < result["qber"][basis]["signal"] < 0.025
