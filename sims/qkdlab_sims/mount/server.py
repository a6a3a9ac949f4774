"""`serve`: the simulated instruments of a bench for other processes.

One thread owns the world. When a socket is ready, or every 10 ms, the world moves to
`speed` times host time; then every machine hears and speaks. What is too much for one
turn waits for the next: a world that cannot keep up is behind, and loses nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qkdlab.errors import ConfigError, ResourceError
from qkdlab_sims.bench.assembly import Assembly, assemble
from qkdlab_sims.bench.lines import Line, machines_of
from qkdlab_sims.bench.rehearsal import rehearse
from qkdlab_sims.mount.mounts import Mount, Mounter
from qkdlab_sims.mount.pace import Lag, Pace
from qkdlab_sims.mount.reactor import Reactor
from qkdlab_sims.sections import SimulationSection

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["Hooks", "serve"]

_IDLE_MS = 10
_STEP_PS = 20_000_000_000
"""World time of one turn at most, so that instruments answer while it catches up."""


@dataclass(frozen=True)
class Hooks:
    """What the server's surroundings hear and say.

    ready:  called once with the served devices: name, model, users of a bus, endpoints
    behind: called with the lag in seconds of host time, at most once a second
    stop:   asked every turn; the server ends when it returns True
    """

    ready: Callable[[list[dict[str, Any]]], None]
    behind: Callable[[float], None]
    stop: Callable[[], bool]


def serve(
    config: RunConfig,
    seed: int,
    hooks: Hooks,
    *,
    speed: float = 1.0,
    bind: str = "127.0.0.1",
) -> float:
    """Serve all devices of a configuration until `hooks.stop` says so.

    Returns the greatest lag in seconds of host time (see `pace.Lag`). Raises
    ConfigError when the configuration is no bench that can be simulated, ResourceError
    when a port cannot be had.
    """
    section = config.sections.get("simulation") or SimulationSection()
    if not isinstance(section, SimulationSection):
        raise ConfigError("simulation: not a section of the simulated bench")
    assembly = assemble(config, section, seed)
    with ExitStack() as stack:
        reactor = Reactor()
        try:
            mounter = Mounter(reactor, bind, stack)
            mounts, devices = _mount_all(mounter, assembly, section)
        except OSError as error:
            raise ResourceError(
                f"cannot listen on {bind}: {error.strerror or error}; give another "
                "address or port"
            ) from None
        rehearse(config, section, seed)
        gc.collect()
        # What is there now stays: no later collection needs to look at it again.
        gc.freeze()
        hooks.ready(devices)
        return _run(assembly, mounts, reactor, hooks, speed)


def _run(
    assembly: Assembly,
    mounts: list[Mount],
    reactor: Reactor,
    hooks: Hooks,
    speed: float,
) -> float:
    clock, world = assembly.clock, assembly.world
    pace, lag = Pace(speed), Lag(hooks.behind)
    delivered_ps = 0
    while not hooks.stop():
        reactor.wait(_patience_ms(mounts, clock.now_ps(), pace))
        target_ps = pace.target_ps()
        lag.note(pace.behind_s(clock.now_ps()))
        clock.sleep_until(min(target_ps, clock.now_ps() + _STEP_PS))
        if clock.now_ps() - delivered_ps >= _STEP_PS:
            # Clicks are drawn in many small portions, not in few large ones.
            world.deliver()
            delivered_ps = clock.now_ps()
        for mount in mounts:
            mount.serve(clock.now_ps())
    return lag.greatest_s


def _patience_ms(mounts: list[Mount], now_ps: int, pace: Pace) -> int:
    """Return how long nothing need happen unless a client speaks."""
    if pace.target_ps() - now_ps > _STEP_PS or any(m.has_more() for m in mounts):
        return 0
    events = [event for m in mounts if (event := m.next_event_ps()) is not None]
    # What was due already has had its turn.
    ahead = [event - pace.target_ps() for event in events if event > now_ps]
    soonest_ms = min(ahead, default=1 << 62) / (1e9 * pace.speed)
    return min(_IDLE_MS, max(0, int(soonest_ms) + 1))


def _mount_all(
    mounter: Mounter, assembly: Assembly, section: SimulationSection
) -> tuple[list[Mount], list[dict[str, Any]]]:
    mounts: list[Mount] = []
    devices: list[dict[str, Any]] = []
    for name, device in assembly.devices.items():
        instrument = assembly.instruments[name]
        faults = section.faults.get(name, [])
        attention = assembly.world.deliver if name in assembly.taggers else None
        machines = machines_of(name, device.simulator, instrument, faults, attention)
        endpoints: dict[str, Any] = {}
        for endpoint, machine in machines.items():
            mount, addresses = mounter.mount(
                machine,
                instrument.endpoints[endpoint],
                Line.of(device.simulator, endpoint),
                section.ports.get(name, {}).get(endpoint, 0),
                may_have_sessions=not faults,
            )
            mounts.append(mount)
            endpoints[endpoint] = dict(addresses)
        model = next(iter(device.users.values())).driver
        users = {} if name in device.users else {"users": list(device.users)}
        served = {"name": name, "model": model, **users, "endpoints": endpoints}
        devices.append(served)
    return mounts, devices
