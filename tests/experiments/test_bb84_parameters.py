"""Parameters that could never make a key are refused when they are read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from qkdlab.config.load import load
from qkdlab.distill.verify import collision_bound
from qkdlab.errors import ConfigError
from qkdlab_experiments.frame import block_plan
from qkdlab_experiments.parameters import Bb84Parameters

CLASSES = {"signal": (0.5, 0.4), "decoy": (0.2, 0.4), "vacuum": (0.002, 0.2)}


def intensities(**changed: tuple[float, float]) -> dict[str, Any]:
    return {
        name: {"mean_photon_number": mean, "probability": probability}
        for name, (mean, probability) in (CLASSES | changed).items()
    }


def parameters(**changed: Any) -> Bb84Parameters:
    given = {"intensities": intensities(), "detection": {"bias_ua": [22.0] * 4}}
    return Bb84Parameters.model_validate(given | changed)


def test_the_parameters_of_the_reference_bench_are_accepted() -> None:
    assert parameters().n_frames == 12_500


def test_the_tag_is_as_long_as_epsilon_asks() -> None:
    plan = block_plan(parameters(), "lab")
    assert collision_bound(plan.n_pulses, plan.verification_bits) <= 1e-15
    assert collision_bound(plan.n_pulses, plan.verification_bits - 1) > 1e-15


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"distillation": {"epsilon_correctness": 1e-36}}, "no verification tag"),
        (
            {"distillation": {"frame_bits": 1024}, "duration_s": 30},
            "more bits than can be reconciled with distillation.frame_bits 1024",
        ),
        ({"basis_x_probability": 1 - 1e-7}, "every basis of the pattern needs pulses"),
        (
            {"intensities": intensities(decoy=(0.2, 0.6 - 1e-7), vacuum=(0.002, 1e-7))},
            "needs pulses of signal, decoy and vacuum",
        ),
        ({"intensities": intensities(decoy=(0.499, 0.4))}, "decoy plus vacuum"),
        ({"intensities": intensities(decoy=(0.2, 0.5))}, "must add up to 1, not 1.1"),
        ({"detection": {"bias_ua": [22.0] * 4, "gate_ps": 10_001}}, "is longer than"),
        ({"pattern": {"symbols": 1000}}, "more than a quarter of a frame"),
        ({"duration_s": 1.1e6}, "duration_s"),
    ],
)
def test_parameters_without_a_sound_block_are_refused(
    changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        parameters(**changed)


@pytest.mark.parametrize(("name", "hint"), [("foo", ""), ("ldcp", "'ldpc'?")])
def test_a_method_that_does_not_exist_is_told_those_that_do(
    name: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load("bb84", overrides=[f"parameters.distillation.reconciliation={name}"])
    told = str(caught.value)
    assert f"'cascade', 'cascade-far', 'ldpc' or 'auto', got '{name}'" in told
    assert hint in told
