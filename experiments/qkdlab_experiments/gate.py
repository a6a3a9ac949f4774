"""Whether the light of a block came when it should (time shift, drifted delays).

Detectors whose delays are not quite aligned differ at the edges of their common gate.
Whoever shifts pulses there to use it shifts many of them out of the gate: those are
counted, whatever basis and bit (standards-attacks-ux section 2, time shift).
"""

from __future__ import annotations

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.slots import SlotCounts
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["check_gate"]


def check_gate(counts: SlotCounts, p: Bb84Parameters, n_detectors: int) -> None:
    """Hold the clicks outside the gate to what darkness and scatter explain.

    Explained are the dark counts that the limit per detector allows outside the gate,
    and a share of the clicks inside.

    Raises SecurityAbort(COUNTS_OUTSIDE_LIMITS).
    """
    outside_s = p.n_frames * p.frame_ps * 1e-12
    outside_s *= 1.0 - p.detection.gate_ps / p.symbol_period_ps
    dark = n_detectors * p.detection.max_dark_rate_hz * outside_s
    inside = counts.tags - counts.out_of_gate
    limit = dark + p.limits.out_of_gate_fraction_max * inside
    if counts.out_of_gate > limit:
        raise SecurityAbort(
            AbortCode.COUNTS_OUTSIDE_LIMITS,
            "too many clicks outside the gate: the light came early or late",
            {"out_of_gate": counts.out_of_gate, "limit": int(limit), "inside": inside},
        )
