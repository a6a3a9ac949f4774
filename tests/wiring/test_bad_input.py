"""Values that contradict one another are refused by `check`: once, with numbers."""

from __future__ import annotations

import pytest

from qkdlab.config.load import load
from qkdlab.errors import ConfigError
from qkdlab.wiring.rules import check

PARTS = "wiring.parts."


def told(bench: str, *changes: str) -> str:
    """Return the one error, of loading or of the rules, about a packaged bench."""
    try:
        found = check(load(bench, overrides=[PARTS + c for c in changes]))
    except ConfigError as error:
        (line,) = error.problems
    else:
        (line,) = [str(problem) for problem in found]
    return line


@pytest.mark.parametrize(
    ("bench", "change", "message"),
    [
        (
            "bb84",
            "d_z1.retrapping_ua=50",
            "d_z1: retrapping_ua 50 uA must be below switching_current_ua, 31.8 uA; "
            "lower it",
        ),
        (
            "bb84",
            "laser.bias_ma=90",
            "laser: bias_ma 90 mA is above max_current_ma, 80 mA",
        ),
        (
            "bb84",
            "laser.threshold_ma=50",
            "bias_ma 10 mA and pulse_current_ma 35 mA do not reach threshold_ma, 50 mA",
        ),
        (
            "bb84",
            "mzm.relaxation_shares=[0.9, 0.9]",
            "mzm: relaxation_shares add up to 1.8, which must lie between -1 and 1",
        ),
        (
            "bb84",
            "mzm.memory=[-0.6, 0.2, -0.6]",
            "mzm: memory's negative shares add up to -1.2, which must be more than -1",
        ),
        (
            "bb84",
            "attenuator.min_db=80",
            "attenuator: min_db 80 dB is above max_db, 60 dB; lower it",
        ),
        (
            "bb84",
            "tap_meter.floor_dbm=20",
            "tap_meter: floor_dbm 20 dBm must be below max_dbm, 10 dBm; lower it",
        ),
        (
            "bb84_spad",
            "d_z1.bias_v=10",
            "d_z1: bias_v 10 V must be above breakdown, 65 V at the diode's "
            "temperature, and at most 115 V; choose about 67.5 V",
        ),
        ("bb84_spad", "d_z1.bias_v=500", "bias_v 500 V must be above breakdown, 65 V"),
        (
            "bb84_spad",
            "d_z1.temperature_k=293",
            "bias_v 67.5 V must be above breakdown, 71 V at the diode's temperature",
        ),
        (
            "bb84_spad",
            "d_z1.afterpulse_shares=[0.5, 0.6]",
            "afterpulse_shares must add up to 1, not to 1.1; divide each by their sum",
        ),
        (
            "bb84_spad",
            "d_z1.afterpulse_shares=[1.0]",
            "afterpulse_shares has 1, but afterpulse_tau_ps 2",
        ),
        (
            "bb84_spad",
            "d_z1.gate={period_ps: 10000, width_ps: 2000, lead_ps: 0, edge_ps: 5000}",
            "d_z1.gate: edge_ps 5000 ps rises and falls within width_ps, 2000 ps; give "
            "at most 1000 ps",
        ),
        (
            "bb84_spad",
            "d_z1.gate={period_ps: 10000, width_ps: 20000, lead_ps: 0}",
            "width_ps 20000 ps is longer than period_ps, 10000 ps",
        ),
        (
            "chsh",
            "crystal.pair_rate_hz=1e6",
            "pair_rate_hz 1e+06 Hz and pairs_per_pulse 0.01 exclude each other",
        ),
    ],
)
def test_values_of_one_part_that_contradict_are_refused(
    bench: str, change: str, message: str
) -> None:
    assert f"{PARTS}{change.partition('.')[0]}" in (line := told(bench, change))
    assert message in line


@pytest.mark.parametrize(
    ("bench", "change", "message"),
    [
        (
            "bb84",
            "laser.pulse_fwhm_ps=50000",
            "laser.pulse_fwhm_ps: 50000 ps, but a pulse comes every 10000 ps: they "
            "would run into each other; give at most 5000 ps",
        ),
        (
            "bb84",
            "laser.pulses={jitter_rms_ps: 9000}",
            "laser.pulses.jitter_rms_ps: 9000 ps, but a pulse comes every 10000 ps",
        ),
        (
            "bb84_1ghz",
            "eve.shift_ps=4000",
            "eve.shift_ps: 4000 ps, but must be less than 500 ps, half the time from "
            "one pulse of 'laser' to the next; lower it",
        ),
        (
            "bb84_spad",
            "d_z1.gate={period_ps: 9000, width_ps: 2000, lead_ps: 0}",
            "d_z1.gate.period_ps: 9000 ps, but the pulses of 'laser' come every 10000 "
            "ps: gates would slide over them",
        ),
        (
            "bb84",
            "tap_meter.floor_dbm=-20",
            "class 'signal' gives -27.5 dBm, class 'decoy' gives -31.5 dBm, class "
            "'vacuum' gives -51.5 dBm here; the meter reads -20 to 10 dBm",
        ),
        (
            "bb84",
            "d_z1.damage_dbm=-55",
            "d_z1.damage_dbm: -49.3 dBm of 'laser' at max_current_ma, 80 mA, may come",
        ),
    ],
)
def test_values_of_two_parts_that_contradict_are_refused_once(
    bench: str, change: str, message: str
) -> None:
    assert message in told(bench, change)


@pytest.mark.parametrize("period_ps", [5_000, 10_000, 40_000])
def test_gates_in_step_with_the_pulses_are_taken(period_ps: int) -> None:
    gate = f"d_z1.gate={{period_ps: {period_ps}, width_ps: 2000, lead_ps: 0}}"
    assert check(load("bb84_spad", overrides=[PARTS + gate])) == []


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        (
            "attenuator",
            ("min_db=80", "max_db=90"),
            "min_db: 80 dB, but alice.attenuator gives at most 60 dB; lower it",
        ),
        (
            "line_attenuator",
            ("min_db=0", "max_db=0.5"),
            "max_db: 0.5 dB, but channel.attenuator gives at least 1.2 dB; raise it",
        ),
        (
            "tap_meter",
            ("floor_dbm=30", "max_dbm=40"),
            "floor_dbm: 30 dBm, but alice.tap_meter reads at most 13 dBm; lower it",
        ),
    ],
)
def test_a_label_and_a_driver_with_no_value_in_common_are_refused_once(
    part: str, changes: tuple[str, ...], message: str
) -> None:
    assert message in told("bb84", *(f"{part}.{change}" for change in changes))


def test_a_warm_diode_may_have_the_higher_bias_that_it_wants() -> None:
    warm = ["d_z1.temperature_k=293", "d_z1.bias_v=73.5"]
    assert check(load("bb84_spad", overrides=[PARTS + w for w in warm])) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("laser.bias_ma", "nan", "less than or equal to 10000 milliamperes, got 'nan'"),
        ("mzm.walk_rad_per_sqrt_s", "-1", "equal to 10, got -1 rad/sqrt(s)"),
        ("fibre.loss_db_per_km", "-1", "less than or equal to 100, got -1 dB/km"),
        ("fibre.dispersion_ps_per_nm_km", "999", "got 999 ps/(nm km)"),
        ("d_z1.dark_slope_per_ua", "0", "got 0 1/uA"),
    ],
)
def test_ranges_are_told_in_units_as_they_are_written(
    key: str, value: str, message: str
) -> None:
    assert message in told("bb84", f"{key}={value}")
