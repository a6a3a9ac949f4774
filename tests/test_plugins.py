from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest
from pydantic import BaseModel

from qkdlab import plugins
from qkdlab.errors import ConfigError
from qkdlab.roles.spec import DriverSpec


class Options(BaseModel):
    pass


def spec(name: str) -> DriverSpec:
    return DriverSpec(name, "M", ("TimeTagger",), {}, Options, "os:getcwd")


GOOD = (spec("good.one"), spec("good.two"))


class FakeEntry:
    """An entry point whose loading may fail."""

    def __init__(self, name, loaded, value=None):
        self.name = name
        self.value = value or f"module_{name}:X"
        self.dist = None
        self._loaded = loaded

    def load(self):
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.fixture
def drivers(monkeypatch):
    entries = [
        FakeEntry("good", GOOD),
        FakeEntry("ill", ModuleNotFoundError("No module named 'vendor_sdk'")),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
    return entries


def test_names_are_listed_without_importing(drivers):
    assert plugins.names("qkdlab.drivers") == ["good", "ill"]


def test_a_broken_vendor_leaves_the_others_working(drivers):
    assert set(plugins.driver_specs()) == {"good.one", "good.two"}


def test_a_broken_vendor_is_listed_with_its_cause(drivers):
    (broken,) = plugins.broken_drivers()
    assert broken.name == "ill"
    assert "No module named 'vendor_sdk'" in str(broken)


def test_asking_for_a_broken_plugin_names_distribution_and_cause(drivers):
    with pytest.raises(ConfigError) as caught:
        plugins.driver_spec("ill.model")
    assert "module_ill" in str(caught.value)
    assert "No module named 'vendor_sdk'" in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_driver_is_found_by_its_name(drivers):
    assert plugins.driver_spec("good.two") is GOOD[1]


def test_a_driver_is_found_under_an_entry_of_another_name(drivers):
    drivers.append(FakeEntry("thirdparty", (spec("acme.x1"),)))
    assert plugins.driver_spec("acme.x1").name == "acme.x1"


def test_a_mistyped_driver_gets_a_suggestion(drivers):
    with pytest.raises(ConfigError, match=r"did you mean 'good\.one'"):
        plugins.driver_spec("good.ome")


def test_an_unknown_plugin_gets_a_suggestion(drivers):
    with pytest.raises(ConfigError, match=r"called 'goood'.*mean 'good'"):
        plugins.lookup("qkdlab.drivers", "goood")


def test_two_distributions_with_one_name_are_refused(drivers):
    drivers.append(FakeEntry("good", GOOD, value="other:X"))
    with pytest.raises(ConfigError, match="uninstall all but one"):
        plugins.lookup("qkdlab.drivers", "good")


def test_one_entry_seen_twice_is_one_plugin(drivers):
    drivers.append(FakeEntry("good", GOOD))
    assert plugins.lookup("qkdlab.drivers", "good") is GOOD


def test_a_suggestion_ignores_case():
    assert plugins.suggest("Alise", ["alice", "bob"]) == "alice"


def test_a_far_word_gets_no_suggestion():
    assert plugins.suggest("xyz", ["alice", "bob"]) is None


def test_plugins_and_driver_specifications_load_without_numpy():
    code = (
        "import sys, qkdlab.plugins, qkdlab.roles.spec; print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "False", done.stderr
