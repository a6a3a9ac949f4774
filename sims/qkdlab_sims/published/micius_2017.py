"""Micius 2017: the link budget of a satellite's pass, and the sifted keys of it.

Liao et al., Nature 549, 43; figures as theory.md section 8 quotes them, mark [R2].
Geometry is that of `channels.satellite`, losses those of `channels.free_space`.
Background and polarization errors are not published, so no error rate is predicted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.channels.free_space import FreeSpacePath
from qkdlab_sims.optics.channels.satellite import Pass
from qkdlab_sims.optics.detector import simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.published.inputs import build, packaged
from qkdlab_sims.published.outcome import Outcome
from qkdlab_sims.published.slots import patterns, slots
from qkdlab_sims.published.two_ports import fresh_light, settings_of

__all__ = ["INPUTS", "Counts", "Micius2017", "closed_form", "count", "simulate"]

_PERIOD_PS = 10_000
_ON_UA = 20.0
_STATES = np.array([[1, 0], [0, 1], [1, 1], [1, -1]], np.complex128)
_STATES[2:] /= math.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class Micius2017:
    """Inputs; values and their marks stand in ``inputs.toml``.

    intensities, shares: photons a pulse, and how often each is sent
    orbit_m:       altitude
    closest_m:     range at the top of the pass
    footprint_db:  what the widened beam loses at 1200 km
    zenith_db:     extinction straight up
    dark_rate_hz:  of each of four detectors
    """

    intensities: tuple[float, float, float]
    shares: tuple[float, float, float]
    orbit_m: float
    closest_m: float
    pass_s: float
    footprint_db: float
    zenith_db: float
    pointing_db: float
    ground_optics: float
    efficiency: float
    dark_rate_hz: float
    window_ps: int

    def elevation_rad(self, range_m: float) -> float:
        """Return that under which the satellite is seen at a range."""
        radius_m = 6_371e3 + self.orbit_m
        sine = (radius_m**2 - 6_371e3**2 - range_m**2) / (2.0 * 6_371e3 * range_m)
        return math.asin(sine)

    def loss_db(self, range_m: float) -> float:
        """Return the loss end to end, detectors included."""
        aperture_m = 0.5
        lost = -2.0 / math.log1p(-(10.0 ** (-0.1 * self.footprint_db)))
        beam_m = aperture_m * math.sqrt(lost) * range_m / 1_200e3
        air_db = self.zenith_db / math.sin(self.elevation_rad(range_m))
        fixed_db = self.pointing_db - 10.0 * math.log10(self.ground_optics)
        path = FreeSpacePath(range_m, beam_m, aperture_m, air_db, fixed_db)
        return -10.0 * math.log10(path.transmission * self.efficiency)


INPUTS = build(Micius2017, packaged("micius_2017"), "micius_2017")


def closed_form(loss_db: float, inputs: Micius2017) -> tuple[float, float]:
    """Return sifted bits and detections per second; darks and doubles included."""
    # either basis takes half of the light and has two detectors
    half = 0.5 * 10.0 ** (-0.1 * loss_db)
    dark = 2.0 * inputs.dark_rate_hz * inputs.window_ps * 1e-12
    none = [math.exp(-mu * half - dark) for mu in inputs.intensities]
    any_basis = [1.0 - p * p for p in none]
    rate_hz = 1e12 / _PERIOD_PS
    detected = sum(s * p for s, p in zip(inputs.shares, any_basis, strict=True))
    return rate_hz * inputs.shares[0] * (1.0 - none[0]), rate_hz * detected


@dataclass(slots=True)
class Counts:
    """Clicks of a stretch: all, and of signals in the basis they were sent in."""

    seconds: float = 0.0
    detections: int = 0
    sifted: int = 0


class _Receiver:
    """Four detectors behind a passive choice of basis, and the sender's light."""

    def __init__(self, inputs: Micius2017, seed: int) -> None:
        diode = Spad(
            efficiency=inputs.efficiency,
            dark_rate_hz=inputs.dark_rate_hz,
            dead_time_ps=50_000,
            jitter_fwhm_ps=350.0,
        )
        arrival_ps = (_PERIOD_PS // 2,) * 4
        self.bank = SpadBank((diode,) * 4, arrival_ps, _PERIOD_PS, seed, "micius")
        self.state = DetectorState(self.bank)
        self.state.set_bias([_ON_UA] * 4)
        self.light = _light(inputs, seed)
        self._window_ps = inputs.window_ps

    def run(self, loss_db: float, begin: int, end: int, into: Counts) -> None:
        """Count the slots [begin, end) behind a loss."""
        ports = np.zeros((4, 4))
        ports[:, 0] = 0.5 * 10.0 ** (-0.1 * loss_db)
        for d, (axis, sign) in enumerate(((1, 1), (1, -1), (2, 1), (2, -1))):
            ports[d, axis] = sign * ports[d, 0]
        clicks = simulate_pulses(self.state, self.light, ports, begin, end)
        slot, who = patterns(slots(clicks, self.bank, self._window_ps))
        classes = settings_of(self.light, np.maximum(slot, 0)) >> 1
        basis, intensity = classes & 1, classes >> 1
        fits = (who & np.where(basis == 0, 0b0011, 0b1100)) != 0
        into.detections += len(slot)
        into.sifted += int((fits & (intensity == 0)).sum())
        into.seconds += (end - begin) * _PERIOD_PS * 1e-12


def _light(inputs: Micius2017, seed: int) -> Light:
    amplitudes = np.sqrt(np.repeat(inputs.intensities, 4))
    fields = amplitudes[:, None] * np.tile(_STATES, (3, 1))
    shares = [0.5 * share for share in inputs.shares for _basis in (0, 1)]
    return fresh_light(fields, shares, seed)


def count(inputs: Micius2017, range_m: float, seconds: float, seed: int) -> Counts:
    """Return what a satellite held at one range gives in so many seconds."""
    found = Counts()
    ticks = math.ceil(seconds * 1e12 / _PERIOD_PS / PULSES_PER_TICK)
    receiver = _Receiver(inputs, seed)
    receiver.run(inputs.loss_db(range_m), 0, ticks * PULSES_PER_TICK, found)
    return found


def _ranges_m(inputs: Micius2017) -> NDArray[np.float64]:
    """Return the range in the middle of every second of the pass."""
    top_rad = inputs.elevation_rad(inputs.closest_m)
    seconds = np.arange(0.5, inputs.pass_s) - 0.5 * inputs.pass_s
    return Pass(inputs.orbit_m, top_rad).range_m(seconds)


def _whole_pass(
    inputs: Micius2017, scale: float, seed: int
) -> tuple[Counts, NDArray[np.float64]]:
    """Return what the pass gives, of each second a share, and by closed form all."""
    found, law = Counts(), np.zeros(2)
    ticks = math.ceil(scale * 1e12 / _PERIOD_PS / PULSES_PER_TICK)
    receiver = _Receiver(inputs, seed)
    ranges_m = _ranges_m(inputs).tolist()
    edges = np.arange(len(ranges_m) + 1) * ticks * PULSES_PER_TICK
    for range_m, (begin, end) in zip(ranges_m, pairwise(edges.tolist()), strict=True):
        loss_db = inputs.loss_db(range_m)
        receiver.run(loss_db, begin, end, found)
        law += closed_form(loss_db, inputs)
    return found, law


def simulate(scale: float, seed: int, inputs: Micius2017 = INPUTS) -> list[Outcome]:
    """Return sifted rates at both ends of the pass, and its sifted key.

    scale: 1 for 20 s at each range and every second of the pass
    """
    found: list[Outcome] = []
    ends = (
        (1_200e3, 1e3, 0.02, "air and pointing are fitted to this rate"),
        (645e3, 12e3, 0.02, "air and pointing are fitted to this rate"),
    )
    for range_m, published, within, cause in ends:
        counts = count(inputs, range_m, 20.0 * scale, seed)
        found.append(
            Outcome(
                f"micius_2017_{range_m / 1e3:.0f}km",
                "sifted rate",
                "bit/s",
                published,
                counts.sifted / counts.seconds,
                math.sqrt(max(counts.sifted, 1)) / counts.seconds,
                closed_form(inputs.loss_db(range_m), inputs)[0],
                within,
                cause,
            )
        )
    counts, law = _whole_pass(inputs, scale, seed + 1)
    length_s = len(_ranges_m(inputs))
    stretch = length_s / counts.seconds
    cause = "nothing fitted to it; 12 and 1 kb/s are round numbers"
    for quantity, published, n, expected in (
        ("sifted key", 1_671_072.0, counts.sifted, law[0]),
        ("detections", 3_551_136.0, counts.detections, law[1]),
    ):
        found.append(
            Outcome(
                "micius_2017_pass",
                quantity,
                "1",
                published,
                stretch * n,
                stretch * math.sqrt(max(n, 1)),
                expected,
                0.05,
                cause,
            )
        )
    return found
