"""The lines of a simulated bench: kind, cost and faults of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

__all__ = ["Line", "Lines", "machines_of"]

_EXCHANGE_PS = PS_PER_S // 1000
"""A question and its answer over a network."""

_BAUD = {
    "koheron.ctl200": 115_200,
    "ozoptics.dd100": 9600,
    "srs.dc205": 115_200,
    "thorlabs.ell14_bus": 9600,
}
"""Devices on a serial line; all others sit on a network or GPIB."""

_MESSAGES = frozenset({"idquantique.id900", "picoquant.multiharp150"})
"""Devices that talk in whole messages."""

_STREAMS = frozenset({"counts", "stream1", "stream2", "stream3", "stream4"})
"""Endpoints that send without being asked; the transfer takes no time of its own."""


@dataclass(frozen=True)
class Line:
    """What one connection carries, and what reading and writing on it costs."""

    byte_time_ps: int
    exchange_time_ps: int
    baud: int | None = None
    """Of a serial line; None on a network or GPIB."""
    in_messages: bool = False
    """Whether it carries whole messages, not bytes."""
    is_stream: bool = False
    """Whether the device sends there without being asked."""

    @classmethod
    def of(cls, simulator: str, endpoint: str) -> Line:
        """Return the line at an endpoint of a simulated device (8N1 if serial)."""
        is_stream = endpoint in _STREAMS
        in_messages = simulator in _MESSAGES
        baud = _BAUD.get(simulator)
        if baud is not None:
            return cls(10 * PS_PER_S // baud, 0, baud, in_messages, is_stream)
        exchange_time_ps = 0 if is_stream else _EXCHANGE_PS
        return cls(0, exchange_time_ps, None, in_messages, is_stream)


def machines_of(
    name: str,
    simulator: str,
    instrument: Instrument,
    faults: Sequence[Fault],
    before: Callable[[], None] | None = None,
) -> dict[str, ByteMachine | MessageMachine]:
    """Return the machines of a device by endpoint, behind their faults.

    before: brings the surroundings up to date; called before the device hears anything

    Raises ConfigError for a fault at an endpoint that the device does not have.
    """
    machines = dict(instrument.endpoints)
    if before is not None:
        for endpoint, machine in instrument.endpoints.items():
            machines[endpoint] = Attentive(cast(ByteMachine, machine), before)
    for fault in faults:
        if fault.endpoint is not None and fault.endpoint not in machines:
            raise _no_endpoint(
                f"simulation.faults.{name}", simulator, fault.endpoint, machines
            )
    if not faults:
        return machines
    return {
        endpoint: _faulty(
            machine, simulator, [f for f in faults if f.endpoint in (None, endpoint)]
        )
        for endpoint, machine in machines.items()
    }


def _faulty(
    machine: ByteMachine | MessageMachine, simulator: str, faults: Sequence[Fault]
) -> ByteMachine | MessageMachine:
    if simulator in _MESSAGES:
        return FaultyMessageMachine(cast(MessageMachine, machine), faults)
    return FaultyByteMachine(cast(ByteMachine, machine), faults)


def _no_endpoint(
    where: str, simulator: str, endpoint: str, known: Iterable[str]
) -> ConfigError:
    return ConfigError(
        f"{where}: the simulated {simulator} has no endpoint {endpoint!r}"
        + did_you_mean(endpoint, known)
    )


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
        self._machines = machines_of(name, simulator, instrument, faults, before)
        self._open: dict[str, InProcessByteTransport | InProcessMessageTransport] = {}

    def open(self, endpoint: str) -> Transport:
        """Return the line to `endpoint`; users of one bus share it.

        Raises ConfigError when the device has no such endpoint.
        """
        if endpoint not in self._machines:
            raise _no_endpoint(self._name, self._simulator, endpoint, self._machines)
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
        if cost.in_messages:
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
