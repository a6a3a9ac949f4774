"""A small receiver behind a quantum dot, simulated by engine and reference."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from pair_bench import PERIOD_PS, QUIET, WIRE, detectors, plain_detector
from plain_sources import PlainDot, linear_analyser

from qkdlab_sims.optics.detector import PULSES_PER_TICK
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.sources.dot.arrivals import DotArrivals
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot

ARRIVAL_PS = (7_500, 7_810, 8_240, 7_650)
ANGLES = (0.0, 90.0, 45.0, 135.0)
DOT = QuantumDot(
    brightness=0.4,
    g2_emitter=0.1,
    noise_photons=0.02,
    lifetime_ps=600.0,
    on_time_ps=3e6,
    off_time_ps=2e6,
)


def fields():
    """Four polarizations, the last of them dimmer; five pulses long."""
    angles = np.radians([0.0, 45.0, 90.0, 135.0, 20.0])
    amplitude = np.sqrt([0.9, 0.9, 0.9, 0.5, 0.9])
    states = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (amplitude[:, None] * states).astype(complex)


def paths():
    return [linear_analyser(math.radians(a), 0.5) for a in ANGLES]


def receiver(wire=WIRE):
    state, eta = detectors((wire,) * 4, ARRIVAL_PS, "detectors")
    return state, eta[:, None] * np.array([analyser_vector(a) for a in paths()])


def engine(dot, n_ticks, steps=(None,), wire=WIRE, states=None, seed=3):
    """Return the tags of each detector less its arrival time, cut at the last slot."""
    state, analysers = receiver(wire)
    light = Light(fields() if states is None else states, 1550.0)
    source = DotArrivals(dot, light, analysers, PERIOD_PS, seed)
    pieces, tick, n_done = [], 0, 0
    while tick < n_ticks + 1:
        end = min(tick + (steps[n_done % len(steps)] or n_ticks + 1), n_ticks + 1)
        n_done += 1
        clicks = detect(state, source, tick * PULSES_PER_TICK, end * PULSES_PER_TICK)
        pieces.append(clicks.times_ps)
        tick = end
    cut = n_ticks * PULSES_PER_TICK * PERIOD_PS
    rows = [np.concatenate(row) for row in zip(*pieces, strict=True)]
    return [t[t < cut] - a for t, a in zip(rows, ARRIVAL_PS, strict=True)]


@functools.cache
def reference(n_ticks, seed=1, diodes=None, **mutant):
    """Return the tags of the reference for DOT, with changes."""
    wires = [
        plain_detector(path, arrival, diodes)
        for path, arrival in zip(paths(), ARRIVAL_PS, strict=True)
    ]
    plain = PlainDot(
        fields(),
        DOT.brightness,
        DOT.g2_emitter,
        DOT.noise_photons,
        DOT.lifetime_ps,
        DOT.on_time_ps,
        DOT.off_time_ps,
        PERIOD_PS,
    )
    n_pulses = n_ticks * PULSES_PER_TICK
    tags = replace(plain, **mutant).clicks(n_pulses, wires, seed)
    cut = n_pulses * PERIOD_PS
    return [t[t < cut] - a for t, a in zip(tags, ARRIVAL_PS, strict=True)]


def interfered(dot, n_ticks, wire, seed=3):
    """Return pulses with clicks at each port of a beam splitter fed by two dots."""
    state, eta = detectors((wire,) * 2, ARRIVAL_PS[:2], "detectors")
    analysers = eta[:, None] * np.array([[1.0, 1.0, 0.0, 0.0]])
    light = Light(np.array([[1.0 + 0j, 0.0]]), 900.0)
    source = DotArrivals(dot, light, analysers, PERIOD_PS, seed, interferes=True)
    clicks = detect(state, source, 0, n_ticks * PULSES_PER_TICK)
    both = zip(clicks.times_ps, ARRIVAL_PS[:2], strict=True)
    return [np.unique(pulse_of(t - a)) for t, a in both]


def pulse_of(tags):
    """Pulse number of each tag; what comes late still belongs to its own."""
    return (tags + 1_000) // PERIOD_PS


__all__ = ["DOT", "QUIET", "engine", "fields", "interfered", "pulse_of", "reference"]
