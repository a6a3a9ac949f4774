"""Ways of light and of signals through the bench, read off its cables.

Light is followed downwards from the laser to everything that absorbs it; electrical
signals are followed upwards from the input where they act.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import (
    Amplifier,
    Awg,
    Cable,
    DelayGenerator,
    Fibre,
    Part,
    Snspd,
    Tagger,
    Wiring,
)

__all__ = [
    "LightPath",
    "RfChain",
    "Step",
    "TriggerChain",
    "find_part",
    "light_paths",
    "rf_chain",
    "start_chain",
    "tagger_inputs",
]

P = TypeVar("P")


@dataclass(frozen=True)
class Step:
    """Light passes one part."""

    name: str
    part: Part
    port: str
    """Where the light leaves; empty where it ends."""
    cable: Cable
    """The cable by which the light came."""


@dataclass(frozen=True)
class LightPath:
    """From a laser to one absorber, in order; the absorber is the last step."""

    steps: tuple[Step, ...]

    @property
    def end(self) -> str:
        """The absorber's name."""
        return self.steps[-1].name

    def delay_ps(self, n_steps: int | None = None) -> int:
        """Return the time of flight to the entry of step `n_steps` - 1.

        By default to the absorber. A part itself takes no time but for a fibre.
        """
        steps = self.steps if n_steps is None else self.steps[:n_steps]
        delay_ps = sum(step.cable.delay_ps for step in steps)
        for step in steps[:-1]:
            if isinstance(step.part, Fibre):
                delay_ps += round(step.part.length_km * step.part.delay_ps_per_km)
        return delay_ps

    def position(self, name: str) -> int:
        """Return at which step the light passes part `name`, or -1."""
        for at, step in enumerate(self.steps):
            if step.name == name:
                return at
        return -1


@dataclass(frozen=True)
class RfChain:
    """A generator's channel, amplifiers and cables in front of a modulator."""

    awg: str
    channel: int
    amplifiers: tuple[tuple[str, Amplifier], ...]
    delay_ps: int
    loss_db: float


@dataclass(frozen=True)
class TriggerChain:
    """The sync output of a generator, delayed, into a tagger's START."""

    awg: str
    tagger: str
    delay_ps: int
    jitter_rms_ps: float
    delay_generators: tuple[str, ...] = field(default=())


def find_part(wiring: Wiring, kind: type[P]) -> tuple[str, P]:
    """Return the only part of one kind; raises ConfigError if there is not just one."""
    found = [(n, p) for n, p in wiring.parts.items() if isinstance(p, kind)]
    if len(found) != 1:
        raise ConfigError(
            f"wiring.parts: the simulated world needs one {kind.__name__}, "
            f"found {len(found)}"
        )
    return found[0]


def light_paths(wiring: Wiring, laser: str) -> dict[str, LightPath]:
    """Return the way to every absorber that light of `laser` can reach, by its name.

    Light that leaves by an open port is lost. Raises ConfigError for a loop.
    """
    paths = (LightPath(steps) for steps in _walk(wiring, f"{laser}.out", ()))
    return {path.end: path for path in paths}


def rf_chain(wiring: Wiring, modulator: str) -> RfChain | None:
    """Return what drives `modulator`, or None when its input is open."""
    amplifiers: list[tuple[str, Amplifier]] = []
    delay_ps, loss_db = 0, 0.0
    port = f"{modulator}.rf"
    while (cable := _cable_to(wiring, port)) is not None:
        name, out = cable.source.split(".")
        part = wiring.parts[name]
        delay_ps += cable.delay_ps
        loss_db += cable.loss_db
        if isinstance(part, Amplifier):
            amplifiers.insert(0, (name, part))
            port = f"{name}.in"
        elif isinstance(part, Awg) and out.startswith("ch"):
            channel = int(out.removeprefix("ch"))
            return RfChain(name, channel, tuple(amplifiers), delay_ps, loss_db)
        else:
            raise ConfigError(f"wiring.cables: {cable.source} cannot drive {modulator}")
    return None


def start_chain(wiring: Wiring) -> TriggerChain | None:
    """Return what triggers the tagger's START, or None when nothing does."""
    tagger = find_part(wiring, Tagger)[0]
    generators: list[str] = []
    delay_ps, variance = 0, 0.0
    port = f"{tagger}.start"
    while (cable := _cable_to(wiring, port)) is not None:
        name, out = cable.source.split(".")
        part = wiring.parts[name]
        delay_ps += cable.delay_ps
        if isinstance(part, DelayGenerator):
            generators.insert(0, name)
            delay_ps += part.delay_ps
            variance += part.jitter_rms_ps**2
            port = f"{name}.trigger"
        elif isinstance(part, Awg) and out == "sync":
            return TriggerChain(
                name, tagger, delay_ps, variance**0.5, tuple(generators)
            )
        else:
            raise ConfigError(f"wiring.cables: {cable.source} cannot trigger {tagger}")
    return None


def tagger_inputs(wiring: Wiring) -> dict[str, tuple[int, int]]:
    """Return by detector the tagger's input (1 ...) and the cable's delay in ps."""
    tagger = find_part(wiring, Tagger)[0]
    inputs: dict[str, tuple[int, int]] = {}
    for cable in wiring.cables:
        name, port = cable.target.split(".")
        source = cable.source.split(".")[0]
        is_detector = isinstance(wiring.parts[source], Snspd)
        if name == tagger and port.startswith("input") and is_detector:
            inputs[source] = (int(port.removeprefix("input")), cable.delay_ps)
    return inputs


def _walk(
    wiring: Wiring, port: str, steps: tuple[Step, ...]
) -> Iterator[tuple[Step, ...]]:
    cable = next((c for c in wiring.cables if c.source == port), None)
    if cable is None:
        return
    name = cable.target.split(".")[0]
    if any(step.name == name for step in steps):
        raise ConfigError(f"wiring.cables: light runs in a circle through {name}")
    part = wiring.parts[name]
    exits = _EXITS.get(part.kind, ("out",))
    if not exits:
        yield (*steps, Step(name, part, "", cable))
    for out in exits:
        step = Step(name, part, out, cable)
        yield from _walk(wiring, f"{name}.{out}", (*steps, step))


# Ports by which light leaves a part; others have one, ``out``.
_EXITS: dict[str, tuple[str, ...]] = {
    "tap": ("out", "tap"),
    "beam_splitter": ("x", "z"),
    "polarizing_splitter": ("h", "v"),
    "power_meter": (),
    "snspd": (),
}


def _cable_to(wiring: Wiring, port: str) -> Cable | None:
    return next((c for c in wiring.cables if c.target == port), None)
