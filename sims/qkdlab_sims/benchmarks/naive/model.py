"""The naive model of a link: what the engine is measured beside."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qkdlab_sims.benchmarks.link import BIAS_UA, PERIOD_PS, PULLS, SHARES, Link
from qkdlab_sims.benchmarks.naive.links._kernels import (
    NaiveDiode,
    NaiveLaser,
    NaiveWire,
    diodes_clicks,
    wires_clicks,
)
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.spad.parameters import Spad

__all__ = ["naive_link"]

_STATE = np.array([1, 2, 3, 4], np.uint64)
_PERIOD_S = PERIOD_PS * 1e-12


def naive_link(link: Link) -> Callable[[int], int]:
    """Return what runs so many pulses of the naive model and counts the clicks."""
    laser, state = _laser(link), _STATE.copy()
    detector = link.detector

    def run(n_pulses: int) -> int:
        n_clicks: int
        if isinstance(detector, Spad):
            n_clicks = diodes_clicks(n_pulses, laser, _diode(detector), state)
        else:
            n_clicks = wires_clicks(n_pulses, laser, _wire(detector), state)
        return n_clicks

    return run


def _laser(link: Link) -> NaiveLaser:
    shares = np.cumsum(SHARES.probabilities())
    shares[-1] = math.inf
    pulses = link.light.dynamics
    return NaiveLaser(
        PERIOD_PS,
        link.means(),
        shares,
        PULLS,
        link.light.intensity_noise_rms,
        pulses.noise_memory() if pulses else 0.0,
        pulses.jitter_rms_ps if pulses else 0.0,
        pulses.width_sigma_ps() if pulses else 0.0,
    )


def _wire(p: DetectorParameters) -> NaiveWire:
    readout = p.readout or Readout()
    return NaiveWire(
        p.dark_rate_hz(BIAS_UA) * _PERIOD_S,
        p.recovery_tau_ps,
        BIAS_UA / p.width_ua,
        p.i_half_ua / p.width_ua,
        p.jitter_sigma_ps(),
        p.tail_fraction,
        p.tail_ps,
        readout.threshold,
        readout.grows_jitter,
        readout.walk_ps,
        readout.ac_coupling_ps,
    )


def _diode(p: Spad) -> NaiveDiode:
    return NaiveDiode(
        p.dark_rate_hz * _PERIOD_S,
        float(p.dead_time_ps),
        p.recovery_tau_ps,
        np.array([trap.mean for trap in p.traps]),
        np.array([trap.tau_ps for trap in p.traps]),
        p.jitter_sigma_ps(),
        p.tail_fraction,
        p.tail_ps,
        p.walk_ps,
        p.walk_tau_ps,
        float(p.gate.width_ps) if p.gate else 0.0,
    )
