"""Step 4: the pulse inside the symbol, at the intensity and the phase modulator.

While a public pattern runs, Alice turns the clock's phase through one symbol. Her tap
meter sees when pulses meet transitions of the intensity, Bob's counts when they meet
those of the polarization: the difference is the skew of the two drives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.symbol_edge import transition_counts
from qkdlab.calibration.turn_edge import TurnEdgeFit, fit_turn_edge, turn_mean
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, BiasSource, ClockSource, Transmitter
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import light_on
from qkdlab_experiments.calibration.counting import public_table
from qkdlab_experiments.calibration.detectors import bias_on, refuse_ill
from qkdlab_experiments.calibration.light import set_rough_level
from qkdlab_experiments.calibration.pulse_timing import (
    PulseTiming,
    fit_scan,
    read_tap,
    scan_phases_deg,
)
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "bob", "public_pattern"]

_VALID_S = 86_400.0
_HALF_SWING = 0.5
"""In units of V_pi; at full swing rising and falling edges add up to no change."""
_PAIRS = (0, 0, 1, 0, 2, 0, 3, 1, 1, 2, 1, 3, 2, 2, 3, 3, 3)
"""Every ordered pair of four levels once, cyclically; the last one twice, which makes
the length odd: each level meets bright and dark symbols alike."""
_FOLD = (np.arange(4), np.array([0, 1, 2, 1]))
"""Levels of the phase in units of V_pi/2: the four states, then three of them. The mean
polarization moves in other directions: no fibre hides both from Bob."""
_LEAST_SEEN = 20.0
_MOST_CHI_SQUARED = 6.0
_READY = "detectors-on"
_NEXT, _COUNTED = "phase-set", "phase-counted"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Scan:
    """One scan: what Alice's tap found, and what Bob's counts."""

    pulse: PulseTiming
    turn: TurnEdgeFit
    rates: Array
    errors: Array


def public_pattern(p: Bb84Parameters, fold: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return per symbol the drives of intensity (V_pi) and phase (V_pi / 2)."""
    turns = fold[np.array(_PAIRS)].astype(np.float64)
    repeats = max(1, p.pattern.header_symbols // (2 * turns.size))
    symbols = 2 * turns.size * repeats
    bright = np.where(np.arange(symbols) % 2, _HALF_SWING, 0.0)
    return bright, np.tile(turns, 2 * repeats)


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Scan with one pattern, with another one where Bob's plates hide the first."""
    attenuator: Attenuator = ctx.roles["attenuator"]
    light_on(ctx)
    set_rough_level(ctx)
    # No wire is ramped in light.
    ctx.conversation.receive(_READY)
    scan: _Scan | None = None
    problem: str | None = None
    for fold in _FOLD:
        _play(ctx, *public_pattern(ctx.parameters, fold))
        attenuator.set_shutter_open(True)
        try:
            scan = _scan(ctx, fold)
        except SecurityAbort as abort:
            if abort.code is not AbortCode.CALIBRATION_FAILED:
                raise
            problem = abort.reason
            break
        finally:
            attenuator.set_shutter_open(False)
            ctx.roles["transmitter"].stop()
        if scan.turn.seen >= _LEAST_SEEN:
            break
    ctx.conversation.send(_NEXT, last=True)
    if scan is None or problem is not None:
        return StepOutcome(problem=problem)
    return _outcome(ctx, scan)


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count at every phase that Alice sets.

    These counts are the rack's own, no tags that the interlock would see: its rules of
    rate and latch are asked here. Raises SecurityAbort(DETECTOR_ALARM), detectors off.
    """
    detectors: BiasSource = ctx.roles["detectors"]
    bias_on(ctx)
    ctx.conversation.send(_READY)
    seconds = ctx.parameters.calibration.source.skew_count_s
    while not ctx.conversation.receive(_NEXT).get("last", False):
        rates_hz = detectors.count_rates_hz(seconds)
        refuse_ill(ctx, rates_hz)
        ctx.conversation.send(_COUNTED, rates_hz=[list(rates_hz)])
    return StepOutcome()


def _play(ctx: PartyContext[Bb84Parameters], bright: Array, turns: Array) -> None:
    p = ctx.parameters
    transmitter: Transmitter = ctx.roles["transmitter"]
    v_pi_v = ctx.calibration.value("intensity_v_pi")
    transmitter.stop()
    transmitter.upload(
        np.zeros(bright.size, np.uint8),
        {},
        samples_per_symbol=p.pattern.samples_per_symbol,
        symbol_period_ps=p.symbol_period_ps,
        intensity_v=bright * v_pi_v,
        intensity_span_v=v_pi_v,
        polarization_v=turns * 0.5 * p.calibration.polarization_v_pi_v,
    )
    transmitter.start()


def _scan(ctx: PartyContext[Bb84Parameters], fold: NDArray[np.int64]) -> _Scan:
    p = ctx.parameters
    clock: ClockSource = ctx.roles["clock"]
    n_detectors = len(p.detection.bias_ua)
    phases_deg = scan_phases_deg(p)
    readings, rates = [], []
    for k, phase_deg in enumerate(phases_deg):
        ctx.progress("clock phase", k, len(phases_deg))
        clock.set_phase_deg(float(phase_deg))
        readings.append(read_tap(ctx))
        ctx.conversation.send(_NEXT, last=False)
        said = ctx.conversation.receive(_COUNTED)
        rates.append(public_table(said, "rates_hz", n_detectors)[0])
    classes = (np.arange(2 * len(_PAIRS)) % 2).astype(np.uint8)
    pulse = fit_scan(p, phases_deg, readings, classes, np.array([0.0, _HALF_SWING]))
    light = pulse.means_w / pulse.means_w.mean()
    rates_hz = np.array(rates).T
    counts = rates_hz * p.calibration.source.skew_count_s
    errors = np.sqrt(np.maximum(counts, 1.0)) / p.calibration.source.skew_count_s
    counts_of_pairs = transition_counts(fold[np.array(_PAIRS)], 4)
    turn = fit_turn_edge(
        pulse.times_ps,
        rates_hz / light,
        errors / light,
        turn_mean(counts_of_pairs, np.linspace(0.0, 1.5 * np.pi, 4)),
        period_ps=p.symbol_period_ps,
        rise_guess_ps=pulse.edge.rise_ps.value,
    )
    clock.set_phase_deg(pulse.phase_deg)
    return _Scan(pulse, turn, rates_hz / light, errors / light)


def _outcome(ctx: PartyContext[Bb84Parameters], scan: _Scan) -> StepOutcome:
    p = ctx.parameters
    pulse, turn = scan.pulse, scan.turn
    period_ps = p.symbol_period_ps
    skew_ps = turn.middle_ps.value - pulse.edge.middle_ps.value
    skew_ps = (skew_ps + 0.5 * period_ps) % period_ps - 0.5 * period_ps
    skew = Measured(
        skew_ps,
        float(np.hypot(turn.middle_ps.uncertainty, pulse.edge.middle_ps.uncertainty)),
    )
    found = {
        "symbol_phase_deg": (Measured(pulse.phase_deg, pulse.phase_error_deg), "deg"),
        "polarization_skew_ps": (skew, "ps"),
        "edge_rise_ps": (pulse.edge.rise_ps, "ps"),
    }
    records = tuple(
        ctx.calibration.measured(
            quantity,
            measured.value,
            unit,
            measured.uncertainty,
            valid_for_s=_VALID_S,
            source="scan of the clock's phase",
        )
        for quantity, (measured, unit) in found.items()
    )
    figures = {
        "contrast": pulse.edge.contrast.value,
        "fit_residual": pulse.edge.residual,
        "rise_at_phase_modulator_ps": turn.rise_ps.value,
        "transition_seen_by_bob": turn.seen,
        "chi_squared": [pulse.edge.chi_squared, turn.chi_squared],
    }
    problem = None
    if turn.seen < _LEAST_SEEN:
        problem = (
            "Bob's counts do not show the phase modulator's transitions; look at its "
            "drive, at the polarization that enters it and at the light at Bob"
        )
    elif turn.chi_squared > _MOST_CHI_SQUARED:
        problem = (
            f"Bob's counts are no transitions of the phase (chi squared "
            f"{turn.chi_squared:.1f}); look for a fibre that is being moved"
        )
    return StepOutcome(
        () if problem else records, figures, _curves(p, scan), problem=problem
    )


def _curves(p: Bb84Parameters, scan: _Scan) -> tuple[Curve, ...]:
    pulse, turn = scan.pulse, scan.turn
    order = np.argsort(pulse.times_ps)
    fine = np.linspace(0.0, p.symbol_period_ps, 201)
    times = tuple(pulse.times_ps[order].tolist())
    after_ps = pulse.edge.middle_ps.value + p.calibration.source.pulse_after_edge_ps
    tap = Curve(
        "Pulses against the intensity's symbols",
        "pulses later by (ps)",
        "tap power (W)",
        times,
        tuple(pulse.means_w[order].tolist()),
        tuple(pulse.errors_w[order].tolist()),
        tuple(fine.tolist()),
        tuple(pulse.edge.curve(fine).tolist()),
        {
            "transition": pulse.edge.middle_ps.value,
            "chosen": after_ps % p.symbol_period_ps,
        },
    )
    lines = turn.curves(fine)
    counted = [
        Curve(
            f"Pulses against the polarization's symbols: detector {d}",
            "pulses later by (ps)",
            "rate for equal light (Hz)",
            times,
            tuple(scan.rates[d][order].tolist()),
            tuple(scan.errors[d][order].tolist()),
            tuple(fine.tolist()),
            tuple(lines[d].tolist()),
            {"transition": turn.middle_ps.value},
        )
        for d in range(len(scan.rates))
    ]
    return tap, *counted
