"""What only the simulated world refuses is told by `check`, too, with its place."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import pytest

from qkdlab.config.load import load
from qkdlab.config.models import RunConfig
from qkdlab.errors import ConfigError
from qkdlab.station.bench import BenchWithLimits, open_real_bench
from qkdlab_sims.plugin import open_bench, serve

PACKAGED = sorted(
    one.name.removesuffix(".yaml")
    for one in files("qkdlab_configs").iterdir()
    if one.name.endswith(".yaml")
)


def changed(bench: str, *changes: str) -> RunConfig:
    return load(bench, overrides=[f"wiring.parts.{change}" for change in changes])


def refused(act: Callable[[RunConfig], object], config: RunConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        act(config)
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize("bench", PACKAGED)
def test_packaged_benches_are_ones_that_can_be_simulated(bench: str) -> None:
    open_bench.check(load(bench))


def test_pulses_of_two_widths_are_refused_where_the_second_laser_stands() -> None:
    line = refused(open_bench.check, changed("hom", "laser_b.pulse_fwhm_ps=90"))
    assert line.startswith("--set: wiring.parts.laser_b.pulse_fwhm_ps: ")
    assert "'laser_a' has 60 ps and chirp 0, 'laser_b' has 90 ps" in line


def test_dark_counts_that_the_bias_makes_name_the_bias() -> None:
    line = refused(open_bench.check, changed("bb84_spad", "d_z1.bias_v=105"))
    assert "wiring.parts.d_z1: dark_rate_hz is 5.02644e+13 Hz" in line
    assert "at bias_v 105 V, 40 V above breakdown" in line
    assert line.endswith("lower bias_v")


@pytest.mark.parametrize(
    "act",
    [
        open_bench,
        open_bench.check,
        lambda config: serve(config, 1, lambda _: None, lambda _: None, lambda: True),
    ],
    ids=["open", "check", "serve"],
)
def test_light_that_a_detector_does_not_survive_is_not_simulated(
    act: Callable[[RunConfig], object],
) -> None:
    line = refused(act, changed("bb84", "d_z1.damage_dbm=-55"))
    assert "wiring.parts.d_z1.damage_dbm" in line
    assert "survives -55 dBm; add a fixed attenuator" in line


def test_a_real_bench_has_no_limits_of_its_own() -> None:
    assert isinstance(open_bench, BenchWithLimits)
    assert not isinstance(open_real_bench, BenchWithLimits)
