"""Tags of a bench with all its effects on do not depend on when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import TICK_PS, StubBench

PULSES = {"jitter_rms_ps": 30.0, "chirp": -4.0, "noise_rms": 0.1}
FIBRE = {
    "dispersion_ps_per_nm_km": 17.0,
    "pmd_ps_per_sqrt_km": 0.5,
    "temperature": {"swing_k": 5.0, "swing_period_s": 1.0},
    "reflections": {"near_db": 12.0, "far_db": 12.0},
    "coexisting": [{"launch_dbm": -10.0}],
}
AIR = {
    "kind": "satellite_pass",
    "owner": "channel",
    "altitude_m": 500e3,
    "begin_s": -30.0,
    "divergence_rad": 5e-6,
    "aperture_radius_m": 0.5,
    "fading": {"scintillation_index": 0.4, "pointing_rms_rad": 1e-6},
    "sky": {"radiance_w_m2_sr_nm": 1e-4, "field_of_view_rad": 1e-4, "filter_nm": 1.0},
}
DOT = {
    "kind": "quantum_dot",
    "owner": "channel",
    "wavelength_nm": 925.0,
    "brightness": 0.2,
    "lifetime_ps": 600.0,
    "off_time_ps": 1e8,
}
END_PS = 60 * TICK_PS


def tags(cuts: list[int], **changes: Any) -> list[NDArray[np.int64]]:
    made = StubBench(5, laser={"pulses": PULSES}, **changes)
    rng = np.random.default_rng(1)
    made.generator.play(rng.random(640) * 0.8, rng.random(640) * 1.2)
    made.attenuator.db = 30.0
    for t_ps in [*cuts, END_PS]:
        made.run(t_ps)
    return [made.tagger.times(number) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "changes",
    [{"fibre": FIBRE}, {"fibre": AIR}, {"fibre": DOT}, {"mzm": {"memory": [0.1] * 6}}],
    ids=["fibre", "satellite", "dot", "memory"],
)
def test_cuts_into_calls_change_no_tag(changes: dict[str, Any]) -> None:
    at_once = tags([], **changes)
    cut = tags([1, TICK_PS // 3, TICK_PS, 7 * TICK_PS + 5, 31 * TICK_PS], **changes)
    assert sum(len(t) for t in at_once) > 100
    for one, other in zip(at_once, cut, strict=True):
        assert np.array_equal(one, other)


def test_effects_that_are_off_leave_every_tag_where_it_was() -> None:
    off = {
        "fibre": {"dispersion_ps_per_nm_km": 0.0, "pmd_ps_per_sqrt_km": 0.0},
        "mzm": {"memory": []},
    }
    for one, other in zip(tags([]), tags([], **off), strict=True):
        assert np.array_equal(one, other)
