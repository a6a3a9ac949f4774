"""A receiver behind a gain-switched laser, simulated by engine and reference."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from pair_bench import PERIOD_PS, WIRE, detectors, plain_detector
from plain_sources import PlainLaser, linear_analyser

from qkdlab_sims.optics.detector import PULSES_PER_TICK
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.sources.laser.arrivals import LaserArrivals
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

ARRIVAL_PS = (7_500, 7_810)
PULSES = PulseDynamics(
    pulse_fwhm_ps=80.0, jitter_rms_ps=60.0, noise_rms=0.25, noise_neighbour=-0.4
)
FIELDS = np.sqrt([[0.3, 0.1], [0.02, 0.2], [0.5, 0.0]]).astype(complex)
PLAIN = np.sqrt([[0.4, 0.0]]).astype(complex)


def engine(
    n_ticks,
    pulses=PULSES,
    wire=WIRE,
    fields=FIELDS,
    steps=(None,),
    ports=None,
    step_rad=math.inf,
    light=None,
    seed=3,
):
    """Return tags of H and V, or of both ports, less arrival time and lead."""
    state, eta = detectors((wire,) * 2, ARRIVAL_PS, "detectors")
    vectors = [analyser_vector(linear_analyser(math.radians(a))) for a in (0.0, 90.0)]
    source = LaserArrivals(
        pulses,
        light or Light(fields, 1550.0),
        eta[:, None] * np.array(vectors),
        PERIOD_PS,
        seed,
        step_rad=step_rad,
        interferometer=ports,
    )
    pieces, tick, n_done = [], 0, 0
    while tick < n_ticks + 1:
        end = min(tick + (steps[n_done % len(steps)] or n_ticks + 1), n_ticks + 1)
        n_done += 1
        clicks = detect(state, source, tick * PULSES_PER_TICK, end * PULSES_PER_TICK)
        pieces.append(clicks.times_ps)
        tick = end
    cut = n_ticks * PULSES_PER_TICK * PERIOD_PS
    rows = [np.concatenate(row) for row in zip(*pieces, strict=True)]
    both = zip(rows, ARRIVAL_PS, strict=True)
    return [t[t < cut] - a - source.lead_ps for t, a in both]


@functools.cache
def reference(n_ticks, seed=1, ports=False, diodes=None, **mutant):
    """Return the tags of the reference for PULSES, with changes."""
    wires = [
        plain_detector(linear_analyser(math.radians(angle)), arrival, diodes)
        for angle, arrival in zip((0.0, 90.0), ARRIVAL_PS, strict=True)
    ]
    if ports:  # no polarization there
        wires = [replace(d, path=wires[0].path) for d in wires]
    lead = 2_000
    plain = PlainLaser(
        PLAIN if ports else FIELDS,
        PULSES.noise_rms,
        PULSES.noise_memory(),
        PULSES.jitter_rms_ps,
        PULSES.width_sigma_ps(),
        lead,
    )
    n_pulses = n_ticks * PULSES_PER_TICK
    tags = replace(plain, **mutant).clicks(n_pulses, wires, seed)
    cut = n_pulses * PERIOD_PS
    return [t[t < cut] - a - lead for t, a in zip(tags, ARRIVAL_PS, strict=True)]


def pulse_of(tags):
    """Pulse number of each tag."""
    return (tags + PERIOD_PS // 2) // PERIOD_PS
