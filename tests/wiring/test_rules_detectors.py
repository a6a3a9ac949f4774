"""Rules about what detectors survive."""

from __future__ import annotations

import fake_bench
import pytest

from qkdlab.wiring.rules import check


@pytest.fixture(autouse=True)
def _plugins(monkeypatch):
    fake_bench.install(monkeypatch)


def text(*overrides):
    return "\n".join(map(str, check(fake_bench.bench(*overrides))))


def test_light_that_a_detector_does_not_survive_is_named_with_its_power():
    found = text(
        "wiring.parts.d_x0.damage_dbm=-60.0", "wiring.parts.laser.mean_power_dbm=20.0"
    )
    assert "wiring.parts.d_x0.damage_dbm" in found
    assert "it survives -60 dBm; add a fixed attenuator" in found


def test_the_reference_bench_harms_no_detector():
    assert "survives" not in text()
