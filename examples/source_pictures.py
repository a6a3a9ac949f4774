"""Draw what experimenters read off sources: g2 of a dot, CAR of pairs, fringes.

    python examples/source_pictures.py docs

Writes ``source-blinking.svg``, ``source-car.svg`` and ``source-fringes.svg``:
simulated tags and, as lines, what was put in.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import ArrivalSource
from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorParameters,
)
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.sources.dot.arrivals import DotArrivals
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot
from qkdlab_sims.optics.sources.laser.arrivals import LaserArrivals
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics
from qkdlab_sims.optics.sources.pairs.arrivals import simulate_pairs
from qkdlab_sims.optics.sources.pairs.parameters import PairSource, PairState

PERIOD_PS = 10_000
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.1,
    dark_floor_hz=99.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=300.0,
    jitter_fwhm_ps=50.0,
)
PORTS = np.array([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 0.0, 0.0]])
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"


def receiver(n: int, component: str) -> tuple[DetectorState, float]:
    """Return nanowires that are on, and their efficiency."""
    bank = DetectorBank((WIRE,) * n, (4_000,) * n, PERIOD_PS, 1, component)
    state = DetectorState(bank)
    state.set_bias([22.0] * n)
    return state, WIRE.efficiency(22.0)


def clicks(source: ArrivalSource, ticks: int) -> list[NDArray[np.int64]]:
    """Return the tags of two detectors less their arrival time."""
    state, _ = receiver(2, "detectors")
    made = detect(state, source, 0, ticks * PULSES_PER_TICK)
    return [t - 4_000 for t in made.times_ps]


def draw_blinking(folder: Path) -> None:
    """Draw g2 of a blinking dot behind a beam splitter, by distance in pulses."""
    dot = QuantumDot(
        brightness=0.3,
        g2_emitter=0.04,
        noise_photons=0.004,
        lifetime_ps=600.0,
        on_time_ps=3e6,
        off_time_ps=2e6,
    )
    ticks = 150
    light = Light(np.sqrt([[0.5, 0.5]]).astype(complex), 900.0)
    eta = WIRE.efficiency(22.0)
    tags = clicks(DotArrivals(dot, light, eta * PORTS, PERIOD_PS, 3), ticks)
    n = ticks * PULSES_PER_TICK
    one, two = (
        np.bincount((t + 1_000) // PERIOD_PS, minlength=n)[:n].astype(float)
        for t in tags
    )
    near = np.arange(-8, 9)
    far = np.unique(np.geomspace(1, 1_500, 40).astype(int))
    chance = one.sum() * two.sum() / n
    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.6), layout="constrained")
    for axis, lags in zip(axes, (near, far), strict=True):
        found = np.array([one[max(0, -k) : n - max(0, k)] @ np.roll(two, -k)[
            max(0, -k) : n - max(0, k)] for k in lags])  # fmt: skip
        axis.errorbar(
            lags * PERIOD_PS * (1e-3 if lags is near else 1e-6),
            found / chance,
            np.sqrt(found) / chance,
            fmt="o",
            ms=3,
            color=BLUE,
            label="simulated clicks",
        )
    axes[0].axhline(dot.g2_zero(), color=ORANGE, lw=1)
    axes[0].set(
        xlabel="delay (ns)",
        ylabel="g2",
        ylim=(0.0, 1.8),
        title=f"put in: g2(0) = {dot.g2_zero():.3f}",
    )
    at_us = np.geomspace(0.01, 15, 200)
    law = [dot.g2_after_ps(t * 1e6) for t in at_us]
    axes[1].plot(at_us, law, color=ORANGE, label="put in: 3 µs on, 2 µs off")
    axes[1].set(xscale="log", xlabel="delay (µs)", title="blinking")
    axes[1].legend(frameon=False)
    figure.savefig(folder / "source-blinking.svg")


def coincidences(
    one: NDArray[np.int64], two: NDArray[np.int64], window_ps: int, offset_ps: int
) -> int:
    """Return the pairs of clicks within a window about an offset."""
    first = np.searchsorted(two, one + offset_ps - window_ps)
    last = np.searchsorted(two, one + offset_ps + window_ps)
    return int((last - first).sum())


def draw_car(folder: Path) -> None:
    """Draw coincidences over accidentals against the rate of pairs."""
    window_ps = 250
    rates = np.geomspace(1e5, 3e8, 8)
    found, errors = [], []
    for rate in rates:
        source = PairSource(
            PairState(),
            pair_rate_hz=float(rate),
            heralding_alice=0.2,
            heralding_bob=0.2,
        )
        alice, bob = receiver(1, "alice"), receiver(1, "bob")
        analysers = np.array([[alice[1], alice[1], 0.0, 0.0]])
        ticks = max(8, int(3e8 / rate))
        sides = simulate_pairs(
            source,
            (alice[0], analysers),
            (bob[0], analysers),
            0,
            min(ticks, 900) * PULSES_PER_TICK,
            seed=3,
        )
        one, two = (side.times_ps[0] for side in sides)
        true = coincidences(one, two, window_ps, 0)
        offsets = range(20_000, 420_000, 4_000)
        by_chance = [coincidences(one, two, window_ps, o) for o in offsets]
        car = true / np.mean(by_chance)
        found.append(car)
        errors.append(car * math.hypot(true**-0.5, max(sum(by_chance), 1) ** -0.5))
    figure, axes = plt.subplots(figsize=(6.0, 3.8), layout="constrained")
    axes.errorbar(
        rates * 1e-6, found, errors, fmt="o", ms=4, color=BLUE, label="simulated clicks"
    )
    # both H: half of the pairs that the detector of H could see is of the other
    # polarization, so a partner is seen as surely as it comes
    law = 1 + 2 / (rates * 2 * window_ps * 1e-12)
    axes.plot(rates * 1e-6, law, color=ORANGE, label="1 + 2/(R w), H and H")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="pairs per second at the source (millions)",
        ylabel="coincidences over accidentals",
        title="Continuous pair source, window 0.5 ns",
    )
    axes.legend(frameon=False)
    figure.savefig(folder / "source-car.svg")


def draw_fringes(folder: Path) -> None:
    """Draw the fringe visibility of neighbouring pulses against the time below."""
    pulses = PulseDynamics(pulse_fwhm_ps=40.0)
    eta = WIRE.efficiency(22.0)
    light = Light(np.sqrt([[0.2, 0.0]]).astype(complex), 1550.0)
    figure, axes = plt.subplots(figsize=(6.0, 3.8), layout="constrained")
    for bias, colour, mark in ((0.9, BLUE, "o"), (0.97, ORANGE, "s")):
        dark_ps = np.linspace(20, 300 if bias > 0.95 else 200, 9)
        fine_ps = np.linspace(0.0, dark_ps[-1] * 1.1, 200)
        seen = []
        for dark in dark_ps:
            step = pulses.phase_step_rad(bias, float(dark))
            share = []
            for phase in (0.0, math.pi / 2, math.pi, 3 * math.pi / 2):
                source = LaserArrivals(
                    pulses,
                    light,
                    eta * PORTS,
                    PERIOD_PS,
                    3,
                    step_rad=step,
                    interferometer=(1.0, phase),
                )
                one, two = map(len, clicks(source, 3))
                share.append((one - two) / (one + two))
            seen.append(math.hypot(share[0] - share[2], share[1] - share[3]) / 2)
        steps = [pulses.phase_step_rad(bias, float(t)) for t in fine_ps]
        axes.plot(fine_ps, np.exp(-0.5 * np.square(steps)), color=colour, lw=1)
        label = f"bias {bias:g} of threshold"
        axes.plot(dark_ps, seen, mark, ms=4, color=colour, label=label)
    axes.set(
        xlabel="time below threshold between pulses (ps)",
        ylabel="fringe visibility of neighbours",
        title="Phase diffusion: points from tags, lines as put in",
    )
    axes.legend(frameon=False)
    figure.savefig(folder / "source-fringes.svg")


def main() -> None:
    """Draw the pictures into the folder given."""
    folder = Path(sys.argv[1])
    mpl.rcParams["svg.hashsalt"] = "qkdlab"
    mpl.rcParams["svg.fonttype"] = "none"
    draw_blinking(folder)
    draw_car(folder)
    draw_fringes(folder)


if __name__ == "__main__":
    main()
