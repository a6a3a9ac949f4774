"""Boaron et al. 2018: 421 km of ultra-low-loss fibre, as a bound.

Phys. Rev. Lett. 121, 190502. Of the receiver, losses and block lengths nothing here was
read in the paper, so every input that is missing is put at what is best for the rate:
detectors that see every photon, optics that err never, one photon a pulse, blocks
without end. No key can be longer than the single photons that arrive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.optics.detector import DetectorBank, DetectorParameters
from qkdlab_sims.published.inputs import build, packaged
from qkdlab_sims.published.outcome import Outcome
from qkdlab_sims.published.slots import whole_ticks
from qkdlab_sims.published.two_ports import fresh_light, run, two_port_law

__all__ = ["INPUTS", "Boaron2018", "closed_form", "simulate"]

_PERIOD_PS = 400
"""2.5 GHz [doc, abstract]."""


@dataclass(frozen=True, slots=True)
class Boaron2018:
    """Inputs; values and their marks stand in ``inputs.toml``.

    losses_db, rates: at 421 and 405 km; published bit/s
    dark_rate_hz:     of each detector
    """

    losses_db: tuple[float, float]
    rates: tuple[float, float]
    mean_photons: float
    efficiency: float
    dark_rate_hz: float


INPUTS = build(Boaron2018, packaged("boaron_2018"), "boaron_2018")


def closed_form(loss_db: float, inputs: Boaron2018) -> float:
    """Return the bound in bit/s: clicks times the single photons' share exp(-mu)."""
    mean = inputs.mean_photons * inputs.efficiency * 10.0 ** (-0.1 * loss_db)
    dark = inputs.dark_rate_hz * _PERIOD_PS * 1e-12
    gain, _ = two_port_law(mean, 0.0, dark)
    return 1e12 / _PERIOD_PS * gain * math.exp(-inputs.mean_photons)


def simulate(scale: float, seed: int, inputs: Boaron2018 = INPUTS) -> list[Outcome]:
    """Return the bounds at both lengths.

    scale: 1 for 60 s of the link
    """
    states = math.sqrt(inputs.mean_photons) * np.eye(2, dtype=np.complex128)
    light = fresh_light(states, [1.0], seed)
    wire = DetectorParameters(
        efficiency_max=1.0,
        i_half_ua=5.0,
        width_ua=1.0,
        switching_current_ua=30.0,
        dark_floor_hz=inputs.dark_rate_hz,
        dark_i0_ua=1_000.0,
        dark_slope_per_ua=1.0,
        recovery_tau_ps=10_000.0,
        jitter_fwhm_ps=30.0,
    )
    pulses = whole_ticks(60e12 / _PERIOD_PS, scale)
    seconds = pulses * _PERIOD_PS * 1e-12
    single = math.exp(-inputs.mean_photons)
    found: list[Outcome] = []
    for length, loss_db, rate in zip(
        ("421km", "405km"), inputs.losses_db, inputs.rates, strict=True
    ):
        bank = DetectorBank((wire, wire), (200, 200), _PERIOD_PS, seed, length)
        transmission = inputs.efficiency * 10.0 ** (-0.1 * loss_db)
        clicked = int(run(bank, light, transmission, 1.0, pulses).clicked[0])
        found.append(
            Outcome(
                f"boaron_2018_{length}",
                "secret rate, bound",
                "bit/s",
                rate,
                single * clicked / seconds,
                single * math.sqrt(max(clicked, 1)) / seconds,
                closed_form(loss_db, inputs),
                0.0,
                "receiver, error rates and block lengths are not at hand",
                is_bound=True,
            )
        )
    return found
