"""Rules about detectors: what they survive."""

from __future__ import annotations

import math
from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import Laser, Snspd, Spad, VariableAttenuator
from qkdlab.wiring.rules_ranges import attenuator_range_db
from qkdlab.wiring.view import BenchView

__all__ = ["damage"]


def damage(view: BenchView) -> Iterator[Problem]:
    """Check that no detector meets more mean power than it survives.

    Modulators and variable attenuators let through what they can, and a laser gives
    what its label allows: its mean power, or continuous light at `max_current_ma`.
    """
    for laser_name, laser in view.graph.parts_of(Laser).items():
        most_dbm, source = _most_dbm(laser)
        for path in view.graph.optical_paths(laser_name):
            part = path.stages[-1].part
            if not isinstance(part, Snspd | Spad):
                continue
            least_db = sum(
                attenuator_range_db(view, knob)[0]
                for _, knob in path.of_kind(VariableAttenuator)
            )
            power_dbm = most_dbm - path.loss_db - least_db
            if power_dbm > part.damage_dbm:
                yield view.part(
                    path.end,
                    "damage_dbm",
                    f"{power_dbm:.1f} dBm of '{laser_name}' {source} may come here "
                    "with all attenuators open; it survives "
                    f"{part.damage_dbm:g} dBm; add a fixed attenuator",
                )


def _most_dbm(laser: Laser) -> tuple[float, str]:
    """Return the most that leaves a laser, and how."""
    above_ma = laser.max_current_ma - laser.threshold_ma
    if above_ma > 0.0:
        most_dbm = 10.0 * math.log10(laser.slope_mw_per_ma * above_ma)
        if most_dbm > laser.mean_power_dbm:
            return most_dbm, f"at max_current_ma, {laser.max_current_ma:g} mA,"
    return laser.mean_power_dbm, "at mean_power_dbm"
