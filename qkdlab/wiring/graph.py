"""`Graph`: follow light, drive voltages and triggers along the cables of a bench.

Nominal values only. A bench that breaks rules still gives a graph: what is not there
is not followed, and a circle is walked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from qkdlab.wiring.parts import Cable, Part, Snspd, Spad, Wiring
from qkdlab.wiring.passage import passage_db, passage_ps
from qkdlab.wiring.ports import PORTS, split_port

__all__ = ["Chain", "Graph", "Link", "OpticalPath", "Stage"]

P = TypeVar("P")
CHANNEL = "channel"
"""The owner of what lies between the parties."""

_ELECTRICAL_INPUT = {
    "amplifier": "in",
    "delay_generator": "trigger",
    "pulse_former": "in",
}
"""Kinds that pass an electrical signal on, with the port where it enters."""


@dataclass(frozen=True, slots=True)
class Link:
    """A cable that really joins two ports, with its place in the list of cables."""

    index: int
    cable: Cable

    @property
    def source(self) -> tuple[str, str]:
        """The (part, port) where the signal comes from."""
        return split_port(self.cable.source)

    @property
    def target(self) -> tuple[str, str]:
        """The (part, port) where the signal goes."""
        return split_port(self.cable.target)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part that light meets: where it leaves (empty where it ends), how it came in.

    `loss_db` and `delay_ps` are of the cable to it and of its own passage.
    """

    name: str
    part: Part
    exit: str
    loss_db: float
    delay_ps: int
    entry: str = "in"


@dataclass(frozen=True, slots=True)
class OpticalPath:
    """The way of light from a laser to where it ends."""

    laser: str
    stages: tuple[Stage, ...]

    @property
    def end(self) -> str:
        """The name of the part that absorbs the light."""
        return self.stages[-1].name

    @property
    def loss_db(self) -> float:
        """Nominal loss from the laser, attenuators at their insertion loss."""
        return sum(stage.loss_db for stage in self.stages)

    @property
    def delay_ps(self) -> int:
        """Nominal time of flight from the laser."""
        return sum(stage.delay_ps for stage in self.stages)

    def before(self, name: str) -> OpticalPath:
        """Return the way up to and without part `name`."""
        names = [stage.name for stage in self.stages]
        return OpticalPath(self.laser, self.stages[: names.index(name)])

    def of_kind(self, kind: type[P]) -> list[tuple[str, P]]:
        """Return the parts of one kind on the way, in order."""
        return [(s.name, s.part) for s in self.stages if isinstance(s.part, kind)]


@dataclass(frozen=True, slots=True)
class Chain:
    """What an electrical signal passes, from its source to the port that it drives.

    links:  from the source on; parts: between the links, so one fewer
    """

    links: tuple[Link, ...]
    parts: tuple[str, ...]

    @property
    def source(self) -> tuple[str, str]:
        """The (part, port) of the source."""
        return self.links[0].source

    @property
    def delay_ps(self) -> int:
        """Delay of the cables alone."""
        return sum(link.cable.delay_ps for link in self.links)


class Graph:
    """The parts and cables of a bench, to be walked."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.links = tuple(
            Link(i, cable)
            for i, cable in enumerate(wiring.cables)
            if self._joins(cable)
        )
        self._leaving: dict[tuple[str, str], list[Link]] = {}
        self._entering: dict[tuple[str, str], Link] = {}
        for link in self.links:
            self._leaving.setdefault(link.source, []).append(link)
            self._entering.setdefault(link.target, link)

    def _joins(self, cable: Cable) -> bool:
        for end in (cable.source, cable.target):
            name, port = split_port(end)
            part = self.wiring.parts.get(name)
            if part is None or port not in PORTS[part.kind]:
                return False
        return True

    def parts_of(self, kind: type[P]) -> dict[str, P]:
        """Return the parts of one kind by name."""
        found = self.wiring.parts.items()
        return {name: part for name, part in found if isinstance(part, kind)}

    def entering(self, part: str, port: str) -> Link | None:
        """Return the cable into a port."""
        return self._entering.get((part, port))

    def leaving(self, part: str, port: str) -> list[Link]:
        """Return the cables out of a port."""
        return self._leaving.get((part, port), [])

    def optical_paths(self, laser: str) -> list[OpticalPath]:
        """Return every way of the light of `laser` to an end or an open port."""
        return [OpticalPath(laser, s) for s in self.onward(laser, "out")]

    def onward(self, part: str, port: str) -> list[tuple[Stage, ...]]:
        """Return every way of light that leaves by a port, to an end or open port."""
        return [stages for stages in self._walk(part, port, ()) if stages]

    def chain(self, part: str, port: str) -> Chain | None:
        """Follow what drives an electrical input up to its source, or None."""
        links: list[Link] = []
        parts: list[str] = []
        link = self.entering(part, port)
        while link is not None:
            links.insert(0, link)
            name = link.source[0]
            through = _ELECTRICAL_INPUT.get(self.wiring.parts[name].kind)
            link = self.entering(name, through) if through else None
            if link is None or name in parts:
                break
            parts.insert(0, name)
        return Chain(tuple(links), tuple(parts)) if links else None

    def _walk(
        self, name: str, port: str, stages: tuple[Stage, ...]
    ) -> Iterator[tuple[Stage, ...]]:
        links = self.leaving(name, port)
        if not links:
            yield stages
        for link in links:
            below, entry = link.target
            if any(stage.name == below for stage in stages):
                continue
            part = self.wiring.parts[below]
            cable = link.cable
            exits = [
                p for p, o in PORTS[part.kind].items() if o.is_out and not o.returned
            ]
            if not exits or isinstance(part, Snspd | Spad):
                end = Stage(below, part, "", cable.loss_db, cable.delay_ps, entry)
                yield (*stages, end)
                continue
            for out in exits:
                loss_db = cable.loss_db + passage_db(part, out, entry)
                delay_ps = cable.delay_ps + passage_ps(part)
                stage = Stage(below, part, out, loss_db, delay_ps, entry)
                yield from self._walk(below, out, (*stages, stage))
