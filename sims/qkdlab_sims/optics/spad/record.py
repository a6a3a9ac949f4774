"""Diodes as the kernel wants them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.rows._kernels import NEVER_PS
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import MOST_PENDING, MOST_TRAPS

__all__ = ["DIODE", "STATE", "diode_records"]

DIODE = np.dtype(
    [
        ("arrival_ps", np.int64),  # pulse at the detector after its slot opens
        ("dark_per_tick", np.float64),  # of a diode at rest and always biased
        ("dead_ps", np.int64),
        ("paralysable", np.bool_),
        ("tau_ps", np.float64),  # recovery of the efficiency after the hold-off
        ("sigma_ps", np.float64),
        ("tail_fraction", np.float64),
        ("tail_ps", np.float64),
        ("walk_ps", np.float64),
        ("walk_tau_ps", np.float64),
        ("gate_period_ps", np.int64),  # 0: free running
        ("gate_open_ps", np.int64),  # a gate's opening
        ("gate_width_ps", np.int64),
        ("gate_edge_ps", np.float64),
        ("gate_is_sine", np.bool_),
        ("persistence", np.float64),
        ("persistence_tau_ps", np.float64),
        ("n_traps", np.int64),
        ("trap_mean", np.float64),  # carriers that an avalanche leaves, all traps
        ("trap_none", np.float64),  # exp(-trap_mean)
        ("trap_share", np.float64, MOST_TRAPS),  # cumulative
        ("trap_tau_ps", np.float64, MOST_TRAPS),
        ("live_ps", np.int64),  # end of the last hold-off
        ("dark_ps", np.int64),  # next dark event of this tick, or NEVER_PS
        ("dark_position", np.float64),  # the same as a fraction of the tick
        ("dark_chance", np.float64),  # uniform number that decides it
        ("dark_number", np.int64),  # dark events drawn in this tick
        ("release_ps", np.int64),  # earliest of the pending ones, or NEVER_PS
        ("release_number", np.int64),  # releases decided in this tick
        ("n_pending", np.int64),
        ("pending_ps", np.int64, MOST_PENDING),
        ("is_overfull", np.bool_),  # more were pending than there is room for
        ("n_avalanches", np.int64),  # since the diode is
        ("n_tags", np.int64),  # filled length of the detector's row of tags
    ]
)
"""One diode as the kernel sees it: constants of the call, then state."""

_LONG_AGO_PS = -(1 << 61)
STATE = ("live_ps", "release_ps", "n_pending", "pending_ps", "n_avalanches")
"""Fields of a record that go from call to call."""


def diode_records(
    spads: Sequence[Spad],
    arrival_ps: Sequence[int],
    tick_ps: int,
    pulse_fwhm_ps: float = 0.0,
) -> NDArray[np.void]:
    """Return DIODE[n]: diodes at rest, before any avalanche.

    arrival_ps: of pulse 0 at each diode; gates open `Gate.lead_ps` before
    """
    records = np.zeros(len(spads), DIODE)
    for record, spad, arrival in zip(records, spads, arrival_ps, strict=True):
        record["arrival_ps"] = arrival
        record["dark_per_tick"] = spad.dark_rate_hz * tick_ps * 1e-12
        record["dead_ps"] = spad.dead_time_ps
        record["paralysable"] = spad.paralysable
        record["tau_ps"] = spad.recovery_tau_ps
        record["sigma_ps"] = spad.jitter_sigma_ps(pulse_fwhm_ps)
        record["tail_fraction"] = spad.tail_fraction if spad.tail_ps > 0.0 else 0.0
        record["tail_ps"] = spad.tail_ps
        record["walk_ps"] = spad.walk_ps
        record["walk_tau_ps"] = spad.walk_tau_ps
        _set_gate(record, spad, arrival)
        _set_traps(record, spad)
        record["live_ps"] = _LONG_AGO_PS
        record["dark_ps"] = NEVER_PS
        record["release_ps"] = NEVER_PS
    return records


def _set_gate(record: np.void, spad: Spad, arrival_ps: int) -> None:
    gate = spad.gate
    if gate is None:
        return
    record["gate_period_ps"] = gate.period_ps
    record["gate_open_ps"] = arrival_ps - gate.lead_ps
    record["gate_width_ps"] = gate.width_ps
    record["gate_edge_ps"] = gate.edge_ps
    record["gate_is_sine"] = gate.shape == "sine"
    record["persistence"] = gate.persistence
    record["persistence_tau_ps"] = gate.persistence_tau_ps


def _set_traps(record: np.void, spad: Spad) -> None:
    mean = sum(t.mean for t in spad.traps)
    record["n_traps"] = len(spad.traps)
    record["trap_mean"] = mean
    record["trap_none"] = math.exp(-mean)
    if mean > 0.0:
        n = len(spad.traps)
        shares = np.cumsum([t.mean for t in spad.traps]) / mean
        record["trap_share"][:n] = shares
        record["trap_tau_ps"][:n] = [t.tau_ps for t in spad.traps]
