"""Rubenok et al. 2013: measurement-device-independent QKD over deployed fibre.

Phys. Rev. Lett. 111, 130501; arXiv:1304.2463, table I and supplement, with detectors
from its companion Opt. Express 22, 12716 (arXiv:1204.0738); both as quoted in the tests
of a public calculator (theory.md section 13, "qkd-docs"), mark [R2]. Time bins stand
for H and V; one detector in two bins is two detectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input, TwoLights
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.published.inputs import build, packaged
from qkdlab_sims.published.outcome import Outcome
from qkdlab_sims.published.slots import patterns, slots, stretches, whole_ticks
from qkdlab_sims.published.two_ports import fresh_light

__all__ = [
    "INPUTS",
    "Rubenok2013",
    "Setup",
    "gain",
    "projections",
    "simulate",
]

Basis = Literal["Z", "X"]

_FULL_EVENTS = 4e3
_DIP_PULSES = 2e8
_PULSES_AT_ONCE = 1 << 30
_ON_UA = 20.0
_PERIOD_PS = 500_000
_PSI_MINUS = (0b1001, 0b0110)
"""H at one output and V at the other, detectors H1, V1, H2, V2 from bit 0 on."""
_STATES = {
    "Z": np.eye(2, dtype=np.complex128),
    "X": np.array([[1, 1], [1, -1]], np.complex128) / math.sqrt(2.0),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """One pair of fibres, and what was published for it.

    gains: of projections on psi-, per pair of pulses: signals in Z, X, decoys in Z, X
    """

    name: str
    loss_alice_db: float
    loss_bob_db: float
    signal_photons: float
    gains: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Rubenok2013:
    """Inputs; values and their marks stand in ``inputs.toml``.

    dark_per_bin: of each detector in each time bin
    dip:          visibility of two-photon interference; over its limit of 1/2 it is the
                  square of the pulses' overlap
    gate_ps:      stands for both time bins; only dark_per_bin matters
    """

    efficiency: float
    dark_per_bin: float
    decoy_photons: float
    dip: float
    gate_ps: int
    setups: tuple[Setup, ...]

    @property
    def overlap(self) -> float:
        """Return that of the pulses' fields."""
        return math.sqrt(2.0 * self.dip)

    def bank(self, seed: int) -> SpadBank:
        """Return four detectors, each of one output and one time bin."""
        diode = Spad(
            efficiency=self.efficiency,
            dark_rate_hz=-math.log1p(-self.dark_per_bin) / (self.gate_ps * 1e-12),
            dead_time_ps=self.gate_ps,
            gate=Gate(_PERIOD_PS, self.gate_ps, lead_ps=self.gate_ps // 2),
        )
        arrival_ps = (_PERIOD_PS // 2,) * 4
        return SpadBank((diode,) * 4, arrival_ps, _PERIOD_PS, seed, "rubenok")


INPUTS = build(Rubenok2013, packaged("rubenok_2013"), "rubenok_2013")


def _arms(setup: Setup, inputs: Rubenok2013) -> tuple[float, float]:
    losses = (setup.loss_alice_db, setup.loss_bob_db)
    eta_a, eta_b = (inputs.efficiency * 10.0 ** (-0.1 * db) for db in losses)
    return eta_a, eta_b


def gain(setup: Setup, basis: Basis, mean: float, inputs: Rubenok2013) -> float:
    """Return projections on psi- per pair of pulses, integrated over the phase.

    With overlap 1, half of Ma and Razavi, Phys. Rev. A 86, 062319 (2012), eqs. 35 and
    51 to 54 (theory.md section 3), which count psi+ too.
    """
    eta_a, eta_b = _arms(setup, inputs)
    phases = np.exp(2j * math.pi * (np.arange(512) + 0.5) / 512)
    quiet = 1.0 - inputs.dark_per_bin
    total = 0.0
    for one in _STATES[basis]:
        for two in _STATES[basis]:
            a = math.sqrt(0.5 * eta_a * mean) * one
            b = math.sqrt(0.5 * eta_b * mean) * two
            cross = 2.0 * inputs.overlap * (np.conj(a) * b * phases[:, None]).real
            powers = np.abs(a) ** 2 + np.abs(b) ** 2
            seen = np.hstack([powers + cross, powers - cross])
            none = quiet * np.exp(-seen)
            h1, v1, h2, v2 = none.T
            total += float(np.mean((1 - h1) * v1 * h2 * (1 - v2)))
            total += float(np.mean(h1 * (1 - v1) * (1 - h2) * v2))
    return 0.25 * total


def _counts(
    arms: tuple[float, float],
    states: NDArray[np.complex128],
    mean: float,
    inputs: Rubenok2013,
    pulses: int,
    seed: int,
) -> NDArray[np.int64]:
    """Return how often each pattern of the four detectors came, int64[16]."""
    ways: list[Input] = []
    for i, (eta, sign) in enumerate(zip(arms, (1.0, -1.0), strict=True)):
        light = fresh_light(math.sqrt(mean) * states, [1.0], 2 * seed + i)
        one = math.sqrt(0.5 * eta) * np.eye(2, dtype=np.complex128)
        ways.append(Input(light, np.vstack([one, sign * one])))
    bank = inputs.bank(seed)
    pair = PulsePair(fwhm_ps=500.0, other=inputs.overlap)
    source = TwoLights(ways[0], ways[1], pair, _PERIOD_PS, seed, "rubenok lights")
    state = DetectorState(bank)
    state.set_bias([_ON_UA] * 4)
    found = np.zeros(16, np.int64)
    for begin, end in stretches(pulses, _PULSES_AT_ONCE):
        _, pattern = patterns(slots(detect(state, source, begin, end), bank))
        found += np.bincount(pattern, minlength=16)
    return found


def projections(
    setup: Setup,
    basis: Basis,
    mean: float,
    pulses: int,
    seed: int,
    inputs: Rubenok2013 = INPUTS,
) -> int:
    """Return the number of projections on psi-."""
    arms = _arms(setup, inputs)
    found = _counts(arms, _STATES[basis], mean, inputs, pulses, seed)
    return int(found[list(_PSI_MINUS)].sum())


def simulate(scale: float, seed: int, inputs: Rubenok2013 = INPUTS) -> list[Outcome]:
    """Return all gains, four of each setup, and the dip.

    scale: 1 for some 4000 projections each

    Raises ValueError when `inputs` has no setup.
    """
    if not inputs.setups:
        raise ValueError("rubenok_2013.setups: none is given")
    found: list[Outcome] = []
    for number, setup in enumerate(inputs.setups, 1):
        own = seed + 100 * number
        settings: list[tuple[str, Basis, float]] = [
            ("signal, Z", "Z", setup.signal_photons),
            ("signal, X", "X", setup.signal_photons),
            ("decoy, Z", "Z", inputs.decoy_photons),
            ("decoy, X", "X", inputs.decoy_photons),
        ]
        for (what, basis, mean), published in zip(settings, setup.gains, strict=True):
            law = gain(setup, basis, mean, inputs)
            pulses = whole_ticks(_FULL_EVENTS / law, scale)
            events = projections(setup, basis, mean, pulses, own + len(found), inputs)
            found.append(
                Outcome(
                    f"rubenok_2013_{setup.name}",
                    f"gain of {what}",
                    "1",
                    published,
                    events / pulses,
                    math.sqrt(max(events, 1)) / pulses,
                    law,
                    0.17,
                    "mean photon numbers, known to 5 %, enter squared",
                )
            )
    return [*found, dip(scale, seed, inputs)]


def dip(scale: float, seed: int, inputs: Rubenok2013 = INPUTS) -> Outcome:
    """Return the visibility of the first setup's interference, from coincidences."""
    setup = inputs.setups[0]
    mean = setup.signal_photons
    pulses = whole_ticks(_DIP_PULSES, scale)
    same = np.array([[1, 0], [1, 0]], np.complex128)
    both = 0b0101
    arms = _arms(setup, inputs)
    apart = replace(inputs, dip=0.0)
    n, most = (
        int(_counts(arms, same, mean, one, pulses, seed + i)[both])
        for i, one in enumerate((inputs, apart))
    )
    ratio = n / max(most, 1)
    deviation = ratio * math.sqrt(1.0 / max(n, 1) + 1.0 / max(most, 1))
    return Outcome(
        f"rubenok_2013_{setup.name}",
        "visibility of the dip",
        "1",
        0.47,
        1.0 - ratio,
        deviation,
        _dip_law(arms, mean, inputs),
        0.05,
        "put in as the overlap; darks and losses that differ take some away",
    )


def _dip_law(arms: tuple[float, float], mean: float, inputs: Rubenok2013) -> float:
    phases = np.cos(2.0 * math.pi * (np.arange(512) + 0.5) / 512)
    a, b = (0.5 * eta * mean for eta in arms)
    quiet = 1.0 - inputs.dark_per_bin
    cross = 2.0 * inputs.overlap * math.sqrt(a * b) * phases
    plus, minus = (1.0 - quiet * np.exp(-(a + b + s * cross)) for s in (1.0, -1.0))
    apart = (1.0 - quiet * math.exp(-(a + b))) ** 2
    return 1.0 - float(np.mean(plus * minus)) / apart
