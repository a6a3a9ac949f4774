"""Every packaged configuration, with the plug-ins that are really installed."""

from __future__ import annotations

import json

import pytest

from qkdlab.config.find import packaged_names
from qkdlab.config.load import load, load_text
from qkdlab.wiring.rules import check

NAMES = sorted(packaged_names())


@pytest.fixture(scope="module", params=NAMES)
def config(request):
    return load(request.param)


def test_it_carries_the_name_of_its_file(config):
    assert config.name in NAMES


def test_its_bench_keeps_every_rule(config):
    assert [str(problem) for problem in check(config)] == []


def test_its_resolved_form_is_the_same_configuration(config):
    again = load_text(json.dumps(config.resolved()), "resolved.json")
    assert again.resolved() == config.resolved()
    assert again.hash == config.hash


def test_a_pattern_that_repeats_is_never_secure(config):
    assert config.key_class == "demonstration"
