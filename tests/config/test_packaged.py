from __future__ import annotations

import fake_plugins
import pytest

import qkdlab_configs
from qkdlab.config.find import packaged_names, read_source
from qkdlab.config.layers import resolve_extends
from qkdlab.config.yaml_text import parse_yaml
from qkdlab.errors import ConfigError


@pytest.fixture
def packaged(monkeypatch):
    fake_plugins.install(monkeypatch, configs={"qkdlab": qkdlab_configs})


def document(name):
    text, file = read_source(name)
    parsed, problems = parse_yaml(text, file)
    assert problems == []
    parsed, problems = resolve_extends(parsed, file)
    assert problems == []
    return parsed


def test_the_packaged_configurations_are_found_by_name(packaged):
    assert {"bb84", "bb84_tiny", "bb84_eve", "bb84_no_key"} <= set(packaged_names())


@pytest.mark.parametrize("name", ["bb84_tiny", "bb84_eve", "bb84_no_key"])
def test_a_variant_carries_its_own_name(packaged, name):
    assert document(name).data["name"] == name


@pytest.mark.parametrize("name", ["bb84_tiny", "bb84_eve", "bb84_no_key"])
def test_a_variant_has_the_stations_of_the_reference_bench(packaged, name):
    assert document(name).data["parties"] == document("bb84").data["parties"]


def test_the_eavesdropper_attacks_every_pulse(packaged):
    eve = document("bb84_eve").get(("wiring", "parts", "eve"))
    assert (eve["attack"], eve["fraction"]) == ("intercept_resend", 1.0)


def test_the_lossy_variant_has_20_db_more(packaged):
    place = ("wiring", "parts", "fibre", "excess_loss_db")
    assert document("bb84_no_key").get(place) - document("bb84").get(place) == 20.0


def test_a_mistyped_name_gets_a_suggestion(packaged):
    with pytest.raises(ConfigError, match="did you mean 'bb84_tiny'"):
        read_source("bb84_tinny")


def test_one_name_in_two_packages_is_refused(monkeypatch):
    twice = {"one": qkdlab_configs, "two": qkdlab_configs}
    fake_plugins.install(monkeypatch, configs=twice)
    with pytest.raises(ConfigError, match="packaged twice"):
        packaged_names()
