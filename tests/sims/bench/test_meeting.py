"""Two lights that meet on the bench: what was put in, found again in tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from meeting_bench import PERIOD_PS, SUPPLEMENTS, MeetingBench, hom_wiring
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab_experiments.interference.expected import (
    Coincidences,
    expected_coincidences,
)
from qkdlab_sims.bench import transfer
from qkdlab_sims.bench.met_light import Encounter, MetPhotons

ALONE = (44.0, None), (None, 44.0)
BOTH = (44.0, 44.0)
PULSES = 20 * 65536


def expected(bench: MeetingBench, light: Any = "coherent") -> Coincidences:
    """Return the closed form at the means that each sender alone shows."""
    means = np.empty((2, 2))
    for which, setting in enumerate(ALONE):
        bench.shine(*setting)
        share = np.array([len(t) for t in bench.clicks(20)]) / PULSES
        if light == "coherent":
            share = -np.log1p(-share)
        means[which] = share / (1 - share) if light == "thermal" else share
    return expected_coincidences(light, means)


@pytest.fixture(scope="module")
def lasers() -> MeetingBench:
    return MeetingBench()


def test_visibility_and_dip_are_those_of_threshold_detectors(
    lasers: MeetingBench,
) -> None:
    wanted = expected(lasers)
    lasers.shine(*BOTH)
    depth, error = _dip(lasers, 400)
    assert abs(depth - wanted.dip) < 4 * error
    lasers.delay(0)
    seen = lasers.visibility(20)
    assert abs(seen.value - wanted.visibility) < 4 * seen.uncertainty
    assert wanted.dip - wanted.visibility > 0.03


def _dip(
    bench: MeetingBench, apart_ps: float, n_ticks: int = 20
) -> tuple[float, float]:
    """Return depth of the dip, pulses together against apart, and its error."""
    counted = []
    for delay_ps in (0, apart_ps):
        bench.delay(delay_ps)
        counted.append(int(bench.coincidences(n_ticks)[5]))
    ratio = counted[0] / counted[1]
    return 1 - ratio, ratio * float(np.sqrt(1 / counted[0] + 1 / counted[1]))


def test_without_the_sign_of_one_reflection_visibility_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = transfer.fixed_jones
    monkeypatch.setattr(
        transfer,
        "fixed_jones",
        lambda stage: (
            whole(stage) * (-1 if (stage.entry, stage.exit) == ("in2", "x") else 1)
        ),
    )
    mutant = MeetingBench()
    mutant.shine(*BOTH)
    mutant.delay(0)
    assert mutant.visibility(10).value < -0.3


@pytest.mark.parametrize("turn_deg", [45.0, 12.0])
def test_polarizations_apart_lower_the_dip_by_their_overlap(turn_deg: float) -> None:
    made = MeetingBench(hom_wiring(plate_b={"angle_deg": 45.0 + turn_deg}))
    made.shine(*BOTH)
    depth, error = _dip(made, 400)
    alike = np.cos(2 * np.radians(turn_deg)) ** 2
    assert abs(depth - 0.5 * alike) < 4 * error + 2e-3


def test_a_laser_tuned_away_by_its_temperature_does_not_interfere(
    lasers: MeetingBench,
) -> None:
    lasers.shine(*BOTH)
    lasers.delay(0)
    lasers.lasers[1].set(ohm=9_000.0)  # 2.4 K, 29 GHz
    seen = lasers.visibility(20)
    lasers.lasers[1].set(ohm=10_000.0)
    assert abs(seen.value) < 4 * seen.uncertainty


def test_nanometres_a_kelvin_are_recovered_from_the_dip_of_a_warmer_laser() -> None:
    """Pulses a detuning W apart overlap, squared, by exp(-(T0 W)^2 / 2)."""
    made = MeetingBench(hom_wiring(laser_b={"wavelength_nm_per_k": 0.08}))
    made.shine(*BOTH)
    tuned, tuned_error = _dip(made, 400)
    warmer_k = 0.6
    warm_ohm = 10_000.0 * np.exp(3950.0 * (1 / (298.15 + warmer_k) - 1 / 298.15))
    made.lasers[1].set(ohm=float(warm_ohm))
    warm, warm_error = _dip(made, 400)
    laser = made.world.ways.source.laser
    t0_ps = laser.pulse_fwhm_ps / (2 * np.sqrt(np.log(2)))
    detuned_rad_ps = np.sqrt(-2 * np.log(warm / tuned)) / t0_ps
    nm_per_rad_ps = laser.wavelength_nm**2 / (2 * np.pi * 299_792.458)
    found = detuned_rad_ps * nm_per_rad_ps / warmer_k
    exponent = 2 * np.log(tuned / warm)
    error = 4 * np.hypot(warm_error / warm, tuned_error / tuned) / exponent
    assert error < 0.12
    assert found == pytest.approx(0.08, rel=error)


def test_photons_of_two_dots_dip_by_their_indistinguishability() -> None:
    dots = SUPPLEMENTS["dot"] | {"indistinguishability": 0.9}
    # the dots' light is horizontal, and the plate leaves it so
    made = MeetingBench(hom_wiring(in_arms=dots, plate_b={"angle_deg": 0.0}))
    made.shine(5.0, 5.0)
    depth, error = _dip(made, 4_800)
    assert abs(depth - 0.9**2) < 4 * error < 0.03
    made.delay(300)
    made.clicks(1)
    met = made.world.moment.conditions.emission
    assert isinstance(met, MetPhotons)
    # wave packets of 600 ps
    assert met.indistinguishability() == pytest.approx(0.81 * np.exp(-0.5))


def test_thermal_light_dips_by_a_third() -> None:
    made = MeetingBench(hom_wiring(in_arms=SUPPLEMENTS["diffuser"]))
    # 0.055 photons of each sender at either detector
    made.shine(76.0, 76.0)
    depth, error = _dip(made, 400, 5)
    wanted = expected_coincidences("thermal", np.full((2, 2), 0.055)).dip
    assert wanted == pytest.approx(1 / 3, abs=0.01)
    assert abs(depth - wanted) < 4 * error < 0.09


def test_each_arm_keeps_its_instants(lasers: MeetingBench) -> None:
    lasers.shine(44.0, 47.0)
    lasers.delay(3_000)
    clicks = np.concatenate(lasers.clicks(20)) % PERIOD_PS
    early = clicks[(clicks > 4_000) & (clicks < 6_000)]
    late = clicks[(clicks > 7_000) & (clicks < 9_000)]
    assert len(early) + len(late) == len(clicks)
    assert late.mean() - early.mean() == pytest.approx(3_000, abs=2)
    # after a click of the first arm a detector still recovers
    assert len(late) / len(early) == pytest.approx(10**-0.3, abs=0.06)


def test_cuts_into_calls_change_no_tag() -> None:
    def tags(cuts: list[int]) -> list[NDArray[np.int64]]:
        made = MeetingBench(seed=5)
        made.shine(*BOTH)
        made.delay(40)
        for tick in [*cuts, 20]:
            made.world.advance(tick * 65536 * PERIOD_PS + tick)
            made.world.deliver()
        return [made.tagger.times(number) for number in (1, 2)]

    for one, other in zip(tags([]), tags([1, 3, 4, 11]), strict=True):
        assert len(one) > 10_000
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("first_ps", "second_ps", "wanted"),
    [
        (5_000, 5_020, Encounter(-20, 5_000, (0, 0))),
        (5_000, 4_900, Encounter(100, 4_900, (0, 0))),
        (100, 9_900, Encounter(200, 9_900, (-1, 0))),
        (9_900, 10_100, Encounter(-200, 9_900, (0, 0))),
        (5_000, 125_000, Encounter(0, 5_000, (0, 12))),
    ],
)
def test_pulses_meet_their_nearest(
    first_ps: int, second_ps: int, wanted: Encounter
) -> None:
    assert Encounter.of(first_ps, second_ps, PERIOD_PS) == wanted


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"laser_b": {"pulse_fwhm_ps": 90.0}}, "one pulse_fwhm_ps"),
        ({"clock_b": {"frequency_hz": 50e6}}, "one frequency_hz"),
        ({"in_arms": SUPPLEMENTS["dot"] | {"g2_emitter": 0.1}}, "no g2_emitter"),
        ({"pad_a": SUPPLEMENTS["dot"]}, "two quantum_dots"),
        (
            {
                "cord_b": {
                    "kind": "fibre",
                    "owner": "channel",
                    "length_km": 1.0,
                    "loss_db_per_km": 0.2,
                    "dispersion_ps_per_nm_km": 17.0,
                }
            },
            "one dispersion in both arms",
        ),
        (
            {
                "cord_b": {
                    "kind": "fibre",
                    "owner": "channel",
                    "length_km": 1.0,
                    "loss_db_per_km": 0.2,
                    "pmd_ps_per_sqrt_km": 0.1,
                }
            },
            "fibres without temperature",
        ),
    ],
)
def test_what_cannot_meet_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        MeetingBench(hom_wiring(**changes))
