"""Sender and receiver have a phase modulator each: one's V_pi is not the other's."""

from __future__ import annotations

import pytest

from qkdlab.config.load import load
from qkdlab.wiring.rules import check


def swept(*overrides: str) -> list[str]:
    found = [
        str(problem) for problem in check(load("bb84_active", overrides=overrides))
    ]
    return [line for line in found if "swept" in line]


@pytest.mark.parametrize(
    ("parameter", "amplifier"),
    [("polarization_v_pi_v", "amplifier_pm"), ("basis_v_pi_v", "amplifier_bob")],
)
def test_a_sweep_is_held_against_the_amplifier_that_it_goes_through(
    parameter, amplifier
):
    (line,) = swept(f"parameters.calibration.{parameter}=1.2")
    assert f"parameters.calibration.{parameter}" in line
    assert f"swept to 2.4 V, but '{amplifier}' takes 2 V" in line
