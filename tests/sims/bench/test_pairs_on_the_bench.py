"""A crystal of the bench before two analysing parties, found again in coincidences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import StubBench

CRYSTAL = {
    "kind": "pair_source",
    "owner": "channel",
    "wavelength_nm": 1550.0,
    "pair_rate_hz": 2e6,
    "heralding_signal": 0.3,
    "heralding_idler": 0.2,
    "correlation_fwhm_ps": 400.0,
    "state": {"visibility": 0.9},
}
PARTS = {
    **{
        name: {"recovery_tau_ps": 100.0, "dark_floor_hz": 0.0, "jitter_fwhm_ps": 50.0}
        for name in ("d_x0", "d_x1", "d_z0", "d_z1")
    },
    "pbs_x": {"extinction_db": 60.0},
    "pbs_z": {"extinction_db": 60.0},
}
EFFICIENCY = 0.4 * (1 + math.erf((22.0 - 14.0) / 3.0))
DURATION_S = 0.1
PORTS = {"splitter.x": "splitter.signal", "splitter.z": "splitter.idler"}


def delays(plate_deg: float = 0.0) -> tuple[list[int], dict[tuple[int, int], Any]]:
    """Return clicks of H, V of either party, and delays of their coincidences."""
    made = StubBench(
        4,
        modulator_phase_rad=math.pi,
        splitter=CRYSTAL,
        plate_z={"angle_deg": plate_deg},
        ports=PORTS,
        **PARTS,
    )
    made.run(round(DURATION_S * 1e12))
    times = [
        made.tagger.times(i) - way.arrival_ps
        for i, way in enumerate(made.world.ways.detectors, start=1)
    ]
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    for one in (0, 1):
        for other in (2, 3):
            at = np.searchsorted(times[other], times[one])
            near = np.stack([(at - 1).clip(0), at.clip(max=len(times[other]) - 1)])
            gap = times[other][near] - times[one]
            gap = np.take_along_axis(gap, np.abs(gap).argmin(axis=0)[None], axis=0)[0]
            found[one, other] = gap[np.abs(gap) < 1500]
    return [len(t) for t in times], found


@pytest.fixture(scope="module")
def upright() -> tuple[list[int], dict[tuple[int, int], Any]]:
    return delays()


def test_pair_rate_and_heralding_are_recovered_from_coincidences(upright: Any) -> None:
    singles, found = upright
    together = sum(len(d) for d in found.values())
    signal, idler = sum(singles[:2]), sum(singles[2:])
    # 3 ns of accidentals
    together -= signal * idler / DURATION_S * 3e-9
    noise = 4 / math.sqrt(together)
    rate_hz = signal * idler / together / DURATION_S
    assert rate_hz == pytest.approx(2e6, rel=noise)
    assert together / idler == pytest.approx(0.3 * EFFICIENCY, rel=noise)
    assert together / signal == pytest.approx(0.2 * EFFICIENCY, rel=noise)


def test_correlation_time_is_recovered_from_delays(upright: Any) -> None:
    gaps = np.concatenate(list(upright[1].values()))
    gaps = gaps[np.abs(gaps) < 800]
    fwhm_ps = math.hypot(400.0, 50.0, 50.0)
    assert np.std(gaps) * 2.3548 == pytest.approx(fwhm_ps, rel=0.05)


def test_visibility_is_recovered_from_the_correlation_by_angle() -> None:
    """E(b) = V cos 2b for a party that turns by b, its plate by b/2."""
    found = []
    for plate_deg in (0.0, 11.25, 22.5, 33.75):
        n = {pair: len(d) for pair, d in delays(plate_deg)[1].items()}
        same, other = n[0, 2] + n[1, 3], n[0, 3] + n[1, 2]
        found.append((same - other) / (same + other))
    turns = np.radians(2 * np.array([0.0, 22.5, 45.0, 67.5]))
    cosine, sine = np.mean(found * np.cos(turns)), np.mean(found * np.sin(turns))
    visibility = 2 * math.hypot(cosine, sine)
    # four times some 4500 coincidences, 0.7 % of them accidental
    assert visibility == pytest.approx(0.9, abs=0.03)
    assert abs(sine) < 0.02
