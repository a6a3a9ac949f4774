"""The reference bench with driver specifications made for tests of the wiring rules."""

from __future__ import annotations

from typing import Any

import fake_plugins
from pydantic import BaseModel, ConfigDict

import qkdlab_configs
from qkdlab.config.load import load
from qkdlab.config.models import RunConfig
from qkdlab.roles.spec import DriverSpec
from qkdlab_experiments.parameters import Bb84Parameters


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AwgOptions(Options):
    filter: str = "STEP"
    reference: str | None = None
    max_samples: int = 4_000_000


class Optical(Options):
    wavelength_nm: float = 1550.0


class Meter(Optical):
    low_pass: bool = True


class Delays(Options):
    timebase: str = "any"


class Plate(Options):
    address: int
    velocity_percent: int | None = None


class Detectors(Options):
    n_detectors: int = 4
    measurement_period_ms: int | None = None
    trigger_levels_mv: list[float] | None = None


class Connector(BaseModel):
    model_config = ConfigDict(extra="allow")
    enabled: bool | None = None
    threshold_v: float | None = None


class Inputs(Options):
    n_inputs: int = 4
    resolution: str | None = None
    sync: str | None = None
    inputs: list[dict[str, Any]] = []
    start: Connector = Connector()


class LaserOptions(Options):
    current_limit_ma: float


class Line(Options):
    home_on_open: bool = False
    attenuation_db_on_open: float | None = None


AWG = {
    "max_sample_rate_hz": 1e9,
    "max_sample_rate_filter_off_hz": 250e6,
    "min_samples": 8.0,
    "max_samples": 4e6,
    "max_output_v": 5.0,
}
ATTENUATOR = {"min_attenuation_db": 0.0, "max_attenuation_db": 60.0}
METER = {"floor_dbm": -70.0, "max_dbm": 13.0}
BIAS = {"max_bias_ua": 100.0}
TAGGER = {
    "max_rate_hz": 8e6,
    "max_start_hz": 1e6,
    "min_input_v": 0.05,
    "max_input_v": 2.0,
}
LASER = {"max_current_ma": 200.0}
CLOCK = {"max_output_dbm": 16.5}
DELAY = {"max_trigger_hz": 1e7, "min_trigger_v": -3.5, "max_trigger_v": 3.5}
LINE = {"min_attenuation_db": 1.2, "max_attenuation_db": 60.0}


def specs(**limits: dict[str, float]) -> dict[str, tuple[DriverSpec, ...]]:
    """Return the drivers of the reference bench; `limits` replace those of a vendor."""
    table: list[tuple[str, str, type[BaseModel], dict[str, float]]] = [
        ("keysight.33622a", "PatternGenerator", AwgOptions, AWG),
        ("hp.8156a", "Attenuator", Optical, ATTENUATOR),
        ("thorlabs.pm100d", "PowerMeter", Meter, METER),
        ("thorlabs.ell14", "Rotator", Plate, {}),
        ("singlequantum.websq", "BiasSource", Detectors, BIAS),
        ("idquantique.id900", "TimeTagger", Inputs, TAGGER),
        ("koheron.ctl200", "LaserDriver", LaserOptions, LASER),
        ("srs.sg384", "ClockSource", Options, CLOCK),
        ("srs.dc205", "VoltageSource", Options, {}),
        ("srs.dg645", "DelayGenerator", Delays, DELAY),
        ("ozoptics.dd100", "Attenuator", Line, LINE),
    ]
    vendors: dict[str, tuple[DriverSpec, ...]] = {}
    for name, role, options, known in table:
        vendor = name.partition(".")[0]
        spec = DriverSpec(
            name,
            name,
            (role,),
            {},
            options,
            "x:X",
            limits=known | limits.get(vendor, {}),
        )
        vendors[vendor] = (*vendors.get(vendor, ()), spec)
    return vendors


def install(monkeypatch: Any, **limits: dict[str, float]) -> None:
    """Install the reference bench's plug-ins."""
    fake_plugins.install(
        monkeypatch,
        configs={"qkdlab": qkdlab_configs},
        drivers=specs(**limits),
        experiments={"bb84": fake_plugins.experiment(Bb84Parameters)},
        sections={"simulation": Anything},
    )


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def bench(*overrides: str) -> RunConfig:
    """Load the reference bench with changes."""
    return load("bb84", overrides=overrides)
