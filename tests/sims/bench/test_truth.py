"""The true bench around the nominal one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from world_stubs import packaged_bench, packaged_wiring

from qkdlab.wiring.parts import FixedLoss, Tap, Wiring
from qkdlab_sims.bench.truth import draw_bench
from qkdlab_sims.sections import SimulationSection, Spread

SPREAD = SimulationSection.model_validate(packaged_bench()["simulation"]).spread


def packaged_wiring_of(*names: str, **changes: dict[str, Any]) -> Wiring:
    """Return some parts of the reference bench, uncabled."""
    parts = packaged_wiring(**changes).parts
    return Wiring(parts={name: parts[name] for name in names}, cables=[])


def test_without_spread_the_labels_are_true() -> None:
    wiring = packaged_wiring()
    true = draw_bench(wiring, Spread(), seed=3)
    assert true.wiring == wiring
    assert true.meter_scale_error == {"tap_meter": 0.0}
    assert set(true.attenuator_scale.values()) == {1.0}


def test_a_seed_gives_one_bench_and_another_seed_another() -> None:
    wiring = packaged_wiring()
    assert draw_bench(wiring, SPREAD, 1) == draw_bench(wiring, SPREAD, 1)
    assert draw_bench(wiring, SPREAD, 1) != draw_bench(wiring, SPREAD, 2)


def test_another_part_changes_no_draw_of_the_others() -> None:
    wiring = packaged_wiring()
    more = {**wiring.parts, "filter": FixedLoss(owner="bob", kind="loss", loss_db=1.0)}
    extended = wiring.model_copy(update={"parts": more})
    one, two = draw_bench(wiring, SPREAD, 5), draw_bench(extended, SPREAD, 5)
    assert {n: two.wiring.parts[n] for n in wiring.parts} == one.wiring.parts


def test_no_loss_between_tap_and_output_is_drawn_but_the_tap() -> None:
    wiring = packaged_wiring()
    parts = draw_bench(wiring, SPREAD, 7).wiring.parts
    for name in ("pad", "attenuator"):
        drawn = parts[name].model_dump()
        label = wiring.parts[name].model_dump()
        # the axis of a loss that depends on polarization has its own certificate
        assert drawn | {"pdl_axis_deg": 0.0} == label
    assert parts["tap"] != wiring.parts["tap"]
    assert parts["isolator"] != wiring.parts["isolator"]
    assert parts["receiver_loss"] != wiring.parts["receiver_loss"]


def test_the_tap_spreads_as_configured() -> None:
    wiring = packaged_wiring_of("laser", "tap")
    nominal = wiring.parts["tap"]
    assert isinstance(nominal, Tap)
    deviations = []
    for seed in range(400):
        tap = draw_bench(wiring, SPREAD, seed).wiring.parts["tap"]
        assert isinstance(tap, Tap)
        deviations.append(tap.tap_fraction / nominal.tap_fraction - 1)
    # 400 draws: the standard deviation is known to 3.5 % (k = 1).
    assert np.std(deviations) == pytest.approx(SPREAD.tap_fraction_rel, rel=0.18)
    assert abs(np.mean(deviations)) < 5 * SPREAD.tap_fraction_rel / 20


def test_a_true_loss_is_never_a_gain() -> None:
    wiring = packaged_wiring_of("laser", "isolator", isolator={"loss_db": 0.01})
    for seed in range(50):
        part = draw_bench(wiring, Spread(loss_db=1.0), seed).wiring.parts["isolator"]
        assert isinstance(part, FixedLoss)
        assert part.loss_db >= 0.0
