"""A driver on its simulator, in process and in virtual time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from qkdlab.clock import VirtualClock
from qkdlab_sims.mount.faults import Fault
from qkdlab_sims.mount.faulty import FaultyByteMachine, FaultyMessageMachine
from qkdlab_sims.mount.inprocess import (
    InProcessByteTransport,
    InProcessMessageTransport,
)

EXCHANGE_PS = 1_000_000_000
NUMBERS = itertools.count()
FAULTS = TypeAdapter(list[Fault])


class Spy:
    """A machine that remembers what it heard."""

    def __init__(self, machine):
        self.machine = machine
        self.heard = []

    def feed(self, data, now_ps):
        self.heard.append(data)
        self.machine.feed(data, now_ps)

    def take(self, now_ps):
        return self.machine.take(now_ps)

    def next_wake_ps(self):
        return self.machine.next_wake_ps()


@dataclass
class Mounted:
    """A driver, its simulator and their time."""

    driver: Any
    simulator: Any
    clock: VirtualClock
    spies: dict[str, Spy] = field(default_factory=dict)

    def heard(self):
        """Return all that the simulator was told on any connection."""
        return [data for spy in self.spies.values() for data in spy.heard]

    def now_s(self):
        return self.clock.now_ps() / 1e12


def mount(spec, simulator, options=None, faults=()):
    """Return the driver of `spec` joined to `simulator`.

    `faults` are those of `qkdlab_sims.mount.faults`, on every connection unless they
    name one.
    """
    clock = VirtualClock()
    struck = FAULTS.validate_python(list(faults))
    lines, spies = {}, {}
    name = f"{spec.name.replace('.', '_')}_{next(NUMBERS)}"
    for endpoint, known in spec.endpoints.items():
        spies[endpoint] = spy = Spy(simulator.endpoints[endpoint])
        here = [fault for fault in struck if fault.endpoint in (None, endpoint)]
        if known.kind == "bytes":
            machine = FaultyByteMachine(spy, here)
            lines[endpoint] = InProcessByteTransport(
                name, machine, clock, exchange_time_ps=EXCHANGE_PS
            )
        else:
            machine = FaultyMessageMachine(spy, here)
            lines[endpoint] = InProcessMessageTransport(
                name, machine, clock, exchange_time_ps=EXCHANGE_PS
            )
    checked = spec.options.model_validate(options or {})
    driver = spec.load()(name, lines, checked, clock)
    return Mounted(driver, simulator, clock, spies)
