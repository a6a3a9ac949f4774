"""The lines of a simulated bench: kind, cost and faults of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from qkdlab.clock import PS_PER_S, Clock
from qkdlab.errors import ConfigError
from qkdlab.plugins import did_you_mean
from qkdlab.transport.base import Transport
from qkdlab_sims.bench.ports import Instrument
from qkdlab_sims.instruments.machine import ByteMachine, MessageMachine
from qkdlab_sims.mount.attentive import Attentive
from qkdlab_sims.mount.faults import Fault
from qkdlab_sims.mount.faulty import FaultyByteMachine, FaultyMessageMachine
from qkdlab_sims.mount.inprocess import (
    InProcessByteTransport,
    InProcessMessageTransport,
)

__all__ = ["Line", "Lines"]

_EXCHANGE_PS = PS_PER_S // 1000
"""A question and its answer over a network."""

_BAUD = {
    "koheron.ctl200": 115_200,
    "ozoptics.dd100": 9600,
    "srs.dc205": 115_200,
    "thorlabs.ell14_bus": 9600,
}
"""Devices on a serial line; all others sit on a network or GPIB."""

_MESSAGES = frozenset({"idquantique.id900"})
"""Devices that talk in whole messages."""

_STREAMS = frozenset({"counts", "stream1", "stream2", "stream3", "stream4"})
"""Endpoints that send without being asked; the transfer takes no time of its own."""


@dataclass(frozen=True)
class Line:
    """What reading and writing on one connection costs."""

    byte_time_ps: int
    exchange_time_ps: int

    @classmethod
    def of(cls, simulator: str, endpoint: str) -> Line:
        """Return the cost for an endpoint of a simulated device (8N1 if serial)."""
        if simulator in _BAUD:
            return cls(10 * PS_PER_S // _BAUD[simulator], 0)
        return cls(0, 0 if endpoint in _STREAMS else _EXCHANGE_PS)


class Lines:
    """All connections of one simulated device.

    before: brings the surroundings up to date; called before the device hears anything

    Raises ConfigError for a fault at an endpoint that the device does not have.
    """

    def __init__(
        self,
        name: str,
        simulator: str,
        instrument: Instrument,
        faults: Sequence[Fault],
        clock: Clock,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._simulator = simulator
        self._clock = clock
        self._machines = dict(instrument.endpoints)
        self._open: dict[str, InProcessByteTransport | InProcessMessageTransport] = {}
        if before is not None:
            for endpoint, machine in instrument.endpoints.items():
                attentive = Attentive(cast(ByteMachine, machine), before)
                self._machines[endpoint] = attentive
        for fault in faults:
            if fault.endpoint is not None:
                self._require(fault.endpoint, f"simulation.faults.{name}")
        if faults:
            for endpoint, machine in self._machines.items():
                struck = [f for f in faults if f.endpoint in (None, endpoint)]
                self._machines[endpoint] = self._faulty(machine, struck)

    def open(self, endpoint: str) -> Transport:
        """Return the line to `endpoint`; users of one bus share it.

        Raises ConfigError when the device has no such endpoint.
        """
        self._require(endpoint, self._name)
        transport = self._open.get(endpoint)
        if transport is None or transport.closed:
            transport = self._new(endpoint)
            self._open[endpoint] = transport
        return transport

    def close(self) -> None:
        """Close all lines."""
        for transport in self._open.values():
            transport.close()

    def _new(self, endpoint: str) -> InProcessByteTransport | InProcessMessageTransport:
        name = self._name if endpoint == "control" else f"{self._name} ({endpoint})"
        cost = Line.of(self._simulator, endpoint)
        machine = self._machines[endpoint]
        if self._simulator in _MESSAGES:
            return InProcessMessageTransport(
                name,
                cast(MessageMachine, machine),
                self._clock,
                exchange_time_ps=cost.exchange_time_ps,
            )
        return InProcessByteTransport(
            name,
            cast(ByteMachine, machine),
            self._clock,
            byte_time_ps=cost.byte_time_ps,
            exchange_time_ps=cost.exchange_time_ps,
        )

    def _faulty(
        self, machine: ByteMachine | MessageMachine, faults: Sequence[Fault]
    ) -> ByteMachine | MessageMachine:
        if self._simulator in _MESSAGES:
            return FaultyMessageMachine(cast(MessageMachine, machine), faults)
        return FaultyByteMachine(cast(ByteMachine, machine), faults)

    def _require(self, endpoint: str, where: str) -> None:
        if endpoint not in self._machines:
            raise ConfigError(
                f"{where}: the simulated {self._simulator} has no endpoint {endpoint!r}"
                + did_you_mean(endpoint, self._machines)
            )
