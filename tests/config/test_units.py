from __future__ import annotations

import pytest

from qkdlab.config.units import number_hint, split_unit, unit_hint


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("duration_s", ("duration", "s")),
        ("drift_rad_per_sqrt_s", ("drift", "rad_per_sqrt_s")),
        ("loss_db_per_km", ("loss", "db_per_km")),
        ("v_pi_v", ("v_pi", "v")),
        ("dark_slope_per_ua", ("dark_slope", "per_ua")),
        ("delay_change_ps_max", ("delay_change_max", "ps")),
        ("phase_deg_on_open", ("phase_on_open", "deg")),
        ("symbols", ("symbols", "")),
        ("s", ("s", "")),
    ],
)
def test_the_unit_is_the_end_of_the_name(name, parts):
    assert split_unit(name) == parts


def test_another_unit_of_the_same_quantity_is_recognised():
    assert unit_hint("delay_ns", ["delay_ps", "loss_db"]) == "delay_ps"


def test_another_quantity_is_no_unit_mistake():
    assert unit_hint("power_ns", ["delay_ps"]) is None


def test_the_unit_itself_is_taken_off():
    assert number_hint("250 ps", "delay_ps") == (
        "'250 ps' is not a number; 'delay_ps' is in picoseconds: write 250"
    )


@pytest.mark.parametrize(
    ("text", "field", "number"),
    [
        ("2.5ns", "delay_ps", "2500"),
        ("10 µA", "bias_ua", "10"),
        ("0.1 GHz", "frequency_hz", "100000000"),
        ("1 mW", "power_uw", "1000"),
    ],
)
def test_units_are_converted_into_the_fields_unit(text, field, number):
    assert number_hint(text, field).endswith(f"write {number}")


def test_a_foreign_unit_is_not_converted():
    assert number_hint("3 km", "delay_ps").endswith("write the plain number")


def test_a_field_without_a_unit_says_so():
    assert "plain number" in number_hint("5 s", "symbols")


@pytest.mark.parametrize("text", ["abc", "0.5", "", "s 10"])
def test_what_is_no_number_with_a_unit_gets_no_hint(text):
    assert number_hint(text, "delay_ps") is None
