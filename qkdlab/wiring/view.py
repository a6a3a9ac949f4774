"""`BenchView`: all that the rules look at, with places for what they find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from qkdlab.plugins import driver_spec
from qkdlab.problems import KeyPath, Position, Problem
from qkdlab.wiring.demand import Demand
from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Wiring

__all__ = ["BenchConfig", "BenchView"]


class _Instrument(Protocol):
    @property
    def driver(self) -> str: ...
    @property
    def bus(self) -> str | None: ...
    @property
    def options(self) -> BaseModel: ...


class _Station(Protocol):
    @property
    def instruments(self) -> Mapping[str, _Instrument]: ...


class BenchConfig(Protocol):
    """What the rules need of a configuration (`qkdlab.config.models.RunConfig`)."""

    @property
    def wiring(self) -> Wiring:
        """Parts and cables."""
        ...

    @property
    def parties(self) -> Mapping[str, _Station]:
        """Stations by party."""
        ...

    @property
    def parameters(self) -> BaseModel:
        """The experiment's parameters."""
        ...

    def where(self, path: KeyPath) -> Position:
        """Return the place of a value."""
        ...


class BenchView:
    """A configuration as the rules see it."""

    def __init__(self, config: BenchConfig) -> None:
        self.config = config
        self.wiring = config.wiring
        self.graph = Graph(config.wiring)

    @cached_property
    def demand(self) -> Demand:
        """What the experiment asks of the bench."""
        return Demand.of(self.config.parameters)

    def instrument(self, name: str) -> _Instrument | None:
        """Return the instrument ``party.name``, or None."""
        party, _, key = name.partition(".")
        station = self.config.parties.get(party)
        return station.instruments.get(key) if station is not None else None

    def limits(self, name: str) -> Mapping[str, float]:
        """Return the limits that the driver of ``party.name`` states."""
        instrument = self.instrument(name)
        return driver_spec(instrument.driver).limits if instrument else {}

    def roles(self, name: str) -> tuple[str, ...]:
        """Return the roles that the driver of ``party.name`` offers."""
        instrument = self.instrument(name)
        return driver_spec(instrument.driver).roles if instrument else ()

    def option(self, name: str, option: str) -> Any:
        """Return an option of ``party.name``; None where it has no such option."""
        instrument = self.instrument(name)
        return getattr(instrument.options, option, None) if instrument else None

    def part(
        self,
        name: str,
        key: str,
        message: str,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Make a problem with a value of a part; `key` may be ``gate.period_ps``."""
        path: KeyPath = ("wiring", "parts", name, *(key.split(".") if key else ()))
        return Problem(self.config.where(path), path, message, severity)

    def set_option(
        self,
        name: str,
        option: KeyPath,
        message: str,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Make a problem with an option of ``party.name``."""
        party, _, key = name.partition(".")
        path: KeyPath = ("parties", party, "instruments", key, "options", *option)
        return Problem(self.config.where(path), path, message, severity)

    def cable(self, index: int, key: str, message: str) -> Problem:
        """Make a problem with a value of a cable."""
        path: KeyPath = ("wiring", "cables", index, key)
        return Problem(self.config.where(path), path, message)

    def parameter(
        self,
        path: KeyPath,
        message: str,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Make a problem with a parameter of the experiment."""
        path = ("parameters", *path)
        return Problem(self.config.where(path), path, message, severity)
