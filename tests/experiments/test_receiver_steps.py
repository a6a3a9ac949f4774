"""The receiver's steps on the simulated bench: what they find, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bench_at_work import at_work, quick_config
from scipy.stats import chi2
from steps_at_work import contexts, run_steps

from qkdlab.calibration.outcome import StepOutcome
from qkdlab_experiments.calibration.sequence import STEPS

pytestmark = [pytest.mark.xdist_group("runs")]

N_SEEDS = 24
LEAST_P = 1e-4
QUICK = [
    "parameters.calibration.balance_clicks=200000",
    "parameters.calibration.verification_clicks=200000",
]

Outcomes = dict[str, dict[str, StepOutcome]]


def calibrated(
    seed: int, last: str = "verification", overrides: tuple[str, ...] = ()
) -> tuple[Outcomes, dict[str, Any], dict[str, Any]]:
    """Run all steps up to `last`; return outcomes, truth and records by quantity."""
    config = quick_config([*QUICK, *overrides])
    with at_work(config, seed) as work:
        ctx = contexts(work)
        names = [step.name for step in STEPS]
        outcomes = run_steps(work, ctx, STEPS[: names.index(last) + 1])
        records = {}
        for party in ctx.values():
            records |= {r.quantity: r for r in party.calibration.book}
        return outcomes, work.bench.truth(), records


def true_values(truth: dict[str, Any]) -> dict[str, float]:
    """Return what the records should say, by quantity."""
    detectors, drawn = truth["detectors"], truth["drawn"]
    values: dict[str, float] = {}
    jitter = math.hypot(50.0, 60.0, 10.0 * 2.3548)  # detector, pulse, tagger
    for d, one in enumerate(detectors):
        values[f"dark_rate_hz_{d}"] = one["dark_rate_hz"]
        values[f"delay_ps_{d}"] = one["arrival_ps"] - detectors[0]["arrival_ps"]
        values[f"jitter_fwhm_ps_{d}"] = jitter
    gain, v_pi = drawn["amplifier_pm"]["gain"], drawn["pm"]["v_pi_v"]
    values["polarization_v_pi"] = 60.0 * math.atanh(v_pi / 60.0) / gain
    return values


def true_ratios(truth: dict[str, Any]) -> list[float]:
    """Return efficiency of detector 0 over detector 1, X and Z."""
    seen = [one["efficiency"] * one["analyser"][0] for one in truth["detectors"]]
    return [seen[0] / seen[1], seen[2] / seen[3]]


def scores(runs: list[tuple[Outcomes, dict[str, Any], dict[str, Any]]]) -> Any:
    """Return errors over stated uncertainties, by kind of quantity."""
    found: dict[str, list[float]] = {}
    for outcomes, truth, records in runs:
        for quantity, true in true_values(truth).items():
            record = records[quantity]
            if record.uncertainty > 0:
                kind = quantity.rstrip("0123456789").rstrip("_")
                z = (record.value - true) / record.uncertainty
                found.setdefault(kind, []).append(z)
        figures = outcomes["balance"]["bob"].figures
        for name, true in zip("XZ", true_ratios(truth), strict=True):
            error = figures["efficiency_ratio_uncertainty"][name]
            z = (figures["efficiency_ratio"][name] - true) / error
            found.setdefault("efficiency_ratio", []).append(z)
    return {kind: np.array(z) for kind, z in found.items()}


@pytest.mark.slow
def test_every_step_accepts_a_good_bench_and_finds_its_true_values():
    outcomes, truth, records = calibrated(3)
    problems = {n: o.problem for n, both in outcomes.items() for o in both.values()}
    assert not any(problems.values()), problems
    assert set(outcomes) == {step.name for step in STEPS}
    for kind, z in scores([(outcomes, truth, records)]).items():
        assert np.abs(z).max() < 4.5, kind
    for both in outcomes.values():
        for outcome in both.values():
            assert all(len(curve.x) == len(curve.y) > 1 for curve in outcome.curves)


@pytest.fixture(scope="module")
def benches() -> Any:
    return scores([calibrated(seed) for seed in range(100, 100 + N_SEEDS)])


KINDS = (
    "dark_rate_hz",
    "delay_ps",
    "jitter_fwhm_ps",
    "polarization_v_pi",
    "efficiency_ratio",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_stated_uncertainties_cover_the_truth_at_their_stated_rate(benches, kind):
    z = benches[kind]
    total = np.sum(z**2)
    # 5 kinds are held to this
    assert chi2.sf(total, z.size) > LEAST_P
    # nor are they far too wide: a tenth of the variance would be a fault, too
    assert chi2.sf(10 * total, z.size) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_uncertainties_of_half_the_size_would_be_seen(benches, kind):
    z = 2 * benches[kind]
    assert chi2.sf(np.sum(z**2), z.size) < LEAST_P


def rejected(outcomes: Outcomes, step: str, party: str) -> str:
    problem = outcomes[step][party].problem
    assert problem is not None
    return problem


def test_a_wire_that_switches_early_gets_less_bias():
    overrides = ("wiring.parts.d_z0.switching_current_ua=20.4",)
    outcomes, truth, records = calibrated(4, "detectors", overrides)
    assert outcomes["detectors"]["bob"].accepted
    assert records["bias_ua_2"].value == pytest.approx(0.8 * 20.0)
    assert truth["detectors"][2]["bias_ua"] == pytest.approx(16.0)
    switching = outcomes["detectors"]["bob"].figures["switching_current_ua"]
    assert switching[2] == pytest.approx(20.5)


def test_a_wire_that_is_dead_is_named():
    part = "wiring.parts.d_x1"
    overrides = (f"{part}.switching_current_ua=5.0", f"{part}.retrapping_ua=1.0")
    outcomes, _, _ = calibrated(4, "detectors", overrides)
    assert "detector 1 is latched" in rejected(outcomes, "detectors", "bob")


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    ["wiring.parts.amplifier_pm.gain=0.01", "wiring.parts.fibre.excess_loss_db=60.0"],
)
def test_no_drive_or_no_light_ends_in_a_problem_that_says_where_to_look(override):
    overrides = (override, "parameters.calibration.sync_max_s=0.3")
    outcomes, _, _ = calibrated(4, overrides=overrides)
    last = [o.problem for o in outcomes[list(outcomes)[-1]].values() if o.problem]
    assert "look at" in last[0]
    assert "verification" not in outcomes


@pytest.mark.slow
def test_a_detector_of_half_the_efficiency_is_refused():
    overrides = ("wiring.parts.d_x1.efficiency_max=0.5",)
    outcomes, _, _ = calibrated(4, "balance", overrides)
    assert "efficiencies of one basis' detectors" in rejected(
        outcomes, "balance", "bob"
    )


@pytest.mark.slow
def test_plates_of_strange_retardance_are_turned_by_search():
    overrides = (
        "wiring.parts.qwp1.retardance_waves=0.36",
        "wiring.parts.hwp.retardance_waves=0.36",
    )
    outcomes, _, _ = calibrated(4, "polarization", overrides)
    found = outcomes["polarization"]["bob"]
    assert found.accepted
    assert found.figures["search_measurements"] > 0
    assert max(found.figures["qber_x"], found.figures["qber_z"]) < 0.05
