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
from qkdlab.wiring.parts import (
    Amplifier,
    Awg,
    BeamSplitter,
    Clock,
    DelayGenerator,
    Laser,
    PulseFormer,
    Snspd,
    Spad,
    Tagger,
)

__all__ = [
    "ClockChain",
    "RfChain",
    "TriggerChain",
    "bias_source",
    "find_part",
    "laser_clock",
    "light_paths",
    "mark_chains",
    "rf_chain",
    "senders",
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
class ClockChain:
    """The clock that drives the laser, and the pulse former between them, if any."""

    name: str
    part: Clock
    former: PulseFormer | None
    delay_ps: int


@dataclass(frozen=True)
class TriggerChain:
    """The sync output of a generator, delayed, into a tagger's START.

    unit, output: the delay generator's part and its output, or None without one
    before_ps, after_ps: delays of the cables before and after it
    owner: whose generator it is
    """

    awg: str
    sync_v: float
    unit: tuple[str, str] | None
    before_ps: int
    after_ps: int
    max_rate_hz: float = math.inf
    owner: str = ""


def find_part(graph: Graph, kind: type[P]) -> tuple[str, P]:
    """Return the only part of one kind; raises ConfigError if there is not just one."""
    found = list(graph.parts_of(kind).items())
    if len(found) != 1:
        raise ConfigError(
            f"wiring.parts: the simulated world needs one {kind.__name__}, "
            f"found {len(found)}"
        )
    return found[0]


def senders(graph: Graph) -> tuple[str, ...]:
    """Return the laser, or the two whose light meets at a beam splitter.

    Of two the one first whose light comes to ``in``, then that which comes to ``in2``.
    Raises ConfigError for none, and for several that do not meet like this.
    """
    lasers = list(graph.parts_of(Laser))
    if len(lasers) == 1:
        return (lasers[0],)
    entries = [_splitter_entries(graph, laser) for laser in lasers]
    if len(lasers) == 2:
        for one, other in ((0, 1), (1, 0)):
            for splitter, entry in entries[one]:
                if entry == "in" and (splitter, "in2") in entries[other]:
                    return lasers[one], lasers[other]
    raise ConfigError(
        "wiring.parts: the simulated world needs one Laser, or two whose light meets "
        f"at in and in2 of a beam_splitter, found {len(lasers)}"
    )


def _splitter_entries(graph: Graph, laser: str) -> set[tuple[str, str]]:
    """Return by which port the light of a laser comes to beam splitters."""
    return {
        (stage.name, stage.entry)
        for path in graph.optical_paths(laser)
        for stage in path.stages
        if isinstance(stage.part, BeamSplitter)
    }


def laser_clock(graph: Graph, laser: str | None = None) -> ClockChain:
    """Return what makes a laser pulse, the only one when none is named.

    Raises ConfigError when no clock does.
    """
    laser = find_part(graph, Laser)[0] if laser is None else laser
    chain = graph.chain(laser, "clock")
    parts = graph.wiring.parts
    clock = parts[chain.source[0]] if chain else None
    formers = [parts[name] for name in chain.parts] if chain else []
    if chain is None or not isinstance(clock, Clock):
        raise ConfigError(f"wiring.cables: no clock drives {laser}.clock")
    former = formers[0] if formers else None
    if len(formers) > 1 or not isinstance(former, PulseFormer | None):
        raise ConfigError(
            f"wiring.cables: the simulated world takes one pulse former before {laser}"
        )
    return ClockChain(chain.source[0], clock, former, chain.delay_ps)


def light_paths(graph: Graph, laser: str | None = None) -> dict[str, OpticalPath]:
    """Return the way to every absorber that a laser's light can reach, by its name.

    laser: the only one when not given

    Light that leaves by an open port is lost.
    """
    laser = find_part(graph, Laser)[0] if laser is None else laser
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


def bias_source(graph: Graph, modulator: str) -> str | None:
    """Return the voltage source at a modulator's bias electrode, or None."""
    link = graph.entering(modulator, "bias")
    return None if link is None else link.source[0]


def start_chain(graph: Graph) -> TriggerChain | None:
    """Return what triggers the tagger's START, or None when nothing does."""
    tagger = find_part(graph, Tagger)[0]
    chain = graph.chain(tagger, "start")
    if chain is None:
        return None
    name, port = chain.source
    if not isinstance(graph.wiring.parts[name], Awg) or port != "sync":
        raise ConfigError(f"wiring.cables: {name}.{port} cannot trigger {tagger}.start")
    awg = graph.wiring.parts[name]
    sync_v = awg.sync_v if isinstance(awg, Awg) else 0.0
    if not chain.parts:
        return TriggerChain(name, sync_v, None, chain.delay_ps, 0, owner=awg.owner)
    *more, last = chain.parts
    unit = graph.wiring.parts[last]
    if more or not isinstance(unit, DelayGenerator):
        raise ConfigError(
            f"wiring.cables: the simulated world takes one delay generator between "
            f"{name}.sync and {tagger}.start"
        )
    output = chain.links[-1].source[1]
    after_ps = chain.links[-1].cable.delay_ps
    return TriggerChain(
        name,
        sync_v,
        (last, output),
        chain.delay_ps - after_ps,
        after_ps,
        unit.max_trigger_hz,
        awg.owner,
    )


def mark_chains(graph: Graph) -> dict[int, TriggerChain]:
    """Return the sync outputs that lead into inputs of the tagger, by input (1 ...)."""
    tagger = find_part(graph, Tagger)[0]
    found: dict[int, TriggerChain] = {}
    for link in graph.links:
        (name, port), (source, output) = link.target, link.source
        part = graph.wiring.parts[source]
        if name == tagger and port.startswith("input") and isinstance(part, Awg):
            if output != "sync":
                raise ConfigError(f"wiring.cables: {source}.{output} marks nothing")
            delay_ps = link.cable.delay_ps
            found[int(port.removeprefix("input"))] = TriggerChain(
                source, part.sync_v, None, delay_ps, 0, owner=part.owner
            )
    return found


def tagger_inputs(graph: Graph) -> dict[str, tuple[int, int]]:
    """Return by detector the tagger's input (1 ...) and the cable's delay in ps."""
    tagger = find_part(graph, Tagger)[0]
    inputs: dict[str, tuple[int, int]] = {}
    for link in graph.links:
        (name, port), source = link.target, link.source[0]
        is_detector = isinstance(graph.wiring.parts[source], Snspd | Spad)
        if name == tagger and port.startswith("input") and is_detector:
            inputs[source] = (int(port.removeprefix("input")), link.cable.delay_ps)
    return inputs
