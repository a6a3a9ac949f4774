"""Rules of the frame marks: from the generator's sync output to the tagger's START."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import Awg, DelayGenerator, Tagger
from qkdlab.wiring.view import BenchView

__all__ = ["start_threshold", "timebase", "trigger_level"]


def timebase(view: BenchView) -> Iterator[Problem]:
    """Check that delay generator and pattern generator share their reference.

    Two references drift apart: delays that were measured once would not hold.
    """
    for name in view.graph.parts_of(DelayGenerator):
        mine = view.graph.chain(name, "timebase")
        frames = view.graph.chain(name, "trigger")
        generator = frames.source[0] if frames else None
        if mine is None or generator not in view.graph.parts_of(Awg):
            continue
        theirs = view.graph.chain(str(generator), "ref_in")
        if theirs is None or theirs.source[0] == mine.source[0]:
            continue
        yield view.cable(
            mine.links[-1].index,
            "from",
            f"'{name}' runs on '{mine.source[0]}', but '{generator}', which triggers "
            f"it, on '{theirs.source[0]}'; give both one reference",
        )


def trigger_level(view: BenchView) -> Iterator[Problem]:
    """Check that the sync output crosses the level at which a trigger is seen.

    The output's level is that into a high impedance, which such inputs have [mem].
    """
    for name, part in view.graph.parts_of(DelayGenerator).items():
        limits = view.limits(part.instrument)
        low_v, high_v = limits.get("min_trigger_v"), limits.get("max_trigger_v")
        level_v = part.trigger_threshold_v
        if low_v is not None and high_v is not None and not low_v <= level_v <= high_v:
            yield view.part(
                name,
                "trigger_threshold_v",
                f"{level_v:g} V; {part.instrument} takes {low_v:g} to {high_v:g} V",
            )
            continue
        chain = view.graph.chain(name, "trigger")
        source = view.wiring.parts[chain.source[0]] if chain else None
        if chain is None or not isinstance(source, Awg):
            continue
        loss_db = sum(link.cable.loss_db for link in chain.links)
        sync_v = source.sync_v * 10 ** (-loss_db / 20)
        if not 0.0 < level_v < sync_v:
            yield view.part(
                name,
                "trigger_threshold_v",
                f"{level_v:g} V, but the sync output of '{chain.source[0]}' goes from "
                f"0 to {sync_v:.3g} V here: no edge would be seen; set about "
                f"{sync_v / 2:.2g} V",
            )


def start_threshold(view: BenchView) -> Iterator[Problem]:
    """Check that marks from a delay generator cross the tagger's START threshold."""
    for name, part in view.graph.parts_of(Tagger).items():
        link = view.graph.entering(name, "start")
        source = view.wiring.parts[link.source[0]] if link else None
        if link is None or not isinstance(source, DelayGenerator):
            continue
        start = view.option(part.instrument, "start")
        if getattr(start, "enabled", None) is False:
            yield view.set_option(
                part.instrument,
                ("start", "enabled"),
                f"false, but '{link.source[0]}' marks each frame there; set it true",
            )
            continue
        threshold_v = getattr(start, "threshold_v", None)
        level_v = source.output_v * 10 ** (-link.cable.loss_db / 20)
        if abs(level_v) < view.limits(part.instrument).get("min_input_v", 0.0):
            continue  # refused for that already
        between = min(0.0, level_v), max(0.0, level_v)
        if threshold_v is None or between[0] < threshold_v < between[1]:
            continue
        yield view.set_option(
            part.instrument,
            ("start", "threshold_v"),
            f"{threshold_v:g} V, but the marks of '{link.source[0]}' go from 0 to "
            f"{level_v:.3g} V: none would be seen; set about {level_v / 2:.2g} V, or "
            f"raise output_v of '{link.source[0]}'",
        )
