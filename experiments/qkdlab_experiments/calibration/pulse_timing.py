"""The pulses put inside the symbols, by the tap's mean power against clock phase.

A generator that is started begins at a new phase: whoever starts a pattern looks again.
The pattern itself serves, key patterns included. With three levels of intensity
some per cent of the mean power are missing or added while pulses sample transitions;
the tap meter resolves 1e-4 of it, so that a dozen phases find the symbol to a few ps.
(A public marker in the header would show 0.6 % of that contrast.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.order import interleaved
from qkdlab.calibration.symbol_edge import (
    EdgeFit,
    fit_edge,
    transition_counts,
    transition_mean,
)
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import intensity_of
from qkdlab.roles import ClockSource, PowerMeter, Transmitter
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import wait_for_tap
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "PulseTiming",
    "expected_contrast",
    "find_pulse_in_symbol",
    "fit_scan",
    "later_ps",
    "read_tap",
    "scan_phases_deg",
    "start_pattern",
]

_READINGS = 2
_PHASE_S = 2e-3
"""By when the clock has turned its phase [guess]."""
_LEAST_CONTRAST = 0.01
_STRENGTH = 0.6, 1.6
"""Of the contrast that the pattern should show."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PulseTiming:
    """What a scan of the clock's phase found, and where the phase was left."""

    edge: EdgeFit
    phase_deg: float
    phase_error_deg: float
    times_ps: Array
    means_w: Array
    errors_w: Array


def scan_phases_deg(p: Bb84Parameters) -> Array:
    """Return the phases of a scan, evenly over one symbol, in the order of taking."""
    n = p.calibration.source.phase_points
    return np.array(interleaved(n)) * (360.0 / n)


def later_ps(p: Bb84Parameters, phase_deg: Array) -> Array:
    """Return by how much pulses come later than at phase zero, within a period.

    A greater phase makes them earlier (role ClockSource).
    """
    return np.asarray(-phase_deg / 360.0 * p.symbol_period_ps % p.symbol_period_ps)


def levels_of(transmissions: Mapping[int, float]) -> Array:
    """Return the drive of each class in units of V_pi."""
    levels = np.zeros(4)
    for index, share in transmissions.items():
        levels[index] = np.arccos(1.0 - 2.0 * min(max(share, 0.0), 1.0)) / np.pi
    return levels


def expected_contrast(classes: NDArray[np.uint8], levels: Array) -> float:
    """Return by how much the mean power of a pattern changes half-way, relatively."""
    shape = transition_mean(transition_counts(classes, levels.size), levels, _power)
    on_levels, half_way = shape(np.array([0.0, 0.5]))
    return float(half_way / on_levels - 1.0) if on_levels > 0 else 0.0


def start_pattern(
    ctx: PartyContext[Bb84Parameters],
    frame: NDArray[np.uint8],
    transmissions: Mapping[int, float],
    *,
    polarization_v: Array | None = None,
) -> PulseTiming | None:
    """Upload a frame, start it and put the pulses inside its symbols.

    frame, transmissions, polarization_v: as of `Transmitter.upload`

    The shutter is the caller's. None is returned where nothing is to be done: a pattern
    without transitions of the intensity that the tap could see, and a sender whose
    pulses keep their place: one without a role `clock`, or whose samples follow the
    pulse clock, so that the phase of the step 'timing' holds. Raises
    SecurityAbort(CALIBRATION_FAILED) when the transitions do not show.
    """
    p = ctx.parameters
    transmitter: Transmitter = ctx.roles["transmitter"]
    transmitter.stop()
    transmitter.upload(
        frame,
        transmissions,
        samples_per_symbol=p.pattern.samples_per_symbol,
        symbol_period_ps=p.symbol_period_ps,
        polarization_v=polarization_v,
    )
    transmitter.start()
    if p.pulses_keep_place:
        return None
    classes = intensity_of(frame)
    levels = levels_of(transmissions)
    has_contrast = abs(expected_contrast(classes, levels)) >= _LEAST_CONTRAST
    if not (has_contrast and "clock" in ctx.roles):
        return None
    return find_pulse_in_symbol(ctx, classes, levels)


def find_pulse_in_symbol(
    ctx: PartyContext[Bb84Parameters], classes: NDArray[np.uint8], levels: Array
) -> PulseTiming:
    """Scan the clock's phase under the running pattern, then set it.

    classes: uint8[n], intensity class of each symbol
    levels:  float64, drive of each class in units of V_pi

    Raises SecurityAbort(CALIBRATION_FAILED) when the tap power does not show the
    transitions of the pattern as it should.
    """
    p = ctx.parameters
    clock: ClockSource = ctx.roles["clock"]
    phases_deg = scan_phases_deg(p)
    readings = []
    for phase_deg in phases_deg:
        clock.set_phase_deg(float(phase_deg))
        readings.append(read_tap(ctx))
    timing = fit_scan(p, phases_deg, readings, classes, levels)
    clock.set_phase_deg(timing.phase_deg)
    return timing


def read_tap(ctx: PartyContext[Bb84Parameters]) -> list[float]:
    """Return readings at a phase that was set just now."""
    meter: PowerMeter = ctx.roles["tap_meter"]
    wait_for_tap(ctx, _PHASE_S)
    return meter.read_power_w(_READINGS)


def fit_scan(
    p: Bb84Parameters,
    phases_deg: Array,
    readings: list[list[float]],
    classes: NDArray[np.uint8],
    levels: Array,
) -> PulseTiming:
    """Fit the transition to a scan; raises as `find_pulse_in_symbol`."""
    source = p.calibration.source
    means = np.array([fmean(one) for one in readings])
    # Few readings of one phase tell too little of their scatter: all are pooled.
    relative = [stdev(one) / fmean(one) for one in readings]
    pooled = float(np.sqrt(np.mean(np.square(relative)) / _READINGS))
    errors = means * max(pooled, 1e-9)
    times_ps = later_ps(p, phases_deg)
    shape = transition_mean(transition_counts(classes, levels.size), levels, _power)
    contrast = expected_contrast(classes, levels)
    try:
        edge = fit_edge(
            times_ps,
            means,
            errors,
            shape,
            period_ps=p.symbol_period_ps,
            rise_guess_ps=source.rise_ps,
        )
    except ValueError:
        raise _not_seen(contrast, 0.0) from None
    low, high = _STRENGTH
    if not low < edge.contrast.value / contrast < high:
        raise _not_seen(contrast, edge.contrast.value)
    wanted_ps = edge.middle_ps.value + source.pulse_after_edge_ps
    degrees = 360.0 / p.symbol_period_ps
    return PulseTiming(
        edge,
        float(-wanted_ps * degrees % 360.0),
        edge.middle_ps.uncertainty * degrees,
        times_ps,
        means,
        errors,
    )


def _power(volts: Array) -> Array:
    return np.asarray(np.sin(0.5 * np.pi * volts) ** 2)


def _not_seen(wanted: float, seen: float) -> SecurityAbort:
    return SecurityAbort(
        AbortCode.CALIBRATION_FAILED,
        "the tap power does not show the pattern's transitions against the clock's "
        "phase; is the generator locked to the clock's 10 MHz, and does the clock "
        "drive the laser?",
        {"contrast": seen, "of_wanted": seen / wanted},
    )
