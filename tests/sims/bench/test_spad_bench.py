"""A bench whose receiver counts with avalanche diodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from raw_bench import ByHand, config
from world_stubs import packaged_bench

from qkdlab.config.load import load_resolved
from qkdlab.errors import ConfigError
from qkdlab.wiring.rules import check
from qkdlab_sims.optics.source import photon_energy_j
from qkdlab_sims.plugin import open_bench

DIODE = {
    "kind": "spad",
    "owner": "bob",
    "efficiency": 0.25,
    "dark_rate_hz": 2000.0,
    "dead_time_ps": 1_000_000,
    "afterpulse_probability": 0.03,
    "afterpulse_tau_ps": [1e6, 8e6],
    "afterpulse_shares": [0.5, 0.5],
    "jitter_fwhm_ps": 200.0,
}
NAMES = ("d_x0", "d_x1", "d_z0", "d_z1")


def data(**changes: Any) -> dict[str, Any]:
    """The reference bench with diodes in place of nanowires."""
    plain = packaged_bench()
    for name in NAMES:
        plain["wiring"]["parts"][name] = DIODE | changes
    return plain


def hand(db: float) -> ByHand:
    made = ByHand(parts=dict.fromkeys(NAMES, DIODE))
    made.play(np.full(8000, 0.8), np.zeros(8000))
    made.light(db)
    made.prepare_tags()
    return made


def test_tags_of_diodes_have_the_rates_of_the_truth() -> None:
    made = hand(45.0)
    duration_s = 0.5
    rates = np.array([len(t) for t in made.tags(duration_s)]) / duration_s
    truth = made.bench.truth()
    mean, stokes = made.bench.truth_light()
    del mean
    for rate, detector in zip(rates, truth["detectors"], strict=True):
        photons = 0.5 * float(np.asarray(detector["analyser"]) @ stokes[0])
        free_hz = 1e8 * photons * detector["efficiency"] + detector["dark_rate_hz"]
        expected = free_hz * 1.031 / (1.0 + free_hz * 1.031 * 1e-6)
        assert rate == pytest.approx(expected, rel=0.03)


def test_no_two_clicks_of_a_diode_lie_within_its_hold_off() -> None:
    tags = hand(30.0).tags(0.05)
    assert min(int(np.diff(t).min()) for t in tags) > 990_000


def test_bias_and_temperature_of_a_part_are_those_of_the_diode() -> None:
    warm = open_bench(config(data(temperature_k=253.0, bias_v=69.5)), 1).truth()
    cold = open_bench(config(data()), 1).truth()
    assert (
        warm["detectors"][0]["dark_rate_hz"] > 2 * cold["detectors"][0]["dark_rate_hz"]
    )


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("efficiency", 1.2, "less than or equal to 1"),
        ("jitter_fwhm_ps", -1.0, "greater than or equal to 0"),
        ("afterpulse_shares", [0.5, 0.6], "add up to 1"),
        ("afterpulse_spectrum", {"shortest_ps": 2.0, "longest_ps": 1.0}, "below"),
        ("afterpulse_spectrum", {"shortest_ps": 1.0, "longest_ps": 2.0}, "leave out"),
        ("backflash", {"probability": 1.2}, "less than or equal to 1"),
        (
            "gate",
            {"period_ps": 10_000_000, "width_ps": 2_000_000, "lead_ps": 0},
            "gate",
        ),
    ],
)
def test_diodes_outside_physics_are_refused_at_load(field, value, match) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)d_x0.*{match}"):
        load_resolved(data(**{field: value}), "diodes.yaml")


def test_a_bench_of_diodes_passes_the_rule_check() -> None:
    assert check(load_resolved(data(), "diodes.yaml")) == []


def test_two_kinds_of_detectors_are_refused() -> None:
    plain = packaged_bench()
    plain["wiring"]["parts"]["d_x0"] = DIODE
    with pytest.raises(ConfigError, match="detectors of one kind"):
        open_bench(config(plain), 1)


def test_attacks_photon_by_photon_are_refused() -> None:
    plain = data()
    plain["wiring"]["parts"]["eve"]["attack"] = "photon_number_splitting"
    with pytest.raises(ConfigError, match="photon by photon"):
        open_bench(config(plain), 1)


def test_blinding_power_is_recovered_from_counts_under_continuous_light() -> None:
    """The photocurrent pulls the bias below breakdown: from there on it is silent."""
    network = {"series_ohm": 1e8, "responsivity_a_per_w": 0.9, "blinding_gain": 6.0}
    diode = DIODE | {"network": network, "afterpulse_probability": 0.0}
    made = ByHand(parts=dict.fromkeys(NAMES, diode))
    made.scpi("alice", "clock", "ENBR 0")
    made.ask("alice", "laser", "ilaser 40", b">>")
    made.play(np.full(8000, 0.8), np.zeros(8000))
    made.prepare_tags()

    def counts(attenuation_db: float, duration_s: float = 0.002) -> int:
        made.light(attenuation_db)
        return len(made.tags(duration_s, duration_s)[1])

    # one count a hold-off tells how long a recording is
    dim, saturated = counts(55.0, 0.04), counts(20.0, 0.04)
    rate_hz = dim / (saturated - dim) / 1e-6 - 2000.0
    watts = rate_hz / 0.25 * photon_energy_j(1550.12)
    silent_db, loud_db = 4.0, 12.0
    for _ in range(7):
        middle_db = 0.5 * (silent_db + loud_db)
        if counts(middle_db) == 0:
            silent_db = middle_db
        else:
            loud_db = middle_db
    blinding_w = watts * 10 ** ((55.0 - silent_db) / 10)
    # 2.5 V of excess bias over resistor, responsivity and gain; efficiency to 1 %
    assert blinding_w == pytest.approx(2.5 / (1e8 * 0.9 * 6.0), rel=0.06)
