"""One diode under coherent pulses: by the kernel, and by the plain reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from plain_detectors import PlainSpad

from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.spad._kernels import run_spad
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.record import diode_records

PERIOD_PS = 10_000
ARRIVAL_PS = 4_000
TICK_PS = PERIOD_PS << 16
FWHM_IN_SIGMAS = 2.354820045


def photons(
    mean_per_pulse: float, n_ticks: int, seed: int, every: int = 1
) -> NDArray[np.int64]:
    """Instants of photons that a diode at rest would take, every so many pulses."""
    rng = np.random.default_rng(seed)
    n_pulses = (n_ticks << 16) // every
    n = rng.poisson(mean_per_pulse * n_pulses)
    pulse = np.sort(rng.integers(0, n_pulses, n)) * every
    return pulse * PERIOD_PS + ARRIVAL_PS


def kernel_clicks(
    spad: Spad,
    photons_ps: NDArray[np.int64],
    n_ticks: int,
    seed: int,
    portion: int = 7,
) -> NDArray[np.int64]:
    """Tags of the kernel, which is called for so many ticks at a time."""
    records = diode_records([spad], [ARRIVAL_PS], TICK_PS)
    keys = np.array([stream_key(seed, "diode", "clicks")])
    chance = np.random.default_rng(seed + 99).random(len(photons_ps))
    ends = np.searchsorted(photons_ps, np.arange(n_ticks + 1) * TICK_PS)
    out = np.empty((1, len(photons_ps) + 400_000), np.int64)
    for begin in range(0, n_ticks, portion):
        end = min(begin + portion, n_ticks)
        ticks = (begin, end, TICK_PS)
        light = (photons_ps[None, :], chance[None, :], ends[None, begin : end + 1])
        if not run_spad(records, 0, 1, *ticks, *light, keys, out):
            raise OverflowError("a row or the list of pending carriers is full")
    return out[0, : int(records["n_tags"][0])].copy()


def plain_of(spad: Spad, **mutant: float) -> PlainSpad:
    """The reference of a diode, with changes for mutants."""
    gate = spad.gate
    fields = {
        "dark_rate_hz": spad.dark_rate_hz,
        "dead_ps": spad.dead_time_ps,
        "paralysable": spad.paralysable,
        "tau_ps": spad.recovery_tau_ps,
        "traps": tuple((t.mean, t.tau_ps) for t in spad.traps),
        "sigma_ps": spad.jitter_fwhm_ps / FWHM_IN_SIGMAS,
        "tail_fraction": spad.tail_fraction,
        "tail_ps": spad.tail_ps,
        "walk_ps": spad.walk_ps,
        "walk_tau_ps": spad.walk_tau_ps,
    }
    if gate is not None:
        fields |= {
            "gate_period_ps": gate.period_ps,
            "gate_open_ps": ARRIVAL_PS - gate.lead_ps,
            "gate_width_ps": gate.width_ps,
            "gate_edge_ps": gate.edge_ps,
            "sine": gate.shape == "sine",
            "persistence": gate.persistence,
            "persistence_tau_ps": gate.persistence_tau_ps,
        }
    return PlainSpad(**(fields | mutant))


def plain_clicks(
    spad: Spad,
    mean_per_pulse: float,
    n_ticks: int,
    seed: int,
    every: int = 1,
    **mutant: float,
) -> NDArray[np.int64]:
    """Tags of the reference under light of its own."""
    plain = plain_of(spad, **mutant)
    light = photons(mean_per_pulse * plain.gain, n_ticks, seed + 1000, every)
    return plain.clicks(light, ARRIVAL_PS, n_ticks * TICK_PS + ARRIVAL_PS, seed)
