"""Draw what experimenters read off a detector: gaps between clicks, and recovery.

    python examples/detector_pictures.py docs

Writes ``detector-gaps.svg`` and ``detector-recovery.svg``: simulated tags, what the
estimators of `qkdlab_experiments.characterisation` find in them, and what was put in.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from qkdlab_experiments.characterisation.double_pulse import second_click_ratio
from qkdlab_experiments.characterisation.hazard import inter_click_hazard
from qkdlab_experiments.characterisation.inter_click import fit_afterpulses
from qkdlab_sims.optics.bank import Bank, DetectorState
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorParameters,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import traps_of

PERIOD_PS = 10_000
ARRIVAL_PS = 4_000
PAIR_PERIODS = 128
TICKS = 400
DIODE = Spad(
    efficiency=0.25,
    dark_rate_hz=20_000.0,
    dead_time_ps=1_000_000,
    recovery_tau_ps=150_000.0,
    traps=traps_of(0.2, (800_000.0, 9_000_000.0), (0.4, 0.6), 1e6),
    jitter_fwhm_ps=200.0,
)
QUICK = Spad(
    efficiency=0.25,
    dark_rate_hz=0.0,
    dead_time_ps=40_000,
    recovery_tau_ps=80_000.0,
    jitter_fwhm_ps=200.0,
)
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.1,
    dark_floor_hz=99.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=50.0,
)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"


def clicks(bank: Bank, photons: NDArray[np.float64], ticks: int) -> NDArray[np.int64]:
    """Return the tags of the first detector under a pattern of mean photons."""
    state = DetectorState(bank)
    state.set_bias([22.0])
    fields = np.sqrt(photons)[:, None] * np.array([[1.0 + 0j, 0.0]])
    analysers = bank.efficiencies(state.bias_ua)[:, None] * np.array([[1.0, 1, 0, 0]])
    end = ticks * PULSES_PER_TICK
    made = simulate_pulses(state, Light(fields, 1550.0), analysers, 0, end)
    return made.times_ps[0]


def draw_gaps(folder: Path) -> None:
    """Draw the hazard after clicks of a diode, and the fit of its afterpulses."""
    bank = SpadBank((DIODE,), (ARRIVAL_PS,), PERIOD_PS, 1)
    tags = clicks(bank, np.zeros(1), 40_000)
    edges = np.concatenate(
        (np.arange(0.9e6, 2.2e6, 1e5), np.geomspace(2.3e6, 1.5e8, 80))
    )
    hazard = inter_click_hazard(tags, edges, rested_ps=4e7)
    fit = fit_afterpulses(hazard.between(2.1e6, 2e8), 1e6, (1e6, 1e7))
    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    time_us = hazard.centres_ps * 1e-6
    axes.errorbar(
        time_us,
        hazard.rate_hz * 1e-3,
        hazard.error_hz * 1e-3,
        fmt="o",
        ms=3,
        color=BLUE,
        label=f"{len(tags)} simulated clicks",
    )
    t_ps = np.geomspace(1.05e6, 1.5e8, 400)
    law = np.full(len(t_ps), fit.background_hz.value)
    for share, tau in zip(fit.shares, fit.tau_ps, strict=True):
        law += share.value / (tau.value * 1e-12) * np.exp(-(t_ps - 1e6) / tau.value)
    found = ", ".join(
        f"{t.value * 1e-6:.2f} ± {t.uncertainty * 1e-6:.2f} µs" for t in fit.tau_ps
    )
    share = fit.probability
    label = (
        f"fit: {share.value:.3f} ± {share.uncertainty:.3f} after the hold-off\n{found}"
    )
    axes.plot(t_ps * 1e-6, law * 1e-3, color=ORANGE, label=label)
    axes.axhline(20.0, color=GREY, ls="--", lw=1, label="dark rate put in, 20 kHz")
    axes.axvline(1.0, color=GREY, ls=":", lw=1, label="hold-off put in, 1 µs")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="time since the last click (µs)",
        ylabel="hazard of the next click (kHz)",
        title="Put in: 0.223 afterpulses, 0.8 µs and 9 µs",
    )
    axes.set_ylim(8.0, 400.0)
    axes.legend(frameon=False)
    figure.savefig(folder / "detector-gaps.svg")


def recovery(bank: Bank, mean: float, steps: int) -> tuple[float, float]:
    """Return efficiency of the second pulse of a pair, and its uncertainty."""
    photons = np.zeros(PAIR_PERIODS)
    photons[0] = photons[steps] = mean
    tags = clicks(bank, photons, TICKS)
    n_pairs = TICKS * PULSES_PER_TICK // PAIR_PERIODS
    first = np.arange(n_pairs, dtype=np.int64) * PAIR_PERIODS * PERIOD_PS + ARRIVAL_PS
    return second_click_ratio(tags, first, steps * PERIOD_PS, 2_000)


def draw_recovery(folder: Path) -> None:
    """Draw the efficiency for the second of two pulses, wire and diode."""
    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    steps = [1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 28, 40]
    t_ns = np.linspace(0.0, 400.0, 801)
    wire = [
        WIRE.relative_efficiency(22.0 * -math.expm1(-t / 12.0))
        / WIRE.relative_efficiency(22.0)
        for t in t_ns
    ]
    diode = -np.expm1(-np.maximum(t_ns - 40.0, 0.0) / 80.0)
    wires = DetectorBank((WIRE,), (ARRIVAL_PS,), PERIOD_PS, 2)
    diodes = SpadBank((QUICK,), (ARRIVAL_PS,), PERIOD_PS, 2)
    rows: list[tuple[str, Bank, float, NDArray[np.float64], str, str]] = [
        ("nanowire, L/R = 12 ns", wires, 0.2, np.array(wire), BLUE, "o"),
        ("diode, 40 ns and 80 ns", diodes, 0.6, diode, ORANGE, "s"),
    ]
    for name, bank, mean, law, colour, mark in rows:
        points = np.array([recovery(bank, mean, step) for step in steps])
        at_ns = np.array(steps) * PERIOD_PS * 1e-3
        seen = mean * float(bank.efficiencies([22.0])[0])
        axes.plot(t_ns, np.expm1(-seen * law) / np.expm1(-seen), color=colour, lw=1)
        axes.errorbar(
            at_ns, points[:, 0], points[:, 1], fmt=mark, ms=4, color=colour, label=name
        )
    axes.set(
        xlabel="delay of the second pulse (ns)",
        ylabel="click probability over that at rest",
        title="Double pulses: points from tags, lines as put in",
    )
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(folder / "detector-recovery.svg")


def main() -> None:
    """Draw both pictures into the folder given."""
    folder = Path(sys.argv[1])
    mpl.rcParams["svg.hashsalt"] = "qkdlab"
    mpl.rcParams["svg.fonttype"] = "none"
    draw_gaps(folder)
    draw_recovery(folder)


if __name__ == "__main__":
    main()
