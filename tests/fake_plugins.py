"""Plug-ins made for tests: an experiment, drivers, a section."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Set
from types import SimpleNamespace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.roles.needs import Needs
from qkdlab.roles.spec import DriverSpec, Endpoint


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pattern(Strict):
    symbols: int = Field(gt=0)
    samples_per_symbol: int = 10


class Parameters(Strict):
    duration_s: float = Field(gt=0)
    repetition_mhz: float = 100.0
    gate_ps: int = 2000
    drift_rad_per_sqrt_s: float = 0.0
    pattern: Pattern
    bias_ua: tuple[float, ...] = (22.0, 22.0)
    cyclic: bool = True

    @property
    def settings_repeat(self) -> bool:
        return self.cyclic


class AwgOptions(Strict):
    filter: Literal["NORM", "STEP", "OFF"] = "STEP"


class TaggerOptions(Strict):
    n_inputs: int = Field(ge=1, le=4)


class Section(Strict):
    spread_db: float = 0.1
    buses: dict[str, dict[str, Any]] = {}
    faults: dict[str, str] = {}

    def unknown_names(self, known: Set[str]) -> list[tuple[str, str]]:
        return [("faults", name) for name in self.faults if name not in known]


CONTROL = {"control": Endpoint("bytes")}
SPECS = (
    DriverSpec("fake.awg", "F1", ("PatternGenerator",), CONTROL, AwgOptions, "x:X"),
    DriverSpec("fake.tagger", "F2", ("TimeTagger",), CONTROL, TaggerOptions, "x:X"),
)


def experiment(
    parameters: type[BaseModel], needs: dict[str, Needs] | None = None
) -> SimpleNamespace:
    """Return what a configuration reads of an experiment of Alice and Bob."""
    programs = {"alice": print, "bob": print}
    return SimpleNamespace(parameters=parameters, programs=programs, needs=needs or {})


class Entry:
    def __init__(self, name: str, loaded: Any) -> None:
        self.name = name
        self.value = f"fake_{name}:X"
        self.dist = None
        self._loaded = loaded

    def load(self) -> Any:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


def install(monkeypatch: Any, **groups: dict[str, Any]) -> None:
    """Make these the only plug-ins; `groups` replace the standard ones."""
    table: dict[str, dict[str, Any]] = {
        "benches": {"sim": object(), "real": object()},
        "drivers": {"fake": SPECS, "ill": ModuleNotFoundError("No module named 'sdk'")},
        "experiments": {"test": experiment(Parameters)},
        "configs": {},
        "sections": {"simulation": Section},
    }
    table.update(groups)

    def entry_points(group: str) -> list[Entry]:
        found = table[group.removeprefix("qkdlab.")]
        return [Entry(name, loaded) for name, loaded in found.items()]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
