"""`chsh`, from pairs to S, beside the closed form of a Werner state and its chances."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qkdlab.calibration.measured import Measured
from qkdlab.config.load import load
from qkdlab.errors import ConfigError, UsageError
from qkdlab.runfile.reader import open_run
from qkdlab.session.run import run
from qkdlab.wiring.rules import check
from qkdlab_experiments.entanglement.correlations import (
    SETTINGS,
    Correlation,
    chsh,
    fit_fringe,
)
from qkdlab_experiments.entanglement.counting import lateness_ps

pytestmark = [pytest.mark.xdist_group("runs"), pytest.mark.timeout(600)]

GOOD = 0.97
WEAK = 0.6
NOISY_HZ = 200_000.0
DIODES = ("d_a0", "d_a1", "d_b0", "d_b1")


def figures(folder: Path, *overrides: str) -> dict[str, Any]:
    quick = ("seed=7", "parameters.dark_s=0.2", "parameters.fringe_s=0.03")
    config = load("chsh", overrides=[*quick, *overrides])
    return run(config, folder / "chsh", lambda *_: None).result


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return figures(tmp_path_factory.mktemp("runs"), "parameters.duration_s=0.25")


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return figures(
        tmp_path_factory.mktemp("runs"),
        "parameters.duration_s=0.1",
        f"wiring.parts.crystal.state.visibility={WEAK}",
        *(f"wiring.parts.{d}.dark_rate_hz={NOISY_HZ}" for d in DIODES),
    )


def genuine_share(dark_hz: float) -> float:
    """Return how many coincidences are of one pair: Poissonian pairs, dark clicks.

    Clicks count as coincident within 1.5 ns; dark ones come at any time of 12.5 ns.
    """
    dark_a = dark_b = 2 * dark_hz
    lit_a, lit_b = (0.01 * h * 10**-0.1 * 0.6 for h in (0.5, 0.4))
    one_dark = (lit_a * dark_b + lit_b * dark_a) * 3e-9
    chance = lit_a * lit_b + one_dark + dark_a * dark_b * 3e-9 * 12.5e-9
    together = lit_a * lit_b / 0.01
    return together / (together + chance)


def seen(visibility: float) -> float:
    """Return the visibility behind two polarizing splitters of 40 dB."""
    return visibility * ((1 - 1e-4) / (1 + 1e-4)) ** 2


def near(found: dict[str, Any], name: str, expected: float, sharp: float) -> bool:
    sigma = found[f"{name}_uncertainty"]
    return bool(abs(found[name] - expected) < 4.5 * sigma and sigma < sharp)


def test_entangled_pairs_violate_the_inequality(good) -> None:
    assert good["chsh"] > 2 + 10 * good["chsh_uncertainty"]


def test_s_is_two_root_two_of_the_visibility_and_the_genuine_share(good) -> None:
    expected = 2 * math.sqrt(2) * seen(GOOD) * genuine_share(300.0)
    assert near(good, "chsh", expected, 0.03)


def test_each_correlation_is_the_cosine_of_twice_the_angle(good) -> None:
    for name, (ours_deg, theirs_deg) in SETTINGS.items():
        cosine = math.cos(2 * math.radians(ours_deg - theirs_deg))
        expected = seen(GOOD) * genuine_share(300.0) * cosine
        assert near(good, f"correlation_{name}", expected, 0.02)
        beside = good[f"expected_correlation_{name}"]
        assert beside == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("which", "visibility"), [("good", GOOD), ("weak", WEAK)])
def test_visibility_is_recovered(which, visibility, request) -> None:
    found = request.getfixturevalue(which)
    assert near(found, "visibility", seen(visibility), 0.02)


def test_pairs_below_seven_tenths_of_visibility_keep_the_inequality(weak) -> None:
    assert weak["chsh"] < 2 - 5 * weak["chsh_uncertainty"]
    expected = 2 * math.sqrt(2) * seen(WEAK) * genuine_share(NOISY_HZ)
    assert near(weak, "chsh", expected, 0.05)


@pytest.mark.parametrize(("which", "dark_hz"), [("good", 300.0), ("weak", NOISY_HZ)])
def test_accidental_coincidences_are_those_of_clicks_by_chance(
    which, dark_hz, request
) -> None:
    found = request.getfixturevalue(which)
    expected = 1 - genuine_share(dark_hz)
    for name, share in found["genuine_share"].items():
        # of 32 lags
        noise = math.sqrt(expected / 32 / found["coincidences"][name])
        assert abs(1 - share - expected) < 4.5 * noise


def test_the_fringe_tells_how_the_plates_stand(good, weak) -> None:
    for found in (good, weak):
        zeros = found["truth"]["plate_zero_deg"]
        # half-wave plates: analysers turn by twice their angle
        expected = 2 * (zeros["plate_a"] - zeros["plate_b"])
        off = (found["fringe_centre_deg"] - expected + 90) % 180 - 90
        sigma_deg = found["fringe_centre_deg_uncertainty"]
        assert abs(off) < 4.5 * sigma_deg
        assert sigma_deg < 1.0
        assert abs(expected % 180) > 5


def test_the_tags_that_were_counted_are_on_record(good) -> None:
    with open_run(Path(good["run_files"]["bob"])) as file:
        assert file.n_tags == good["clicks"] > sum(good["coincidences"].values())


def test_the_packaged_bench_breaks_no_rule() -> None:
    assert check(load("chsh")) == []


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("parameters.source_visibility=1.1", "less than or equal to 1"),
        ("parameters.fringe_points=3", "greater than or equal to 4"),
        ("parameters.half_gate_ps=6250", "below half of symbol_period_ps"),
        ("parameters.near_lags=20", "none of the lags"),
        ("wiring.parts.crystal.state.visibility=1.1", "less than or equal to 1"),
    ],
)
def test_what_no_pairs_can_have_is_refused_at_load(change, match) -> None:
    with pytest.raises(ConfigError, match=match):
        load("chsh", overrides=[change])


def table(correlation: float, chance: int = 0) -> Any:
    """Coincidences of 8000 pairs with so many accidental ones in every cell."""
    counts = np.full((2, 2, 3), chance)
    sign = np.array([[1, -1], [-1, 1]])
    counts[:, :, 1] += np.rint(2000 * (1 + correlation * sign)).astype(int)
    return counts


def test_chance_lowers_the_raw_correlation_and_not_the_net_one() -> None:
    found = Correlation.of(table(0.7, chance=500))
    assert found.raw.value == pytest.approx(0.7 * 0.8)
    assert found.net.value == pytest.approx(0.7)
    assert found.genuine == pytest.approx(0.8)
    # binomial
    assert found.raw.uncertainty == pytest.approx(math.sqrt((1 - 0.56**2) / 1e4))


def test_clicks_without_pairs_are_told_from_pairs() -> None:
    p = load("chsh").parameters
    rng = np.random.default_rng(4)
    pulses = [np.sort(rng.integers(0, 10**7, 20_000)) * 12_500 for _ in range(4)]
    with pytest.raises(UsageError, match="no pairs within 20 periods"):
        lateness_ps(p, pulses)
    pulses[2] = pulses[0] + 25_000 + 300
    assert lateness_ps(p, pulses) == [0, 0, 25_300, 25_000]


def test_s_of_the_quantum_bound_is_two_root_two() -> None:
    found = {
        name: Measured(math.cos(2 * math.radians(a - b)), 0.01)
        for name, (a, b) in SETTINGS.items()
    }
    assert chsh(found).value == pytest.approx(2 * math.sqrt(2))
    assert chsh(found).uncertainty == pytest.approx(0.02)


def test_a_fringe_is_found_and_none_is_refused() -> None:
    angles_deg = np.arange(0.0, 180.0, 30.0)
    seen = 0.8 * np.cos(2 * np.radians(angles_deg - 70.0))
    fringe = fit_fringe(angles_deg.tolist(), [Measured(e, 0.02) for e in seen])
    assert fringe.visibility.value == pytest.approx(0.8)
    assert fringe.centre_deg.value % 180 == pytest.approx(70.0)
    with pytest.raises(ValueError, match="hardly follows"):
        fit_fringe(angles_deg.tolist(), [Measured(0.01, 0.02)] * 6)
