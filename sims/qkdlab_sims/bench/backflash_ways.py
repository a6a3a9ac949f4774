"""Ways of the light that avalanches send back: out of the receiver, or to observers.

Passive parts, but for isolators, lose as much on the way back as on the way to the
diode. Flashes count as unpolarized [guess], so that nominal losses hold however plates
and fibres turn, and as incoherent: what two ways bring to an observer adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath, Stage
from qkdlab.wiring.parts import (
    BeamSplitter,
    Circulator,
    Fibre,
    FixedLoss,
    PolarizingSplitter,
    Spad,
    Squeezer,
    Tap,
    Waveplate,
)
from qkdlab.wiring.passage import passage_db
from qkdlab_sims.bench.paths import tagger_inputs

__all__ = ["FlashWay", "flash_ways", "to_channel"]

_AT_REST = (
    BeamSplitter,
    Circulator,
    Fibre,
    FixedLoss,
    PolarizingSplitter,
    Squeezer,
    Tap,
    Waveplate,
)
"""What unpolarized light passes alike at all times."""


@dataclass(frozen=True, slots=True)
class FlashWay:
    """One of the ways from a diode of the receiver to an observer behind a circulator.

    share:  of the photons in the diode's fibre that fall on the observer
    lag_ps: from the diode's click at the tagger to the observer's of a flash that does
            not tarry
    """

    diode: str
    observer: str
    share: float
    lag_ps: int


def flash_ways(graph: Graph, paths: Sequence[OpticalPath]) -> list[FlashWay]:
    """Return all ways from the diodes at the ends of `paths` to observers.

    Raises ConfigError for observers that are no diodes or that see other light, and
    for parts on the way whose loss changes.
    """
    inputs = tagger_inputs(graph)
    found: dict[tuple[tuple[str, str], ...], FlashWay] = {}
    for path in paths:
        at = _last_circulator(path)
        if at is None or not isinstance(path.stages[-1].part, Spad):
            continue
        circulator, inward = path.stages[at], path.stages[at + 1 :]
        for onward in graph.onward(circulator.name, "back"):
            end = onward[-1]
            if end.exit:
                continue
            _require_watchable(path.end, inward[:-1], onward)
            if any(end.name == other.end for other in paths):
                raise ConfigError(
                    f"wiring.parts.{end.name}: it sees the laser's light, and what "
                    f"comes back to {circulator.name}; the simulated world wants a "
                    "detector for each"
                )
            loss_db = sum(map(_back_db, inward)) + sum(s.loss_db for s in onward)
            loss_db += passage_db(circulator.part, "back")
            way_ps = sum(s.delay_ps for s in (*inward, *onward))
            lag_ps = way_ps + _cable_ps(inputs, end.name) - _cable_ps(inputs, path.end)
            share = 10.0 ** (-loss_db / 10.0) * _mean_sensitivity(end)
            # light may come by many paths to where one way back begins
            way = tuple((s.name, s.exit) for s in (*inward, circulator, *onward))
            found[way] = FlashWay(path.end, end.name, share, lag_ps)
    return list(found.values())


def to_channel(path: OpticalPath) -> float:
    """Return the share of a diode's flashes that leave its station for the channel.

    Variable attenuators count as open; a circulator lets nothing out.
    """
    owner = path.stages[-1].part.owner
    loss_db = 0.0
    for stage in reversed(path.stages):
        if stage.part.owner != owner:
            break
        if isinstance(stage.part, Circulator):
            return 0.0
        loss_db += _back_db(stage)
    return float(10.0 ** (-loss_db / 10.0))


def _back_db(stage: Stage) -> float:
    """Return the loss of a stage to light that passes it the other way."""
    part = stage.part
    if isinstance(part, FixedLoss) and part.isolation_db is not None:
        return stage.loss_db - part.loss_db + part.isolation_db
    return stage.loss_db


def _last_circulator(path: OpticalPath) -> int | None:
    """Return where light that goes back along a path meets a circulator first."""
    found = [i for i, s in enumerate(path.stages) if isinstance(s.part, Circulator)]
    return found[-1] if found else None


def _require_watchable(
    diode: str, inward: Sequence[Stage], onward: Sequence[Stage]
) -> None:
    end = onward[-1]
    if not isinstance(end.part, Spad):
        raise ConfigError(
            f"wiring.parts.{end.name}: the simulated world watches backflashes of "
            f"{diode} with a part of kind spad, not {end.part.kind}"
        )
    for stage in (*inward, *onward[:-1]):
        if not isinstance(stage.part, _AT_REST):
            raise ConfigError(
                f"wiring.parts.{stage.name}: the simulated world leads backflashes of "
                f"{diode} to {end.name} through losses, fibres, splitters and plates, "
                f"not through a part of kind {stage.part.kind}"
            )
    polarizers = [s for s in (*inward, *onward) if _polarizes(s)]
    if len(polarizers) > 1:
        raise ConfigError(
            f"wiring.parts.{polarizers[-1].name}: the simulated world leads "
            f"backflashes of {diode} to {end.name} past one part that tells "
            "polarizations apart"
        )


def _polarizes(stage: Stage) -> bool:
    part = stage.part
    dichroic = isinstance(part, Spad) and part.polarization_ratio < 1.0
    return dichroic or isinstance(part, PolarizingSplitter)


def _mean_sensitivity(end: Stage) -> float:
    part = end.part
    ratio = part.polarization_ratio if isinstance(part, Spad) else 1.0
    return 0.5 * (1.0 + ratio)


def _cable_ps(inputs: dict[str, tuple[int, int]], detector: str) -> int:
    return inputs[detector][1] if detector in inputs else 0
