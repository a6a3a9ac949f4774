"""A station without hardware: fake drivers that note what they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from pydantic import BaseModel

from qkdlab.clock import VirtualClock
from qkdlab.config.models import InstrumentConfig, RoleConfig, StationConfig
from qkdlab.errors import InstrumentError, InstrumentTimeout
from qkdlab.roles import TaggerCapabilities
from qkdlab.roles.spec import DriverSpec, Endpoint
from qkdlab.timetags.block import TagBlock

DIARY: list[str] = []
"""What all fake drivers did, in order; cleared by the fixture that installs them."""


class Options(BaseModel):
    fail: str = ""
    """``identify``, ``model`` or ``safe``: what goes wrong."""


class FakeDriver:
    def __init__(self, name: str, connections: Any, options: Options, clock: Any):
        self.name = name
        self.connections = connections
        self.options = options
        DIARY.append(f"{name} constructed")

    def identify(self) -> dict[str, str]:
        if self.options.fail == "identify":
            raise InstrumentTimeout(self.name, "no answer", "check the cable")
        if self.options.fail == "model":
            raise InstrumentError(self.name, "is a toaster", "check the address")
        return {"model": "fake"}

    def safe_state(self) -> None:
        DIARY.append(f"{self.name} safe")
        self.connections["control"].write(b"SAFE\n")
        if self.options.fail == "safe":
            raise InstrumentTimeout(self.name, "stays silent")

    def close(self) -> None:
        DIARY.append(f"{self.name} closed")


class FakeTagger(FakeDriver):
    """Gives `blocks` one after the other."""

    blocks: list[TagBlock] = []  # noqa: RUF012 - set by tests

    def tagger_capabilities(self) -> TaggerCapabilities:
        return TaggerCapabilities(4, 1, 1e6, True)

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        self._left = list(self.blocks)

    def read(self, duration_ps: int) -> TagBlock:
        return self._left.pop(0)

    def stop(self) -> None:
        pass


class FakeBias(FakeDriver):
    voltages_mv: list[float] = [1.0, 1.0]  # noqa: RUF012 - set by tests

    def get_voltages_mv(self) -> list[float]:
        return list(self.voltages_mv)


def _spec(name: str, role: str, target: str = "FakeDriver", **more: Any) -> DriverSpec:
    endpoints = {"control": Endpoint("bytes", "TCPIP::{host}::5025::SOCKET")}
    return DriverSpec(
        f"fake.{name}",
        name,
        (role,),
        endpoints,
        Options,
        f"station_fakes:{target}",
        **more,
    )


SPECS = {
    spec.name: spec
    for spec in (
        _spec("attenuator", "Attenuator"),
        _spec("awg", "PatternGenerator"),
        _spec("meter", "PowerMeter", verified="hardware 1.0, 2026-01-01"),
        _spec("rotator", "Rotator"),
        _spec("laser", "LaserDriver"),
        _spec("bias", "BiasSource", "FakeBias"),
        _spec("tagger", "TimeTagger", "FakeTagger"),
    )
}


class FakeLine:
    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = 0
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def read(self, n_max: int, timeout_s: float) -> bytes:
        return b""

    def close(self) -> None:
        self.closed += 1


class FakeBench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.lines: dict[tuple[str, str, str], FakeLine] = {}

    def connect(self, party: str, connection: str, endpoint: str) -> Any:
        key = (party, connection, endpoint)
        assert key not in self.lines, "a line was opened twice"
        self.lines[key] = FakeLine(connection)
        return self.lines[key]

    def close(self) -> None:
        pass


def instrument(driver: str, *, bus: str | None = None, fail: str = "", **address: str):
    return InstrumentConfig(
        driver=f"fake.{driver}", bus=bus, address=address, options=Options(fail=fail)
    )


def config(
    instruments: dict[str, InstrumentConfig], roles: dict[str, Any] | None = None
) -> Any:
    """Return the parts of a RunConfig that a station reads."""
    station = StationConfig(
        instruments=instruments,
        roles={n: RoleConfig(**r) for n, r in (roles or {}).items()},
    )
    return SimpleNamespace(parties={"alice": station}, calibration=[])


def block(t_ps: list[int], begin_ps: int, end_ps: int) -> TagBlock:
    t = np.array(t_ps, np.int64)
    return TagBlock(t, np.zeros(t.size, np.uint8), begin_ps, end_ps)
