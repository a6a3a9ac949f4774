"""The packaged attacks on the whole bench: each ends as its file says.

Eve begins when the key block does, which a run without her tells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qkdlab.config.load import load
from qkdlab.session.run import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("attacks"),
    pytest.mark.timeout(900),
]
SEED = "seed=7"


def result(folder: Path, name: str, *overrides: str) -> dict[str, Any]:
    config = load(name, overrides=[SEED, *overrides])
    return run(config, folder, lambda what, done, total: None).result


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return result(tmp_path_factory.mktemp("attacks") / "none", "bb84_tiny")


@pytest.fixture
def begin_s(honest: dict[str, Any]) -> float:
    """Shortly before the key block's first pulse."""
    return float(honest["truth"]["time_ps"]) * 1e-12 - honest["duration_s"] - 0.05


def attacked(folder: Path, name: str, begin_s: float) -> dict[str, Any]:
    return result(folder, name, f"wiring.parts.eve.begin_s={begin_s}")


def test_the_bench_without_her_gives_key(honest: dict[str, Any]) -> None:
    assert honest["secret_bits"] > 0


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("bb84_eve", {"qber-above-limit"}),
        ("bb84_pns", {"no-secret-key", "counts-outside-limits"}),
        ("bb84_time_shift", {"counts-outside-limits"}),
        ("bb84_double_photon", {"cross-clicks-above-limit", "qber-above-limit"}),
        ("bb84_one_basis", {"qber-above-limit"}),
    ],
)
def test_the_attack_ends_without_key(
    tmp_path: Path, begin_s: float, name: str, codes: set[str]
) -> None:
    found = attacked(tmp_path / "run", name, begin_s)
    assert found["secret_bits"] == 0
    assert found["aborted"]["code"] in codes


@pytest.mark.parametrize("name", ["bb84_dead_time", "bb84_eve_partial"])
def test_what_goes_unnoticed_costs_key(
    tmp_path: Path, honest: dict[str, Any], begin_s: float, name: str
) -> None:
    found = attacked(tmp_path / "run", name, begin_s)
    assert found["aborted"] is not None or (
        found["secret_bits"] < honest["secret_bits"]
    )


def test_splitting_is_unseen_in_gain_and_error_of_the_signal(
    tmp_path: Path, honest: dict[str, Any], begin_s: float
) -> None:
    """Only the decoys show her: the attack is the one that decoys are for."""
    found = attacked(tmp_path / "run", "bb84_pns", begin_s)
    gain, usual = (r["gains"]["X"] for r in (found, honest))
    assert gain["signal"] == pytest.approx(usual["signal"], rel=0.1)
    assert gain["decoy"] < 0.6 * usual["decoy"]
    assert found["qber_z"] < 0.02
