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
PARTS: dict[str, Any] = {
    **{
        name: {"recovery_tau_ps": 100.0, "dark_floor_hz": 0.0, "jitter_fwhm_ps": 50.0}
        for name in ("d_x0", "d_x1", "d_z0", "d_z1")
    },
    "pbs_x": {"extinction_db": 60.0},
    "pbs_z": {"extinction_db": 60.0},
}
EFFICIENCY = 0.4 * (1 + math.erf((22.0 - 14.0) / 3.0))
DURATION_S = 0.1
PERIOD_PS = 10_000
PORTS = {"splitter.x": "splitter.signal", "splitter.z": "splitter.idler"}


Found = tuple[list[NDArray[np.int64]], dict[tuple[int, int], NDArray[np.int64]]]


def delays(plate_deg: float = 0.0, **crystal: Any) -> Found:
    """Return clicks of H, V of either party, and delays of their coincidences."""
    made = StubBench(
        4,
        modulator_phase_rad=math.pi,
        splitter=CRYSTAL | crystal,
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
    return times, found


def correlation(found: Found) -> float:
    """Return E, by how much more often both see the same."""
    n = {pair: len(d) for pair, d in found[1].items()}
    same, other = n[0, 2] + n[1, 3], n[0, 3] + n[1, 2]
    return (same - other) / (same + other)


@pytest.fixture(scope="module")
def upright() -> Found:
    return delays()


def test_pair_rate_and_heralding_are_recovered_from_coincidences(
    upright: Found,
) -> None:
    times, found = upright
    singles = [len(t) for t in times]
    together: float = sum(len(d) for d in found.values())
    signal, idler = sum(singles[:2]), sum(singles[2:])
    # 3 ns of accidentals
    together -= signal * idler / DURATION_S * 3e-9
    noise = 4 / math.sqrt(together)
    rate_hz = signal * idler / together / DURATION_S
    assert rate_hz == pytest.approx(2e6, rel=noise)
    assert together / idler == pytest.approx(0.3 * EFFICIENCY, rel=noise)
    assert together / signal == pytest.approx(0.2 * EFFICIENCY, rel=noise)


def test_correlation_time_is_recovered_from_delays(upright: Found) -> None:
    gaps = np.concatenate(list(upright[1].values()))
    gaps = gaps[np.abs(gaps) < 800]
    fwhm_ps = math.hypot(400.0, 50.0, 50.0)
    assert np.std(gaps) * 2.3548 == pytest.approx(fwhm_ps, rel=0.05)


def test_visibility_is_recovered_from_the_correlation_by_angle() -> None:
    """E(b) = V cos 2b for a party that turns by b, its plate by b/2."""
    plates_deg = (0.0, 11.25, 22.5, 33.75)
    found = [correlation(delays(plate_deg)) for plate_deg in plates_deg]
    turns = np.radians(2 * np.array([0.0, 22.5, 45.0, 67.5]))
    cosine, sine = np.mean(found * np.cos(turns)), np.mean(found * np.sin(turns))
    visibility = 2 * math.hypot(cosine, sine)
    # four times some 4500 coincidences, 0.7 % of them accidental
    assert visibility == pytest.approx(0.9, abs=0.03)
    assert abs(sine) < 0.02


def test_psi_pairs_differ_where_phi_pairs_agree(upright: Found) -> None:
    psi = delays(state={"family": "psi", "visibility": 0.9})
    assert correlation(upright) == pytest.approx(0.9, abs=0.04)
    assert correlation(psi) == pytest.approx(-0.9, abs=0.04)


def test_the_balance_of_a_pair_is_recovered_from_its_share_of_hh() -> None:
    n = {pair: len(d) for pair, d in delays(state={"balance_rad": 0.6})[1].items()}
    share = n[0, 2] / (n[0, 2] + n[1, 3])
    # some 4500 coincidences
    assert math.acos(math.sqrt(share)) == pytest.approx(0.6, abs=0.03)


def test_the_turn_of_bobs_photons_is_recovered_from_the_fringe() -> None:
    """E(b) = V cos 2(b - r) for a party that turns by b, its plate by b/2."""
    upright, turned = (
        correlation(delays(plate_deg, state={"rotation_rad": 0.3}))
        for plate_deg in (0.0, 22.5)
    )
    assert math.atan2(turned, upright) / 2 == pytest.approx(0.3, abs=0.03)


def test_both_photons_of_a_pair_share_the_instant_of_emission() -> None:
    pulsed = {"pair_rate_hz": 0.0, "pairs_per_pulse": 0.02, "correlation_fwhm_ps": 0.0}
    times, found = delays(**pulsed, emission_fwhm_ps=600.0)
    slot = 2 * np.pi * np.concatenate(times) / PERIOD_PS
    centre_ps = np.angle(np.exp(1j * slot).mean()) / (2 * np.pi) * PERIOD_PS
    late_ps = (np.concatenate(times) - centre_ps + PERIOD_PS / 2) % PERIOD_PS
    late_ps = late_ps[np.abs(late_ps - PERIOD_PS / 2) < 1500]
    # beside the wires' own 50 ps; some 40 000 clicks
    assert np.std(late_ps) * 2.3548 == pytest.approx(math.hypot(600, 50), rel=0.03)
    gaps = np.concatenate(list(found.values()))
    gaps = gaps[np.abs(gaps) < 300]
    assert np.std(gaps) * 2.3548 == pytest.approx(50 * math.sqrt(2), rel=0.1)
