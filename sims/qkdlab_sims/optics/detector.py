"""From light to clicks: event-driven, exact for phase-randomised pulses.

Photons that a set of detectors can absorb from phase-randomised coherent pulses form
independent Poisson processes, so candidates are drawn by exponential gaps on the pulse
axis at a bounding rate and thinned with the mean photon number of their own pulse
(timetags-simulation-hdf5.md section 3.1). Several photons of a pulse, and hence double
and cross clicks, come out right without approximation. Light above `BRIGHT_MEAN`
detectable photons a pulse is visited pulse by pulse with p = 1 - exp(-mean), which is
the same law.

Limits: a click resets the current of its own wire and of no other; the background and
intrinsic dark counts both recover as photons do; heating, latching by rate, readout
with AC coupling, afterpulses and the amplitude of the electrical pulse are not there,
so rates above some 20 Mclicks/s a detector are those of an ideal readout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics._kernels import (
    BRIGHT_MEAN,
    NEARLY,
    WIRE,
    run_ticks,
)
from qkdlab_sims.optics.attacks._kernels import run_attacked_ticks
from qkdlab_sims.optics.attacks.photons import PhotonAttack
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.philox._kernels import GAUSS_BOUND
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.polarization import mueller_matrix
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.snspd import DetectorParameters

__all__ = [
    "PULSES_PER_TICK",
    "Clicks",
    "DetectorBank",
    "DetectorParameters",
    "DetectorState",
    "simulate_pulses",
]

_LONG_AGO_PS = -(1 << 61)
_CHUNK_TAGS = 1 << 18
BRIGHTEST_SPREAD = 0.25
"""Detectable photons a period of continuous light that are looked at; with more a wire
hardly recovers between two clicks anyway."""


@dataclass(frozen=True, eq=False)
class DetectorBank:
    """The detectors behind one receiver, and what never changes in a run.

    parameters: one per detector
    arrival_ps: from the opening of a pulse's slot at the source (pulse k opens at
                k x period_ps of world time) to the pulse at each detector, without
                the light's own delay, which lies between 0 and one period
    period_ps:  time between pulses
    seed, component: key of all random numbers
    hold_back_ps: tags are given out this much later than their pulse, so that those of
                 later pulses cannot precede them; at least 6.8 sigma of the jitter
    """

    parameters: tuple[DetectorParameters, ...]
    arrival_ps: tuple[int, ...]
    period_ps: int
    seed: int = field(repr=False)
    component: str = "detectors"
    hold_back_ps: int = 5_000
    keys: NDArray[np.uint64] = field(init=False, repr=False)
    _known_wires: dict[tuple[tuple[float, ...], float], NDArray[np.void]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        if len(self.parameters) != len(self.arrival_ps) or not self.parameters:
            raise ValueError("DetectorBank wants one arrival time per detector")
        purposes = ("clicks", "intensity noise", "eavesdropper")
        keys = [stream_key(self.seed, self.component, p) for p in purposes]
        object.__setattr__(self, "keys", np.array(keys))

    def efficiencies(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's efficiency at rest."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.efficiency(b) for p, b in pairs])

    def dark_rates_hz(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's dark count rate at rest."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.dark_rate_hz(b) for p, b in pairs])

    def wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]:
        """Return the detectors as the kernel wants them, before any click.

        Those of the last arguments are remembered: bias currents rest mostly.
        """
        known = self._known_wires
        if (bias_ua, pulse_fwhm_ps) not in known:
            known.clear()
            known[bias_ua, pulse_fwhm_ps] = self._new_wires(bias_ua, pulse_fwhm_ps)
        return known[bias_ua, pulse_fwhm_ps]

    def _new_wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]:
        wires = np.zeros(len(bias_ua), WIRE)
        tick_s = PULSES_PER_TICK * self.period_ps * 1e-12
        darks = self.dark_rates_hz(bias_ua) * tick_s
        for d, (p, bias) in enumerate(zip(self.parameters, bias_ua, strict=True)):
            wire = wires[d]
            wire["arrival_ps"] = self.arrival_ps[d]
            wire["dark_per_tick"] = darks[d]
            wire["tau_ps"] = p.recovery_tau_ps
            wire["bias"] = bias / p.width_ua
            wire["nearly_ps"] = p.recovery_time_ps(bias, NEARLY + 1e-3)
            wire["half"] = p.i_half_ua / p.width_ua
            wire["full"] = 2.0 * p.relative_efficiency(bias)
            wire["sigma_ps"] = p.jitter_sigma_ps(pulse_fwhm_ps)
            wire["tail_fraction"] = p.tail_fraction
            wire["tail_ps"] = p.tail_ps
            wire["last_ps"] = _LONG_AGO_PS
        return wires


@dataclass(eq=False)
class DetectorState:
    """What detectors carry from one call to the next.

    bias_ua: present bias currents; set them by `set_bias`
    latched: wires that are normal and give nothing
    """

    bank: DetectorBank
    bias_ua: list[float] = field(init=False)
    latched: list[bool] = field(init=False)
    next_pulse: int | None = None
    last_ps: NDArray[np.int64] = field(init=False, repr=False)
    held_back: list[NDArray[np.int64]] = field(init=False, repr=False)
    _scratch: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.bank.parameters)
        self.bias_ua = [0.0] * n
        self.latched = [False] * n
        self.last_ps = np.full(n, _LONG_AGO_PS, np.int64)
        self.held_back = [np.empty(0, np.int64) for _ in range(n)]
        self._scratch = np.empty((n, 0), np.int64)

    def scratch(self, n_tags: int) -> NDArray[np.int64]:
        """Return int64[n_det, at least `n_tags`] with anything in it, always the same.

        New memory costs more than the simulation of a short stretch.
        """
        if self._scratch.shape[1] < n_tags:
            self._scratch = np.empty((len(self.bias_ua), n_tags), np.int64)
        return self._scratch

    def set_bias(self, bias_ua: Sequence[float]) -> None:
        """Set all bias currents; a wire may latch or come back."""
        triples = zip(self.bank.parameters, self.latched, bias_ua, strict=True)
        self.latched = [p.latched(was, bias) for p, was, bias in triples]
        self.bias_ua = [float(b) for b in bias_ua]

    def effective_bias_ua(self) -> list[float]:
        """Return the currents that can detect: 0 where a wire is latched."""
        pairs = zip(self.bias_ua, self.latched, strict=True)
        return [0.0 if stuck else bias for bias, stuck in pairs]

    def voltages_mv(self) -> list[float]:
        """Return the voltage that the bias source sees on each wire."""
        triples = zip(self.bank.parameters, self.latched, self.bias_ua, strict=True)
        return [p.voltage_mv(stuck, bias) for p, stuck, bias in triples]


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of one call.

    times_ps: per detector int64[n], sorted; each call's follow the former call's
    complete_until_ps: per detector, no later call gives a tag before this
    """

    times_ps: tuple[NDArray[np.int64], ...]
    complete_until_ps: NDArray[np.int64]


def simulate_pulses(
    state: DetectorState,
    light: Light,
    analysers: NDArray[np.float64],
    k0: int,
    k1: int,
    *,
    eve: InterceptResend | PhotonAttack | None = None,
) -> Clicks:
    """Return the clicks that pulses [k0, k1) and that stretch of time give.

    analysers: float64[n_det, 4], M of `polarization.analyser_vector` for the path from
               `light` (or from Eve) to each detector, times its efficiency at rest;
               mean detectable photons of a pulse are M . S / 2
    k0, k1:    whole ticks; k0 must be the former call's k1

    The result does not depend on how a stretch is cut into calls: all numbers are
    keyed by (seed, component, tick, event), and tags that later pulses could precede
    (jitter) are held back. Raises ValueError for ranges that do not fit, OverflowError
    when a tick holds more clicks than its Poisson bound of 12 standard deviations.
    """
    bank = state.bank
    n_det = len(bank.parameters)
    if k0 % PULSES_PER_TICK or k1 % PULSES_PER_TICK or k1 < k0 or k0 < 0:
        raise ValueError("simulate_pulses wants whole ticks of 65536 pulses")
    if state.next_pulse is not None and k0 != state.next_pulse:
        raise ValueError("simulate_pulses wants pulses in sequence")
    if analysers.shape != (n_det, 4):
        raise ValueError("simulate_pulses wants one analyser vector per detector")
    bias = state.effective_bias_ua()
    active = np.array([b > 0.0 for b in bias])
    if not 0 <= light.delay_ps < bank.period_ps:
        raise ValueError("simulate_pulses wants a delay shorter than the period")
    to_eve = np.eye(4) if eve is None else mueller_matrix(eve.before)
    before = to_eve @ light.transfer()
    after = np.ascontiguousarray(np.where(active[:, None], analysers, 0.0))
    bound = _mean_bound(after, before, light)
    tick_ps = PULSES_PER_TICK * bank.period_ps
    wires = bank.wires(tuple(bias), light.pulse_fwhm_ps).copy()
    wires["last_ps"] = state.last_ps
    until = wires["arrival_ps"] - bank.hold_back_ps + k0 * bank.period_ps
    # What comes evenly spread acts as dark counts do; Eve lets it pass.
    spread = 0.5 * after @ to_eve @ light.continuous_stokes()
    wires["dark_per_tick"] += PULSES_PER_TICK * np.minimum(spread, BRIGHTEST_SPREAD)
    arrival_ps = wires["arrival_ps"].copy()
    wires["arrival_ps"] += light.delay_ps
    photons = PULSES_PER_TICK * (1.0 if bound > BRIGHT_MEAN else bound)
    if isinstance(eve, PhotonAttack):
        photons = PULSES_PER_TICK * eve.clicks_per_pulse()
    expected = photons + float(wires["dark_per_tick"].max())
    reserve = math.ceil(expected + 12.0 * math.sqrt(expected) + 64.0)
    tick, tick_end = k0 // PULSES_PER_TICK, k1 // PULSES_PER_TICK
    if float(wires["sigma_ps"].max()) * GAUSS_BOUND >= bank.hold_back_ps:
        raise ValueError("DetectorBank.hold_back_ps is too short for this jitter")
    pieces: list[list[NDArray[np.int64]]] = [[] for _ in range(n_det)]
    while tick < tick_end:
        n_held = [len(tags) for tags in state.held_back]
        wanted = min(reserve * (tick_end - tick), _CHUNK_TAGS)
        out = state.scratch(max(n_held) + max(wanted, reserve))
        for d, tags in enumerate(state.held_back):
            out[d, : n_held[d]] = tags
        wires["n_tags"] = n_held
        shift = -light.first_pulse % light.n_contexts
        if isinstance(eve, PhotonAttack):
            tick = run_attacked_ticks(
                tick,
                tick_end,
                light.table.stokes,
                shift,
                before,
                after,
                eve.record(light),
                bank.period_ps,
                bank.keys,
                reserve,
                wires,
                out,
            )
        else:
            tick = run_ticks(
                tick,
                tick_end,
                light.table.stokes,
                shift,
                before,
                after if eve is not None else after @ before,
                bound,
                0.0 if eve is None else eve.fraction,
                light.intensity_noise_rms,
                bank.period_ps,
                bank.keys,
                reserve,
                wires,
                out,
            )
        if tick < 0:
            raise OverflowError("a tick holds more clicks than its bound")
        until = arrival_ps - bank.hold_back_ps + tick * tick_ps
        for d, n_tags in enumerate(wires["n_tags"].tolist()):
            row = out[d, :n_tags]
            final = int(row.searchsorted(until[d]))
            pieces[d].append(row[:final].copy())
            state.held_back[d] = row[final:].copy()
    state.last_ps = wires["last_ps"].copy()
    state.next_pulse = k1
    return Clicks(tuple(_joined(p) for p in pieces), until)


def _joined(pieces: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate([np.empty(0, np.int64), *pieces])


def _mean_bound(
    analysers: NDArray[np.float64], before: NDArray[np.float64], light: Light
) -> float:
    """Return a bound on the detectable photons of any pulse, whatever its state."""
    total = analysers.sum(axis=0)
    after = total[0] + float(np.linalg.norm(total[1:]))
    path = before[0, 0] + float(np.linalg.norm(before[0, 1:]))
    brightest = light.table.brightest
    noise = 1.0 + GAUSS_BOUND * light.intensity_noise_rms
    return float(0.5 * after * path * brightest * noise * (1.0 + 1e-9))
