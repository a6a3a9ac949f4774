"""What the true world leads one to expect of a BB84 block, in closed form.

Every symbol of the frame is taken with its own true light, so what the drive chain
does to a symbol after its neighbours is in it. Which symbol belongs to which class is
read off the light itself: nothing of Alice's record is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.bench.receiver_views import receiver_views
from qkdlab_sims.bench.truth_report import light_at_output
from qkdlab_sims.bench.world import World
from qkdlab_sims.optics.analytic import (
    Reading,
    click_probabilities,
    live_probability,
    mean_photons_at,
    slot_outcomes,
)
from qkdlab_sims.optics.detector import DetectorBank

__all__ = ["CLASSES", "classify", "expect"]

CLASSES = ("signal", "decoy", "vacuum")
_STATES = np.array([[0.0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
"""Stokes directions of D, A, R, L: ``2 basis + bit``."""
_NOTHING = np.zeros(())

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def classify(stokes: Floats, relative: Floats) -> tuple[Integers, Integers]:
    """Return (``2 basis + bit``, intensity class) of each symbol, by what is nearest.

    stokes:   float64[n, 4] at the sender's output
    relative: nominal mean photon numbers over the brightest, brightest first
    """
    state = np.argmax(stokes[:, 1:] @ _STATES.T, axis=1)
    scale = np.quantile(stokes[:, 0], 0.99)
    distance = np.abs(np.log(stokes[:, :1] / scale) - np.log(relative))
    return state, np.argmin(distance, axis=1)


def expect(
    world: World,
    *,
    relative_intensities: list[float],
    header_symbols: int,
    gate_ps: float,
    blank_ps: float,
) -> dict[str, Any] | None:
    """Return expected gains and error rates by Alice's basis and intensity class.

    A gain is the probability of a sifted bit per pulse sent, blanked slots counted as
    sent: what a run reports. None when the tagger never met light with a pattern, when
    an eavesdropper attacks (then nothing honest is to be expected), or when the
    detectors are no nanowires, or none that `receiver_views` knows.

    Also in it: ``mean_photons`` by class, true; ``live_fraction``.
    """
    moment = world.recorded
    if moment is None or world.ways.eve is not None:
        return None
    stokes = light_at_output(world)
    state, intensity = classify(stokes, np.asarray(relative_intensities))
    body = np.arange(len(stokes)) >= header_symbols
    if np.unique(4 * intensity[body] + state[body]).size < 12:
        # a pattern for calibration, not one that carries key
        return None
    bank = world.detection.bank
    if not isinstance(bank, DetectorBank):
        return None
    bias_ua = moment.conditions.bias_ua
    efficiencies = bank.efficiencies(bias_ua)
    views = receiver_views(world, moment)
    if views is None:
        return None
    fwhm_ps = moment.conditions.light.pulse_fwhm_ps
    readings = [
        Reading(
            basis=view.basis,
            bit=view.bit,
            dark_rate_hz=bank.dark_rates_hz(bias_ua),
            jitter_sigma_ps=np.array(
                [p.jitter_sigma_ps(fwhm_ps) for p in bank.parameters]
            ),
            offset_ps=np.zeros(len(view.basis)),
            gate_ps=gate_ps,
            period_ps=bank.period_ps,
        )
        for view in views
    ]
    means = [
        mean_photons_at(stokes, view.analysers * efficiencies[:, None])
        for view in views
    ]
    lags = bank.period_ps * np.arange(1.0, blank_ps // bank.period_ps + 1)
    missing = [
        p.unrecovered_fraction(bias, lags)
        for p, bias in zip(bank.parameters, bias_ua, strict=True)
    ]
    average = sum((v.share * m for v, m in zip(views, means, strict=True)), _NOTHING)
    live = live_probability(
        average, readings[0], blank_ps, gate_ps / 2, unrecovered=np.array(missing).T
    )
    gained, wrong = np.zeros((len(stokes), 2)), np.zeros((len(stokes), 2))
    for view, reading, mean in zip(views, readings, means, strict=True):
        clicks = click_probabilities(mean, reading)
        outcomes = slot_outcomes(clicks, reading, state % 2)
        gained += view.share * outcomes.gain
        wrong += view.share * outcomes.error
    gains: dict[str, dict[str, float]] = {"X": {}, "Z": {}}
    qber: dict[str, dict[str, float]] = {"X": {}, "Z": {}}
    photons: dict[str, float] = {}
    for k, name in enumerate(CLASSES):
        photons[name] = float(stokes[body & (intensity == k), 0].mean())
        for basis, letter in enumerate("XZ"):
            mine = body & (intensity == k) & (state // 2 == basis)
            gain = live[mine] * gained[mine, basis]
            error = live[mine] * wrong[mine, basis]
            gains[letter][name] = float(gain.mean())
            qber[letter][name] = float(error.sum() / gain.sum())
    return {
        "gains": gains,
        "qber": qber,
        "mean_photons": photons,
        "live_fraction": float(live.mean()),
    }
