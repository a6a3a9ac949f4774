"""Rules of the channel: the loss at which it is made to stand."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import Laser, VariableAttenuator
from qkdlab.wiring.rules_ranges import attenuator_range_db
from qkdlab.wiring.view import BenchView

__all__ = ["standing_loss"]

_OPTION = "attenuation_db_on_open"


def standing_loss(view: BenchView) -> Iterator[Problem]:
    """Check that attenuators of no sender are told a loss that they reach."""
    senders = {laser.owner for laser in view.graph.parts_of(Laser).values()}
    for name, part in view.graph.parts_of(VariableAttenuator).items():
        instrument = view.instrument(part.instrument)
        if part.owner in senders or instrument is None:
            continue
        low_db, high_db = attenuator_range_db(view, part)
        if low_db > high_db:
            continue  # refused for that already
        wanted_db = view.option(part.instrument, _OPTION)
        if wanted_db is not None and not low_db <= wanted_db <= high_db:
            yield view.set_option(
                part.instrument,
                (_OPTION,),
                f"{wanted_db:g} dB, but '{name}' gives {low_db:g} to {high_db:g} dB; "
                f"{'remove' if wanted_db < low_db else 'add'} fixed loss for the rest",
            )
        elif wanted_db is None and hasattr(instrument.options, _OPTION):
            yield view.set_option(
                part.instrument,
                (_OPTION,),
                f"not given: '{name}' keeps the loss at which it was left; set it",
                "warning",
            )
