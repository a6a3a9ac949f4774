"""Rules about detectors: what they survive."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import Laser, Snspd, Spad, VariableAttenuator
from qkdlab.wiring.rules_light import range_db
from qkdlab.wiring.view import BenchView

__all__ = ["damage"]


def damage(view: BenchView) -> Iterator[Problem]:
    """Check that no detector meets more mean power than it survives.

    Modulators and variable attenuators let through what they can.
    """
    for laser_name, laser in view.graph.parts_of(Laser).items():
        for path in view.graph.optical_paths(laser_name):
            part = path.stages[-1].part
            if not isinstance(part, Snspd | Spad):
                continue
            least_db = sum(
                range_db(view, knob)[0] for _, knob in path.of_kind(VariableAttenuator)
            )
            power_dbm = laser.mean_power_dbm - path.loss_db - least_db
            if power_dbm > part.damage_dbm:
                yield view.part(
                    path.end,
                    "damage_dbm",
                    f"{power_dbm:.1f} dBm of '{laser_name}' may come here with all "
                    f"attenuators open; it survives {part.damage_dbm:g} dBm; add a "
                    "fixed attenuator",
                )
