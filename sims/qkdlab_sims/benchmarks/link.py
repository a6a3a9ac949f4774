"""A BB84 link at 1 GHz as the figures of the engine want it, effects switched on.

Three intensities and four polarizations by settings that never repeat, intensities that
follow those of the two pulses before; a gain-switched laser (`LASER`); receivers with a
passive splitter, 0.3 rad of misalignment in a plate of 0.04 waves and 20 dB polarizers;
nanowires behind a readout (`READ_NANOWIRE`) or diodes behind gates (`GATED_DIODE`).

A plain link has pulses alike but for white noise of 2 %, nanowires with an ideal
readout, and free-running diodes that recover at once.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import Bank, DetectorState
from qkdlab_sims.optics.detector import DetectorBank, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.polarization import (
    analyser_vector,
    polarizer_jones,
    waveplate_jones,
)
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap

__all__ = [
    "ARRIVAL_PS",
    "BIAS_UA",
    "GATED_DIODE",
    "LASER",
    "MEAN_PHOTONS",
    "NANOWIRE",
    "PERIOD_PS",
    "PULLS",
    "READ_NANOWIRE",
    "SHARES",
    "Link",
    "simulated_s",
]

PERIOD_PS = 1_000
ARRIVAL_PS = (7_500, 7_810, 8_240, 7_650)
MEAN_PHOTONS = np.array([0.5, 0.1, 0.002])
SHARES = Shares.of([p * 0.5 for p in (0.8, 0.1, 0.1) for _basis in (0, 1)])
LASER = PulseDynamics(
    pulse_fwhm_ps=40.0, jitter_rms_ps=8.0, chirp=-5.0, noise_rms=0.02,
    noise_neighbour=-0.2,
)  # fmt: skip
"""Turn-on jitter, and noise that the next pulse remembers; detectors see no chirp."""
PULLS = np.array([-0.02, 0.01])
"""Relative change of a pulse per step of intensity, one and two pulses before."""
BIAS_UA = 22.0
NANOWIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.1,
    dark_floor_hz=99.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=50.0,
    tail_fraction=0.03,
    tail_ps=60.0,
)
"""12 ns of recovery, 100 dark counts/s, 50 ps of jitter with a tail."""
READ_NANOWIRE = replace(
    NANOWIRE,
    readout=Readout(
        threshold=0.3, grows_jitter=True, walk_ps=20.0, ac_coupling_ps=1_000_000.0
    ),
)
"""The same behind an amplifier of 160 kHz and a discriminator, jitter over height."""
DIODE = Spad(
    efficiency=0.25,
    dark_rate_hz=2_000.0,
    dead_time_ps=1_000_000,
    traps=(Trap(0.04, 1_000_000.0), Trap(0.01, 8_000_000.0)),
    jitter_fwhm_ps=190.0,
    tail_fraction=0.1,
    tail_ps=200.0,
)
"""25 %, 1 us of hold-off, traps that release 3 % within 1 and 8 us."""
GATED_DIODE = replace(
    DIODE,
    recovery_tau_ps=100_000.0,
    walk_ps=100.0,
    gate=Gate(period_ps=PERIOD_PS, width_ps=500, lead_ps=250, shape="sine"),
)
"""The same behind a sine of the pulses' frequency, 100 ns of recovery, walk."""


class Link:
    """One link: a light, a receiver, and detectors that go on from call to call.

    loss_db: from the transmitter to the receiver; diodes: instead of nanowires; plain:
    without what the module says
    """

    def __init__(
        self,
        loss_db: float,
        *,
        diodes: bool = False,
        plain: bool = False,
        threads: int = 1,
    ) -> None:
        bank: Bank
        self.detector: DetectorParameters | Spad
        if diodes:
            self.detector = spad = DIODE if plain else GATED_DIODE
            bank = SpadBank((spad,) * 4, ARRIVAL_PS, PERIOD_PS, seed=3)
        else:
            self.detector = wire = NANOWIRE if plain else READ_NANOWIRE
            bank = DetectorBank((wire,) * 4, ARRIVAL_PS, PERIOD_PS, seed=3)
        self.state = DetectorState(bank)
        self.state.set_bias([BIAS_UA] * 4)
        efficiencies = bank.efficiencies([BIAS_UA] * 4)
        vectors = np.array([analyser_vector(path) for path in _paths()])
        self.analysers = efficiencies[:, None] * vectors
        self.light = _light(None if plain else LASER).attenuated(
            10.0 ** (-loss_db / 10.0)
        )
        self.loss_db = loss_db
        self._threads = threads
        self._tick = 0

    def run(self, n_ticks: int) -> int:
        """Simulate that many ticks more; return the number of clicks."""
        begin, self._tick = self._tick, self._tick + n_ticks
        clicks = simulate_pulses(
            self.state,
            self.light,
            self.analysers,
            begin * PULSES_PER_TICK,
            self._tick * PULSES_PER_TICK,
            threads=self._threads,
        )
        return sum(len(times) for times in clicks.times_ps)

    def means(self) -> NDArray[np.float64]:
        """Return float64[12, n_det], detectable photons by setting, nothing before."""
        means = 0.5 * self.light.stokes()[:12] @ self.analysers.T
        return np.ascontiguousarray(np.maximum(means, 0.0))


def simulated_s(n_ticks: int) -> float:
    """Return the link time of so many ticks."""
    return n_ticks * PULSES_PER_TICK * PERIOD_PS * 1e-12


def _light(laser: PulseDynamics | None) -> Light:
    generator = CounterSettings(bytes(range(16)), 1, SHARES)
    intensity = [setting >> 2 for setting in range(SHARES.n_settings)]
    law = ContextLaw.of(generator, [intensity, intensity])
    context = np.arange(law.n_contexts)
    setting, before, older = context % 12, context // 12 % 3, context // 36
    factor = (1.0 + PULLS[0] * before) * (1.0 + PULLS[1] * older)
    turns = np.array([0.0, math.pi, math.pi / 2, -math.pi / 2])[setting & 3]
    amplitude = np.sqrt(MEAN_PHOTONS[setting >> 2] * factor / 2)
    ones = np.ones(len(turns))
    fields = amplitude[:, None] * np.stack([ones, np.exp(1j * turns)], axis=1)
    return Light(
        fields, 1550.0, intensity_noise_rms=LASER.noise_rms, law=law, dynamics=laser
    )


def _paths() -> list[NDArray[np.complex128]]:
    """Amplitude matrices to X0, X1, Z0, Z1."""
    misaligned = waveplate_jones(0.3, 0.04)
    to_z = waveplate_jones(0.0, 0.75)
    half = math.sqrt(0.5)
    angles = math.pi / 4, -math.pi / 4
    x = [half * polarizer_jones(a, 20) @ misaligned for a in angles]
    z = [half * polarizer_jones(a, 20) @ to_z @ misaligned for a in angles]
    return x + z
