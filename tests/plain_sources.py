"""Slow sources that make every photon: references for `qkdlab_sims.optics.sources`.

Density matrices and projectors instead of correlation tensors, all pairs and all
photons instead of those that are seen, NumPy's PCG64 instead of Philox, Gamma mixtures
instead of closed counts. Detectors are those of `plain_optics`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from plain_detectors import PlainSpad
from plain_optics import PlainDetector, PlainReceiver
from spad_bench import plain_of


@dataclass
class PlainDiode:
    """An avalanche diode and the path to it, efficiency in it as amplitude."""

    path: np.ndarray
    arrival_ps: int
    spad: PlainSpad


def detected(d, when, n_pulses, period_ps, rng):
    """Return the tags of photons that reach a wire or a diode at `when`."""
    if isinstance(d, PlainDiode):
        span = n_pulses * period_ps
        seed = int(rng.integers(1 << 30))
        return d.spad.clicks(np.sort(when), d.arrival_ps, d.arrival_ps + span, seed)
    return PlainReceiver(np.zeros((1, 2)), [], period_ps).walk(d, when, n_pulses, rng)


@dataclass
class PlainPairs:
    """All pairs of a source in the state `rho` (basis HH, HV, VH, VV)."""

    rho: np.ndarray
    heralding: tuple[float, float]
    pair_rate_hz: float = 0.0
    pairs_per_pulse: float = 0.0
    modes: float = math.inf
    period_ps: int = 10_000
    lead_ps: int = 0
    emission_sigma_ps: float = 0.0
    dispersion_sigmas_ps: tuple[float, float] = (0.0, 0.0)
    own_sigma_ps: float = 0.0

    def _emitted(self, n_pulses, rng):
        if self.pair_rate_hz:
            span = n_pulses * self.period_ps
            n = rng.poisson(self.pair_rate_hz * span * 1e-12)
            return rng.uniform(0, span, n)
        mean = np.full(n_pulses, self.pairs_per_pulse)
        if not math.isinf(self.modes):
            mean *= rng.gamma(self.modes, 1.0 / self.modes, n_pulses)
        pulse = np.repeat(np.arange(n_pulses), rng.poisson(mean))
        shift = rng.normal(0, self.emission_sigma_ps, n_pulses)[pulse]
        return pulse * self.period_ps + shift

    def clicks(self, n_pulses, alice, bob, seed):
        """Return the tags of Alice's detectors and of Bob's."""
        rng = np.random.default_rng(seed)
        t = self._emitted(n_pulses, rng) + self.lead_ps
        effects = []
        for side, h in ((alice, self.heralding[0]), (bob, self.heralding[1])):
            e = [h * d.path.conj().T @ d.path for d in side]
            effects.append([*e, np.eye(2) - sum(e)])
        chances = [
            np.trace(self.rho @ np.kron(e, f)).real
            for e in effects[0]
            for f in effects[1]
        ]
        chances = np.array(chances)
        drawn = rng.choice(len(chances), len(t), p=chances / chances.sum())
        at = np.divmod(drawn, len(bob) + 1)
        detuning = rng.normal(0, 1, len(t))
        own = rng.normal(0, self.own_sigma_ps, len(t))
        out = []
        for side, detectors in enumerate((alice, bob)):
            when = t + self.dispersion_sigmas_ps[side] * detuning + side * own
            tags = []
            for i, d in enumerate(detectors):
                mine = np.floor(when[at[side] == i]).astype(np.int64) + d.arrival_ps
                tags.append(detected(d, mine, n_pulses, self.period_ps, rng))
            out.append(tags)
        return out


@dataclass
class PlainDot:
    """Every pulse of a quantum dot; `fields` by context, [n, 2], norms up to 1."""

    fields: np.ndarray
    brightness: float
    g2: float = 0.0
    noise: float = 0.0
    lifetime_ps: float = 0.0
    on_ps: float = 1.0
    off_ps: float = 0.0
    period_ps: int = 10_000

    def _on(self, n_pulses, rng):
        """Return whether the dot is on in each pulse, by its times in each state."""
        if self.off_ps == 0.0:
            return np.ones(n_pulses, bool)
        span = n_pulses * self.period_ps
        n = 100 + int(4 * span / (self.on_ps + self.off_ps))
        times = rng.exponential(1.0, (n, 2)) * [self.on_ps, self.off_ps]
        edges = np.cumsum(times.ravel())
        if rng.random() < self.off_ps / (self.on_ps + self.off_ps):
            edges -= edges[0]  # memoryless: it may as well begin with an off time
        at = np.searchsorted(edges, np.arange(n_pulses) * self.period_ps, "right")
        return at % 2 == 0

    def clicks(self, n_pulses, detectors, seed):
        """Return the tags of each detector."""
        rng = np.random.default_rng(seed)
        two = self.g2 * self.brightness**2 / 2
        u = rng.random(n_pulses)
        dots = (u < self.brightness - two).astype(int) + (u < two)
        dots = np.where(self._on(n_pulses, rng), dots, 0)
        others = rng.poisson(self.noise, n_pulses)
        pulse = np.arange(n_pulses)
        source = np.concatenate((np.repeat(pulse, dots), np.repeat(pulse, others)))
        late = rng.exponential(self.lifetime_ps or 1e-9, len(source))
        late[dots.sum() :] = 0.0
        sent = self.fields[source % len(self.fields)]
        chances = [np.sum(np.abs(sent @ d.path.T) ** 2, axis=1) for d in detectors]
        steps = np.cumsum(chances, axis=0)
        at = (rng.random(len(source)) >= steps).sum(axis=0)
        tags = []
        for i, d in enumerate(detectors):
            mine = at == i
            when = source[mine] * self.period_ps + late[mine].astype(int)
            tags.append(detected(d, when + d.arrival_ps, n_pulses, self.period_ps, rng))
        return tags


@dataclass
class PlainLaser:
    """Every pulse of a laser with photons, phase, instant and noise of its own.

    With a `phase_step` each pulse meets the one before in an interferometer whose two
    ports are the two detectors; without, `fields` by context go to the detectors.
    """

    fields: np.ndarray
    noise: float = 0.0
    memory: float = 0.0
    jitter_ps: float = 0.0
    width_ps: float = 0.0
    lead_ps: int = 0
    phase_step: float | None = None
    contrast: float = 1.0
    bias_rad: float = 0.0
    period_ps: int = 10_000

    def clicks(self, n_pulses, detectors, seed):
        """Return the tags of each detector."""
        rng = np.random.default_rng(seed)
        white = rng.standard_normal(n_pulses + 1)
        noise = (white[1:] + self.memory * white[:-1]) / math.hypot(1, self.memory)
        energy = np.maximum(1 + self.noise * noise, 0)
        instant = rng.normal(self.lead_ps, self.jitter_ps, n_pulses)
        sent = (
            np.sqrt(energy)[:, None]
            * self.fields[np.arange(n_pulses) % len(self.fields)]
        )
        means = [np.sum(np.abs(sent @ d.path.T) ** 2, axis=1) for d in detectors]
        if self.phase_step is not None:
            steps = rng.normal(0, self.phase_step, n_pulses)
            field = np.sqrt(energy) * np.exp(1j * np.cumsum(steps))
            former = np.exp(-1j * self.bias_rad) * np.append(0, field[:-1])
            alone = (abs(field) ** 2 + abs(former) ** 2) / 4
            beat = self.contrast * (field * former.conj()).real / 2
            power = np.sum(np.abs(self.fields[0]) ** 2)
            means = [
                power * abs(d.path[0, 0]) ** 2 * (alone + sign * beat)
                for d, sign in zip(detectors, (1, -1), strict=True)
            ]
        tags = []
        for d, mean in zip(detectors, means, strict=True):
            pulse = np.repeat(np.arange(n_pulses), rng.poisson(mean))
            late = instant[pulse] + rng.normal(0, self.width_ps, len(pulse))
            when = pulse * self.period_ps + np.floor(late + 0.5).astype(np.int64)
            tags.append(detected(d, when + d.arrival_ps, n_pulses, self.period_ps, rng))
        return tags


def werner(visibility, phase=0.0, psi=False):
    """Return the density matrix of a Werner state."""
    pure = np.zeros(4, complex)
    pure[[1, 2] if psi else [0, 3]] = np.array([1, np.exp(1j * phase)]) / math.sqrt(2)
    return visibility * np.outer(pure, pure.conj()) + (1 - visibility) * np.eye(4) / 4


def linear_analyser(angle_rad, share=1.0):
    """Return the amplitude matrix to a detector behind a polarizer."""
    v = np.array([math.cos(angle_rad), math.sin(angle_rad)])
    return math.sqrt(share) * np.outer(v, v).astype(complex)


def plain_diode(path, spad, arrival_ps, **mutant):
    """Return the reference's diode for the engine's."""
    plain = plain_of(spad, **mutant)
    return PlainDiode(math.sqrt(spad.efficiency) * path, arrival_ps, plain)


def plain_wire(path, parameters, bias_ua, arrival_ps):
    """Return the reference's detector for the engine's parameters."""
    return PlainDetector(
        path=math.sqrt(parameters.efficiency(bias_ua)) * path,
        arrival_ps=arrival_ps,
        dark_rate_hz=parameters.dark_rate_hz(bias_ua),
        bias_ua=bias_ua,
        half_ua=parameters.i_half_ua,
        width_ua=parameters.width_ua,
        tau_ps=parameters.recovery_tau_ps,
        sigma_ps=parameters.jitter_sigma_ps(),
        tail_fraction=parameters.tail_fraction,
        tail_ps=parameters.tail_ps,
    )
