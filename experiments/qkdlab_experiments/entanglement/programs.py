"""Programs of CHSH: Alice pumps and turns her plate, Bob turns his and counts.

A half-wave plate turns the analyser behind it by twice its own angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
from qkdlab_experiments.entanglement.counting import (
    Tags,
    correlation,
    lateness_ps,
    read_tags,
)
from qkdlab_experiments.entanglement.figures import figures
from qkdlab_experiments.entanglement.frames import REMEDY, TURN_DEG, refuse_unlike

__all__ = ["count", "send"]


_ACCURACY = "plate-accuracy"
"""Message of Alice's: how well her plate's angle is known."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """What Bob knows of both plates and of his tagger once he has seen pairs.

    alice_rad, bob_rad: standard uncertainty of an analyser's angle at each setting
    late_ps:            of `lateness_ps`
    """

    alice_rad: float
    bob_rad: float
    late_ps: list[int]


def send(ctx: PartyContext[ChshParameters]) -> PartyResult:
    """Let the laser pump the crystal; turn the plate as Bob asks.

    His first request comes when he has counted in the dark; later ones are
    `analyser_deg`, by the zero of Alice's plate.
    """
    plate: Rotator = ctx.roles["plate"]
    ctx.conversation.send(_ACCURACY, analyser_rad=_analyser_rad(plate))
    wishes = requests(ctx)
    next(wishes)
    with pumped(ctx):
        for wanted in wishes:
            plate.set_angle_deg(float(wanted["analyser_deg"]) / 2.0)
    return PartyResult()


def count(ctx: PartyContext[ChshParameters]) -> PartyResult:
    """Find how the plates stand to each other, then count the four settings.

    Raises UsageError where no pairs are seen, nothing follows Bob's plate, or what does
    is unlike as Alice's turns.
    """
    p = ctx.parameters
    alice_rad = float(ctx.conversation.receive(_ACCURACY)["analyser_rad"])
    detectors: BiasSource = ctx.roles["detectors"]
    darks_hz = detectors.count_rates_hz(p.dark_s)[:4]
    ask(ctx)
    late = _lateness_ps(ctx)
    bench = _Bench(alice_rad, _analyser_rad(ctx.roles["plate"]), late)
    rest, turned = (_fringe(ctx, bench, deg) for deg in (0.0, TURN_DEG))
    refuse_unlike(rest, turned)
    correlations = _settings(ctx, bench, rest)
    dismiss(ctx)
    found = figures(
        p, (rest, turned), correlations, (alice_rad, bench.bob_rad), darks_hz
    )
    return PartyResult(found)


def _lateness_ps(ctx: PartyContext[ChshParameters]) -> list[int]:
    """Return `lateness_ps` of two angles of Bob's analyser."""
    plate: Rotator = ctx.roles["plate"]
    acquisitions: list[Tags] = []
    for angle_deg in (0.0, 45.0):
        plate.set_angle_deg(angle_deg / 2.0)
        acquisitions.append(read_tags(ctx, ctx.parameters.fringe_s))
    return lateness_ps(ctx.parameters, acquisitions)


def _fringe(
    ctx: PartyContext[ChshParameters], bench: _Bench, alice_deg: float
) -> Fringe:
    """Return the correlation by Bob's angle, Alice's analyser at rest.

    The uncertainty of the centre has that of her own angle in it.
    """
    p = ctx.parameters
    plate: Rotator = ctx.roles["plate"]
    ask(ctx, analyser_deg=alice_deg)
    angles_deg = (np.arange(p.fringe_points) * 180.0 / p.fringe_points).tolist()
    found = []
    for number, angle_deg in enumerate(angles_deg):
        ctx.progress(f"fringe at {alice_deg:g} deg", number, p.fringe_points)
        plate.set_angle_deg(angle_deg / 2.0)
        raw = correlation(p, read_tags(ctx, p.fringe_s), bench.late_ps).raw
        # a correlation changes by twice the angle at most
        spread = math.hypot(raw.uncertainty, 2.0 * bench.bob_rad)
        found.append(Measured(raw.value, spread))
    try:
        fringe = fit_fringe(angles_deg, found)
    except ValueError as error:
        raise UsageError(
            f"no fringe with Alice's analyser at {alice_deg:g} deg: {error}; {REMEDY}"
        ) from error
    centre = fringe.centre_deg
    spread_deg = math.hypot(centre.uncertainty, math.degrees(bench.alice_rad))
    return replace(fringe, centre_deg=Measured(centre.value, spread_deg))


def _settings(
    ctx: PartyContext[ChshParameters], bench: _Bench, fringe: Fringe
) -> dict[str, Correlation]:
    """Return the correlations of the four settings; only what changes is turned."""
    p = ctx.parameters
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
        found[name] = correlation(p, read_tags(ctx, p.duration_s), bench.late_ps)
    return found


def _analyser_rad(plate: Rotator) -> float:
    """Return the standard uncertainty of the angle of an analyser behind a plate."""
    return math.radians(2.0 * plate.rotator_capabilities().accuracy_deg)
