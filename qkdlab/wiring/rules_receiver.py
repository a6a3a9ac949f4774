"""Rules of a receiver that chooses by a modulator of its own: clock, marks, levels."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.graph import Link
from qkdlab.wiring.parts import (
    Awg,
    IntensityModulator,
    Laser,
    PhaseModulator,
    Tagger,
)
from qkdlab.wiring.view import BenchView

__all__ = ["mark_level", "receiver_clock", "receiver_marks"]


def receiver_clock(view: BenchView) -> Iterator[Problem]:
    """Check that the receiver's generator follows the reference of the sender's.

    On another one his settings slide over the pulses: 1 ppm is a slot of 1 ns every ms.
    """
    own = _generators(view)
    senders = [
        link
        for name in view.graph.parts_of(Awg)
        if name not in own and (link := view.graph.entering(name, "ref_in")) is not None
    ]
    for name in own:
        mine = view.graph.entering(name, "ref_in")
        for theirs in senders:
            if mine is not None and mine.source[0] == theirs.source[0]:
                continue
            theirs_is = f"'{theirs.source[0]}', which the sender's follows"
            if mine is None:
                yield view.part(
                    name,
                    "",
                    f"has no reference: its settings would slide over the pulses; "
                    f"lead a reference from {theirs_is} to its ref_in",
                )
            else:
                yield view.cable(
                    mine.index,
                    "from",
                    f"'{name}' runs on '{mine.source[0]}': its settings would slide "
                    f"over the pulses; take {theirs_is}",
                )


def receiver_marks(view: BenchView) -> Iterator[Problem]:
    """Check that the receiver's tagger sees the marks of his generator.

    Nothing else tells which of his settings meets which pulse.
    """
    for name in _generators(view):
        targets = [view.wiring.parts[link.target[0]] for link in _marks(view, name)]
        if not any(isinstance(part, Tagger) for part in targets):
            yield view.part(
                name,
                "",
                "no tagger sees its marks, so nobody could tell which of its settings "
                f"meets which pulse; lead '{name}.sync' to an input of the tagger",
            )


def mark_level(view: BenchView) -> Iterator[Problem]:
    """Check that marks of generators fit the tagger's inputs.

    The output's level is that into a high impedance: half of it comes to 50 Ohm [mem].
    """
    for name, part in view.graph.parts_of(Awg).items():
        for link in _marks(view, name):
            tagger = view.wiring.parts[link.target[0]]
            if not isinstance(tagger, Tagger) or link.target[1] == "start":
                continue
            level_v = part.sync_v / 2 * 10 ** (-link.cable.loss_db / 20)
            limits = view.limits(tagger.instrument)
            most_v = limits.get("max_input_v")
            least_v = _threshold_v(view, tagger, link)
            if most_v is not None and level_v > most_v:
                yield view.cable(
                    link.index,
                    "loss_db",
                    f"marks of {level_v:.3g} V; {tagger.instrument} takes {most_v:g} "
                    "V; put an attenuator into the line",
                )
            elif least_v is not None and level_v <= least_v:
                yield view.cable(
                    link.index,
                    "loss_db",
                    f"marks of {level_v:.3g} V do not cross the trigger level of "
                    f"{least_v:g} V; attenuate less",
                )


def _threshold_v(view: BenchView, tagger: Tagger, link: Link) -> float | None:
    """Return the trigger level of an input where the driver's options tell it."""
    inputs = view.option(tagger.instrument, "inputs")
    number = int(link.target[1].removeprefix("input"))
    if not isinstance(inputs, list) or number > len(inputs):
        return None
    trigger_mv = getattr(inputs[number - 1], "trigger_mv", None)
    return None if trigger_mv is None else trigger_mv / 1e3


def _generators(view: BenchView) -> list[str]:
    """Return what drives modulators of others than the sender, each once."""
    found: dict[str, None] = {}
    owners = {part.owner for part in view.graph.parts_of(Laser).values()}
    for kind in (IntensityModulator, PhaseModulator):
        for name, part in view.graph.parts_of(kind).items():
            chain = view.graph.chain(name, "rf")
            if part.owner in owners or chain is None:
                continue
            if isinstance(view.wiring.parts[chain.source[0]], Awg):
                found[chain.source[0]] = None
    return list(found)


def _marks(view: BenchView, name: str) -> list[Link]:
    return list(view.graph.leaving(name, "sync"))
