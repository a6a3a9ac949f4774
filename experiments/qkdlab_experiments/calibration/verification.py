"""Step 10: error rate of every state and gain of every class, before key is made.

Alice plays all settings of a key frame in public; Bob counts and judges the states,
then tells her the counts, and she judges her classes: gains must follow her mean
photon numbers. Whoever rejects says which state or class is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.link_check import check_classes, error_rate
from qkdlab.calibration.measured import Measured
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.protocols.symbols import Intensity
from qkdlab.roles import Receiver
from qkdlab.session.conversation import public_number
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.acquisition import align
from qkdlab_experiments.arms import FOUR_ARMS
from qkdlab_experiments.calibration.counting import (
    count_by_channel,
    public_table,
    seconds_for,
)
from qkdlab_experiments.calibration.detectors import bias_on
from qkdlab_experiments.calibration.light import (
    bring_to_level,
    relative_transmissions,
)
from qkdlab_experiments.calibration.pattern import listen, play, slots_of_pattern
from qkdlab_experiments.calibration.polarization import plates_on
from qkdlab_experiments.calibration.views import see_settings
from qkdlab_experiments.frame import verification_frame
from qkdlab_experiments.leak_cap import ERROR_RATE, TRANSMISSION
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["STATE_NAMES", "alice", "bob"]

STATE_NAMES = ("X0 (D)", "X1 (A)", "Z0 (R)", "Z1 (L)")
"""By ``2 basis + bit``."""
_N_SETTINGS = 12
_MOST_DEVIATIONS = 5.0
_VALID_S = 3600.0
"""As the plates' angles."""


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Send all settings of a key frame, then judge the gains of the classes."""
    p = ctx.parameters
    bring_to_level(ctx)
    said = play(ctx, verification_frame(p), relative_transmissions(p))
    if "counts" not in said:
        return StepOutcome()
    counts = public_table(said, "counts", _N_SETTINGS)
    dark = Measured(
        public_number(said, "dark_per_slot"), public_number(said, "dark_uncertainty")
    )
    pulses = public_number(said, "pulses_per_setting")
    live = public_number(said, "live_fraction")
    return _classes(ctx, counts, pulses, live, dark)


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Count by setting and judge the error rate of every state."""
    bias_on(ctx)
    plates_on(ctx)
    return listen(ctx, lambda: _states(ctx))


def _settings(p: Bb84Parameters) -> NDArray[np.int64]:
    """Return ``4 class + 2 basis + bit`` of every symbol, -1 in the header."""
    settings = (verification_frame(p) & np.uint8(15)).astype(np.int64)
    settings[: p.pattern.header_symbols] = -1
    return settings


def _states(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[StepOutcome, Mapping[str, Any]]:
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    fit, blocks = slots_of_pattern(ctx)
    seconds = seconds_for(blocks, p.calibration.verification_clicks, p)
    clicks, tally = see_settings(ctx, align(fit, p), seconds)
    n_slots = seconds * 1e12 / p.symbol_period_ps
    live_fraction = 1.0 - tally.dead_slots / n_slots
    settings = _settings(p)
    counts = count_by_channel(clicks, settings, _N_SETTINGS, FOUR_ARMS)
    frames = seconds * 1e12 / p.frame_ps
    pulses = frames * np.bincount(settings[settings >= 0], minlength=_N_SETTINGS)
    rates = []
    for state in range(4):
        own = _of_state(counts, state)
        rates.append(error_rate(float(own[1 - state % 2]), float(own.sum())))
    limits = (p.limits.qber_x_max, p.limits.qber_z_max)
    problem = _wrong_states(rates, limits)
    gate_s = p.detection.gate_ps * 1e-12
    n = len(receiver.channels)
    dark = [ctx.calibration.record(f"dark_rate_hz_{d}") for d in range(n)]
    figures = {
        "qber": {n: r.value for n, r in zip(STATE_NAMES, rates, strict=True)},
        "qber_uncertainty": {
            n: r.uncertainty for n, r in zip(STATE_NAMES, rates, strict=True)
        },
        "live_fraction": live_fraction,
    }
    said = {
        "counts": counts.astype(int).tolist(),
        "pulses_per_setting": float(pulses.mean()),
        "live_fraction": live_fraction,
        "dark_per_slot": sum(r.value for r in dark) * gate_s,
        "dark_uncertainty": sum(r.uncertainty**2 for r in dark) ** 0.5 * gate_s,
    }
    curve = Curve(
        "Error rate of every state",
        "state (0 D, 1 A, 2 R, 3 L)",
        "error rate",
        (0.0, 1.0, 2.0, 3.0),
        tuple(r.value for r in rates),
        tuple(r.uncertainty for r in rates),
    )
    return StepOutcome(figures=figures, curves=(curve,), problem=problem), said


def _of_state(counts: NDArray[np.float64], state: int) -> NDArray[np.float64]:
    """Return counts[bit seen] of a state in its own basis, signal and decoy."""
    basis = state // 2
    bright = [4 * k + state for k in (Intensity.SIGNAL, Intensity.DECOY)]
    return np.asarray(counts[2 * basis : 2 * basis + 2, bright].sum(axis=1))


def _wrong_states(rates: list[Measured], limits: tuple[float, float]) -> str | None:
    wrong = [
        f"{name} {rate.value:.2%} (limit {limits[state // 2]:.1%})"
        for state, (name, rate) in enumerate(zip(STATE_NAMES, rates, strict=True))
        if rate.value > limits[state // 2]
    ]
    if not wrong:
        return None
    hint = "run the step 'polarization'" if len(wrong) > 1 else "run the step 'states'"
    return f"error rate above its limit: {', '.join(wrong)}; {hint}"


def _classes(
    ctx: PartyContext[Bb84Parameters],
    counts: NDArray[np.float64],
    pulses: float,
    live: float,
    dark: Measured,
) -> StepOutcome:
    """Judge the gains of the classes, all detectors and states together."""
    records = [ctx.calibration.record(f"mean_photon_number_{n}") for n in CLASSES]
    photons = [Measured(r.value, r.uncertainty) for r in records]
    by_class = counts.sum(axis=0).reshape(len(CLASSES), 4).sum(axis=1)
    try:
        eta, checks = check_classes(
            by_class.tolist(), [4 * pulses] * len(CLASSES), photons, dark, live
        )
    except ValueError as error:
        return StepOutcome(problem=f"{error}; look at Alice's shutter")
    wrong = [
        f"{name} {check.gain.value:.3g} instead of {check.expected.value:.3g}"
        for name, check in zip(CLASSES, checks, strict=True)
        if abs(check.deviations) > _MOST_DEVIATIONS
    ]
    problem = None
    if wrong:
        problem = (
            f"clicks per pulse do not follow the mean photon numbers: "
            f"{', '.join(wrong)}; run the steps 'modulator' and 'intensities'"
        )
    decibel = 10 / float(np.log(10))
    figures = {
        "link_loss_db": -decibel * float(np.log(eta.value)),
        "link_loss_uncertainty_db": decibel * eta.uncertainty / eta.value,
        "gains": {n: c.gain.value for n, c in zip(CLASSES, checks, strict=True)},
        "expected_gains": {
            n: c.expected.value for n, c in zip(CLASSES, checks, strict=True)
        },
        "deviations": {n: c.deviations for n, c in zip(CLASSES, checks, strict=True)},
    }
    mu = [m.value for m in photons]
    curve = Curve(
        "Clicks per pulse of every class",
        "mean photon number",
        "clicks per live pulse",
        tuple(mu),
        tuple(c.gain.value for c in checks),
        tuple(c.gain.uncertainty for c in checks),
        tuple(mu),
        tuple(c.expected.value for c in checks),
    )
    return StepOutcome(_link_records(ctx, counts, eta), figures, (curve,), problem)


def _link_records(
    ctx: PartyContext[Bb84Parameters], counts: NDArray[np.float64], eta: Measured
) -> tuple[CalibrationRecord, ...]:
    """Return what caps on a block's messages are worked out from."""
    own = _of_state(counts, 0), _of_state(counts, 1)
    wrong = float(own[0][1] + own[1][0])
    error = error_rate(wrong, float(own[0].sum() + own[1].sum()))
    return tuple(
        ctx.calibration.measured(
            quantity,
            found.value,
            "1",
            found.uncertainty,
            valid_for_s=_VALID_S,
            source="public pattern of all settings",
        )
        for quantity, found in ((TRANSMISSION, eta), (ERROR_RATE, error))
    )
