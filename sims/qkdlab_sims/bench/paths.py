"""Ways of light and of signals that the world knows how to simulate.

The walking itself is `qkdlab.wiring.graph`; here a bench is taken for what it is, and
refused with ConfigError where the world would not know what to do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath
from qkdlab.wiring.parts import Amplifier, Awg, DelayGenerator, Laser, Snspd, Tagger

__all__ = [
    "RfChain",
    "TriggerChain",
    "find_part",
    "light_paths",
    "rf_chain",
    "start_chain",
    "tagger_inputs",
]

P = TypeVar("P")


@dataclass(frozen=True)
class RfChain:
    """A generator's channel, amplifiers and cables in front of a modulator."""

    awg: str
    channel: int
    amplifiers: tuple[Amplifier, ...]
    delay_ps: int
    loss_db: float


@dataclass(frozen=True)
class TriggerChain:
    """The sync output of a generator, delayed, into a tagger's START.

    max_rate_hz: triggers that come faster are missed
    """

    awg: str
    delay_ps: int
    jitter_rms_ps: float
    max_rate_hz: float


def find_part(graph: Graph, kind: type[P]) -> tuple[str, P]:
    """Return the only part of one kind; raises ConfigError if there is not just one."""
    found = list(graph.parts_of(kind).items())
    if len(found) != 1:
        raise ConfigError(
            f"wiring.parts: the simulated world needs one {kind.__name__}, "
            f"found {len(found)}"
        )
    return found[0]


def light_paths(graph: Graph) -> dict[str, OpticalPath]:
    """Return the way to every absorber that the laser's light can reach, by its name.

    Light that leaves by an open port is lost.
    """
    laser = find_part(graph, Laser)[0]
    paths = graph.optical_paths(laser)
    return {path.end: path for path in paths if not path.stages[-1].exit}


def rf_chain(graph: Graph, modulator: str) -> RfChain | None:
    """Return what drives `modulator`, or None when its input is open."""
    chain = graph.chain(modulator, "rf")
    if chain is None:
        return None
    name, port = chain.source
    if not isinstance(graph.wiring.parts[name], Awg) or not port.startswith("ch"):
        raise ConfigError(f"wiring.cables: {name}.{port} cannot drive {modulator}")
    parts = [graph.wiring.parts[part] for part in chain.parts]
    return RfChain(
        name,
        int(port.removeprefix("ch")),
        tuple(part for part in parts if isinstance(part, Amplifier)),
        chain.delay_ps,
        sum(link.cable.loss_db for link in chain.links),
    )


def start_chain(graph: Graph) -> TriggerChain | None:
    """Return what triggers the tagger's START, or None when nothing does."""
    tagger = find_part(graph, Tagger)[0]
    chain = graph.chain(tagger, "start")
    if chain is None:
        return None
    name, port = chain.source
    if not isinstance(graph.wiring.parts[name], Awg) or port != "sync":
        raise ConfigError(f"wiring.cables: {name}.{port} cannot trigger {tagger}.start")
    parts = [graph.wiring.parts[part] for part in chain.parts]
    delays = [part for part in parts if isinstance(part, DelayGenerator)]
    return TriggerChain(
        name,
        chain.delay_ps + sum(part.delay_ps for part in delays),
        sum(part.jitter_rms_ps**2 for part in delays) ** 0.5,
        min((part.max_trigger_hz for part in delays), default=math.inf),
    )


def tagger_inputs(graph: Graph) -> dict[str, tuple[int, int]]:
    """Return by detector the tagger's input (1 ...) and the cable's delay in ps."""
    tagger = find_part(graph, Tagger)[0]
    inputs: dict[str, tuple[int, int]] = {}
    for link in graph.links:
        (name, port), source = link.target, link.source[0]
        is_detector = isinstance(graph.wiring.parts[source], Snspd)
        if name == tagger and port.startswith("input") and is_detector:
            inputs[source] = (int(port.removeprefix("input")), link.cable.delay_ps)
    return inputs
