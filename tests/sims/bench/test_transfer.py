"""Matrices of the ways behind the modulators."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import packaged_wiring

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Wiring
from qkdlab_sims.bench.paths import light_paths
from qkdlab_sims.bench.transfer import Transfer, Turning, fixed_jones

OPEN = Turning(
    transmission={"attenuator": 1.0, "line_attenuator": 1.0},
    axis_deg={"qwp1": 0.0, "hwp": 0.0, "qwp2": 0.0},
    rotation={"fibre": np.eye(2, dtype=np.complex128)},
)


def way(end: str, begin: str, wiring: Wiring | None = None) -> Transfer:
    stages = light_paths(Graph(wiring or packaged_wiring()))[end].stages
    at = next(i for i, stage in enumerate(stages) if stage.name == begin)
    return Transfer(stages[at:])


def power(jones: NDArray[np.complex128], state: tuple[complex, complex]) -> float:
    field = jones @ np.array(state) / np.sqrt(2)
    return float(np.sum(np.abs(field) ** 2))


D = (1, 1)
R = (1, 1j)


def db(value: float) -> float:
    return 10 ** (-value / 10)


def test_losses_in_db_multiply_along_the_way() -> None:
    stages = light_paths(Graph(packaged_wiring()))["d_x0"].stages
    jones = Transfer(stages[4:10]).jones(OPEN)
    # two losses that depend on polarization: their product does not quite average
    assert power(jones, D) == pytest.approx(db(30.0 + 25 * 0.2 + 3.5), rel=1e-4)


def test_the_tap_shares_the_light() -> None:
    paths = light_paths(Graph(packaged_wiring()))
    to_meter = next(s for s in paths["tap_meter"].stages if s.name == "tap")
    to_bob = next(s for s in paths["d_x0"].stages if s.name == "tap")
    assert power(fixed_jones(to_meter), D) == pytest.approx(0.1)
    assert power(fixed_jones(to_bob), D) == pytest.approx(0.9)


def test_four_detectors_together_get_all_light_behind_the_splitter() -> None:
    ways = [way(d, "splitter") for d in ("d_x0", "d_x1", "d_z0", "d_z1")]
    for state in (D, R):
        total = sum(power(w.jones(OPEN), state) for w in ways)
        assert total == pytest.approx(1.0)


def test_the_arms_share_by_the_splitter() -> None:
    x = sum(power(way(d, "splitter").jones(OPEN), R) for d in ("d_x0", "d_x1"))
    assert x == pytest.approx(0.8)


def test_the_z_arm_measures_d_and_a() -> None:
    # Its fixed plate at 22.5 degrees turns D to H.
    wiring = packaged_wiring(pbs_z={"extinction_db": 20.0})
    bright = power(way("d_z0", "splitter", wiring).jones(OPEN), D)
    dark = power(way("d_z1", "splitter", wiring).jones(OPEN), D)
    assert dark / bright == pytest.approx(0.01 / 0.99, rel=1e-6)


def test_a_half_wave_plate_swaps_the_detectors_of_the_x_arm() -> None:
    turned = Turning(OPEN.transmission, {**OPEN.axis_deg, "hwp": 45.0}, OPEN.rotation)
    horizontal = (np.sqrt(2), 0)
    straight = power(way("d_x0", "qwp1").jones(OPEN), horizontal)
    swapped = power(way("d_x1", "qwp1").jones(turned), horizontal)
    assert swapped == pytest.approx(straight)


def test_the_attenuator_takes_power() -> None:
    half = Turning(
        {**OPEN.transmission, "attenuator": 0.5}, OPEN.axis_deg, OPEN.rotation
    )
    open_power = power(way("d_x0", "attenuator").jones(OPEN), D)
    assert power(way("d_x0", "attenuator").jones(half), D) == pytest.approx(
        0.5 * open_power
    )


def test_a_cable_loses_its_loss() -> None:
    wiring = packaged_wiring()
    data = wiring.model_dump(by_alias=True)
    for cable in data["cables"]:
        if cable["to"] == "pad.in":
            cable["loss_db"] = 3.0
    lossy = Wiring.model_validate(data)
    ratio = power(way("d_x0", "pad", lossy).jones(OPEN), D) / power(
        way("d_x0", "pad").jones(OPEN), D
    )
    assert ratio == pytest.approx(db(3.0))


def test_a_loss_that_depends_on_polarization_acts_along_its_axis() -> None:
    data = packaged_wiring().model_dump(by_alias=True)
    data["parts"]["pad"] |= {"pdl_db": 1.0, "pdl_axis_deg": 45.0}
    data["parts"]["attenuator"] |= {"pdl_db": 0.5, "pdl_axis_deg": 45.0}
    lossy = Wiring.model_validate(data)
    stages = [
        stage
        for stage in light_paths(Graph(lossy))["d_x0"].stages
        if stage.name in ("pad", "attenuator")
    ]
    jones = Transfer(stages).jones(OPEN)
    ratio = power(jones, D) / power(jones, (1, -1))
    assert 10 * np.log10(ratio) == pytest.approx(1.5)
    assert power(jones, R) == pytest.approx(power(jones, (1, -1j)))
