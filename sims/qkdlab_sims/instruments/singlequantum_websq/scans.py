"""Bias scans of a WebSQ in the dark: counts and voltages against current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qkdlab_sims.instruments.singlequantum_websq.detectors import Nanowire

__all__ = ["dark_scan", "scan_currents"]

_MAX_STEPS = 100_000


def scan_currents(start_ua: float, end_ua: float, step_ua: float) -> list[float]:
    """Return the currents of a scan; raises ValueError when they make no scan."""
    if step_ua <= 0 or end_ua < start_ua or (end_ua - start_ua) / step_ua > _MAX_STEPS:
        raise ValueError("scan range and increment do not fit")
    n_steps = int((end_ua - start_ua) / step_ua + 1e-9) + 1
    return [round(start_ua + k * step_ua, 6) for k in range(n_steps)]


def dark_scan(
    wires: Sequence[Nanowire],
    currents_ua: Sequence[float],
    period_s: float,
    rng: np.random.Generator,
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Return counts ``{biasCurrent, y1..}`` and volts in mV ``{biasCurrent, v1..}``.

    The wires start cold: a latch from before the scan is gone, one that happens in
    the scan stays to its end.
    """
    scanned = [replace(wire, bias_ua=0.0, is_latched=False) for wire in wires]
    counts: list[dict[str, float]] = []
    volts: list[dict[str, float]] = []
    for current in currents_ua:
        counts.append({"biasCurrent": current})
        volts.append({"biasCurrent": current})
        for number, wire in enumerate(scanned, start=1):
            wire.set_bias(current)
            rate = 0.0 if wire.is_latched else wire.dark_rate_at(current)
            counts[-1][f"y{number}"] = int(rng.poisson(rate * period_s))
            volts[-1][f"v{number}"] = wire.voltage_mv()
    return counts, volts
