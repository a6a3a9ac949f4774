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
    Fringe,
    chsh,
    fit_fringe,
)
from qkdlab_experiments.entanglement.counting import Tags, correlation, lateness_ps
from qkdlab_experiments.entanglement.figures import figures as told
from qkdlab_experiments.entanglement.frames import refuse_unlike

pytestmark = [pytest.mark.xdist_group("runs"), pytest.mark.timeout(600)]

GOOD = 0.97
WEAK = 0.6
NOISY_HZ = 200_000.0
DIODES = ("d_a0", "d_a1", "d_b0", "d_b1")


def figures(folder: Path, *overrides: str) -> dict[str, Any]:
    quick = (
        "seed=7",
        "parameters.dark_s=0.2",
        "parameters.fringe_s=0.03",
        "parameters.fringe_points=6",
    )
    config = load("chsh", overrides=[*quick, *overrides])
    return run(config, folder / "chsh", lambda *_: None).result


def cable(source: str) -> int:
    """Return the place in the list of cables of the one that leaves `source`."""
    cables = load("chsh").wiring.cables
    return next(i for i, one in enumerate(cables) if one.source == source)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return figures(tmp_path_factory.mktemp("runs"), "parameters.duration_s=0.25")


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return figures(
        tmp_path_factory.mktemp("runs"),
        "parameters.duration_s=0.1",
        f"wiring.parts.crystal.state.visibility={WEAK}",
        # a period late, one of Bob's detectors only
        f"wiring.cables.{cable('pbs_b.v')}.delay_ps=12800",
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


def clicks_of_pairs(same: float, late_ps: tuple[int, ...], seed: int = 4) -> Tags:
    """Return tags of 4000 pairs in 10**6 pulses of 12.5 ns, as detectors are late."""
    rng = np.random.default_rng(seed)
    pulses = np.sort(rng.choice(10**6, 4000, replace=False)) * 12_500
    ours = rng.integers(0, 2, 4000)
    theirs = np.where(rng.random(4000) < same, ours, 1 - ours)
    seen = [pulses[party == k] for party in (ours, theirs) for k in (0, 1)]
    return [t + by for t, by in zip(seen, late_ps, strict=True)]


def test_clicks_without_pairs_are_told_from_pairs() -> None:
    p = load("chsh").parameters
    rng = np.random.default_rng(4)
    pulses = [np.sort(rng.integers(0, 10**7, 20_000)) * 12_500 for _ in range(4)]
    with pytest.raises(UsageError, match="no pairs within 20 periods"):
        lateness_ps(p, [pulses])
    # one detector that is blind spoils two correlations
    pairs = clicks_of_pairs(0.5, (0, 0, 0, 0))
    with pytest.raises(UsageError, match="for every two detectors"):
        lateness_ps(p, [[*pairs[:3], pulses[3]]])


@pytest.mark.parametrize(
    "late_ps",
    [(0, 0, 25_300, 25_000), (0, 12_800, 25_000, 6_100), (0, -50_100, 400, 70_000)],
)
def test_each_detector_may_be_any_number_of_periods_late(late_ps) -> None:
    p = load("chsh").parameters
    # Bob's analyser at two angles: at one, all pairs are seen alike
    acquisitions = [clicks_of_pairs(same, late_ps, seed=5) for same in (1.0, 0.5)]
    assert lateness_ps(p, acquisitions) == list(late_ps)
    seen = [correlation(p, tags, list(late_ps)) for tags in acquisitions]
    assert [one.coincidences for one in seen] == pytest.approx([4000, 4000], abs=20)


def test_no_coincidences_are_told_with_what_to_look_after() -> None:
    p = load("chsh").parameters
    silence = [np.empty(0, np.int64)] * 4
    with pytest.raises(UsageError, match="look after the light"):
        correlation(p, silence, [0, 0, 0, 0])


def seen_fringe(visibility: float, centre_deg: float) -> Fringe:
    return Fringe(Measured(visibility, 0.01), Measured(centre_deg, 0.5))


@pytest.mark.parametrize("centre_deg", [-38.0, 80.0, 170.0])
def test_pairs_that_look_alike_to_analysers_turned_together_pass(centre_deg) -> None:
    for moved_deg in (45.0 - 180.0, 44.0, 225.0):
        refuse_unlike(
            seen_fringe(0.97, centre_deg), seen_fringe(0.95, centre_deg + moved_deg)
        )


@pytest.mark.parametrize(
    ("visibility", "moved_deg", "match"),
    [
        # HV + VH, HH - VV, a plate that mirrors
        (0.97, -45.0, "fringe turns by (-45|135) deg"),
        (0.97, 40.0, "fringe turns by 40 deg"),
        (0.80, 45.0, "visibility goes from 0.97 to 0.8"),
    ],
)
def test_pairs_that_look_different_are_refused(visibility, moved_deg, match) -> None:
    with pytest.raises(UsageError, match=f"{match}.*compensate the polarization"):
        refuse_unlike(
            seen_fringe(0.97, 30.0), seen_fringe(visibility, 30.0 + moved_deg)
        )


def test_hv_plus_vh_ends_with_what_to_do(tmp_path) -> None:
    quick = ("parameters.fringe_points=4", "parameters.fringe_s=0.02")
    with pytest.raises(UsageError, match="make the pairs HH \\+ VV, or HV - VH"):
        figures(tmp_path, "wiring.parts.crystal.state.family=psi", *quick)


def test_the_uncertainty_of_s_is_the_spread_of_what_wrong_angles_make() -> None:
    """Each analyser off by its own at every setting, counts as good as endless."""
    ours_rad, theirs_rad = math.radians(0.6), math.radians(0.2)
    rng = np.random.default_rng(8)
    a1, a2 = rng.normal(0, ours_rad, (2, 4000))
    # in the order of the settings Bob turns to b1 twice, to b2 once
    b1, b2, b1_again = rng.normal(0, theirs_rad, (3, 4000))
    off = {
        "a1_b1": (a1, b1),
        "a1_b2": (a1, b2),
        "a2_b2": (a2, b2),
        "a2_b1": (a2, b1_again),
    }
    turned = {
        name: np.cos(2 * (np.radians(a - b) + off[name][0] - off[name][1]))
        for name, (a, b) in SETTINGS.items()
    }
    s = turned["a1_b1"] - turned["a1_b2"] + turned["a2_b2"] + turned["a2_b1"]
    told = told_of_settings((ours_rad, theirs_rad))
    assert told["chsh_uncertainty"] == pytest.approx(s.std(), rel=0.05)
    one = turned["a1_b1"].std()
    assert told["correlation_a1_b1_uncertainty"] == pytest.approx(one, rel=0.05)


def told_of_settings(analysers_rad: tuple[float, float]) -> dict[str, Any]:
    perfect = Fringe(Measured(1.0, 1e-6), Measured(0.0, 1e-6))
    cosines = {
        name: Measured(math.cos(2 * math.radians(a - b)), 1e-6)
        for name, (a, b) in SETTINGS.items()
    }
    found = {name: Correlation(one, one, 1.0, 1) for name, one in cosines.items()}
    p = load("chsh").parameters
    return told(p, (perfect, perfect), found, analysers_rad, [0.0] * 4)


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
