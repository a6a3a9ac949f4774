"""Detectors that differ too much end a run before any light is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import quick_bench

from qkdlab.config.load import load
from qkdlab.session.run import run

pytestmark = [pytest.mark.xdist_group("quick")]


def test_a_mismatch_above_the_limit_aborts_before_any_key_pattern(
    quick: None, tmp_path: Path
) -> None:
    file = quick_bench.config_file(tmp_path, "demonstration")
    limit = "parameters.limits.efficiency_mismatch_max=0.001"
    config = load(file, overrides=["seed=5", limit])
    outcome = run(config, tmp_path / "run", lambda what, done, total: None)
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == "efficiency-mismatch"
    assert outcome.result["secret_bits"] == 0
    assert quick_bench.Bench.latest.world.frame is None
