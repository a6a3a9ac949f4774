"""A bench whose channel may be any, with modulators and wires that add nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from world_stubs import StubBench

V_PI = 0.8
LINEAR = {name: {"saturation_v": 1e6} for name in ("amplifier_im", "amplifier_pm")}
QUICK = {d: {"recovery_tau_ps": 100.0} for d in ("d_x0", "d_x1", "d_z0", "d_z1")}
STILL = {"drift_rad_per_sqrt_s": 0.0}
PERIOD_PS = 10_000
EFFICIENCY = 0.4 * (1 + math.erf((22.0 - 14.0) / 3.0))
DARK_HZ = 99.0 * (1 + math.erf((22.0 - 14.0) / 3.0)) / 2 + 1.0
BEHIND_DB = 3.5
"""From the channel to the receiver's splitter."""


def bench(db: float = 25.0, fibre: dict[str, Any] | None = None, **more: Any) -> Any:
    changes = LINEAR | QUICK | {"fibre": STILL | (fibre or {})} | more
    if "kind" in changes["fibre"]:
        changes["fibre"].pop("drift_rad_per_sqrt_s")
    made = StubBench(3, **changes)
    made.generator.play([V_PI] * 64, [0.25 * V_PI] * 64)
    made.attenuator.db = db
    return made


def noise_hz(made: StubBench, duration_s: float) -> float:
    """Return photons a second that reach the splitter beside the light, by counts."""
    made.attenuator.is_open = False
    rates = made.rates_hz(duration_s)
    return float(np.sum(rates - DARK_HZ)) / EFFICIENCY * 10 ** (BEHIND_DB / 10)


DOT = {"kind": "quantum_dot", "owner": "channel", "wavelength_nm": 925.0}
