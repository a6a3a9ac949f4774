"""Programs of CHSH: Alice pumps and turns her plate, Bob turns his and counts.

A half-wave plate turns the analyser behind it by twice its own angle.
"""

from __future__ import annotations

import math

import numpy as np

from qkdlab.calibration.measured import Measured
from qkdlab.errors import UsageError
from qkdlab.roles import BiasSource, Rotator
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.asking import ask, dismiss, requests
from qkdlab_experiments.characterisation.programs import pumped
from qkdlab_experiments.chsh import ChshParameters
from qkdlab_experiments.entanglement.correlations import (
    SETTINGS,
    Correlation,
    Fringe,
    fit_fringe,
)
from qkdlab_experiments.entanglement.counting import Counter
from qkdlab_experiments.entanglement.figures import figures

__all__ = ["count", "send"]


def send(ctx: PartyContext[ChshParameters]) -> PartyResult:
    """Let the laser pump the crystal; turn the plate as Bob asks.

    His first request comes when he has counted in the dark; later ones are
    `analyser_deg`, by the zero of Alice's plate.
    """
    plate: Rotator = ctx.roles["plate"]
    wishes = requests(ctx)
    next(wishes)
    with pumped(ctx):
        for wanted in wishes:
            plate.set_angle_deg(float(wanted["analyser_deg"]) / 2.0)
    return PartyResult()


def count(ctx: PartyContext[ChshParameters]) -> PartyResult:
    """Find how the plates stand to each other, then count the four settings.

    Raises UsageError where no pairs are seen, or nothing follows Bob's plate.
    """
    p = ctx.parameters
    detectors: BiasSource = ctx.roles["detectors"]
    darks_hz = detectors.count_rates_hz(p.dark_s)[:4]
    ask(ctx)
    counter = Counter(ctx)
    fringe = _fringe(ctx, counter)
    correlations = _settings(ctx, counter, fringe)
    dismiss(ctx)
    analyser_rad = _analyser_rad(ctx.roles["plate"])
    return PartyResult(figures(p, fringe, correlations, analyser_rad, darks_hz))


def _fringe(ctx: PartyContext[ChshParameters], counter: Counter) -> Fringe:
    """Return the correlation by Bob's angle, Alice's analyser at her zero."""
    p = ctx.parameters
    plate: Rotator = ctx.roles["plate"]
    ask(ctx, analyser_deg=0.0)
    angles_deg = (np.arange(p.fringe_points) * 180.0 / p.fringe_points).tolist()
    found = []
    for number, angle_deg in enumerate(angles_deg):
        ctx.progress("fringe", number, p.fringe_points)
        plate.set_angle_deg(angle_deg / 2.0)
        raw = Correlation.of(counter.counts(p.fringe_s)).raw
        # a correlation changes by twice the angle at most
        spread = math.hypot(raw.uncertainty, 2.0 * _analyser_rad(plate))
        found.append(Measured(raw.value, spread))
    try:
        return fit_fringe(angles_deg, found)
    except ValueError as error:
        raise UsageError(f"no fringe: {error}") from error


def _settings(
    ctx: PartyContext[ChshParameters], counter: Counter, fringe: Fringe
) -> dict[str, Correlation]:
    """Return the correlations of the four settings; only what changes is turned."""
    plate: Rotator = ctx.roles["plate"]
    found: dict[str, Correlation] = {}
    alice_deg = bob_deg = math.nan
    for name, (ours_deg, theirs_deg) in SETTINGS.items():
        ctx.progress("settings", len(found), len(SETTINGS))
        if ours_deg != alice_deg:
            ask(ctx, analyser_deg=ours_deg)
        if theirs_deg != bob_deg:
            plate.set_angle_deg((theirs_deg + fringe.centre_deg.value) / 2.0)
        alice_deg, bob_deg = ours_deg, theirs_deg
        found[name] = Correlation.of(counter.counts(ctx.parameters.duration_s))
    return found


def _analyser_rad(plate: Rotator) -> float:
    """Return the standard uncertainty of the angle of an analyser behind a plate."""
    return math.radians(2.0 * plate.rotator_capabilities().accuracy_deg)
