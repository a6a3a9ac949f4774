"""A receiver's detectors, what they carry through a run, and the clicks they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics._kernels import NEARLY, WIRE, run_snspd
from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.snspd import DetectorParameters

__all__ = ["Clicks", "DetectorBank", "DetectorState"]

_LONG_AGO_PS = -(1 << 61)


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
    carried:     fields of a detector's record that go from call to call

    These are nanowires. A bank of another technology is a subclass with parameters of
    its own, its own `_new_wires`, `carried`, `run_pass` and `clicks_bound`; its records
    have at least the fields arrival_ps, dark_per_tick, sigma_ps and n_tags, with the
    meaning that they have in `WIRE`.
    """

    parameters: tuple[DetectorParameters, ...]
    arrival_ps: tuple[int, ...]
    period_ps: int
    seed: int = field(repr=False)
    component: str = "detectors"
    hold_back_ps: int = 5_000
    keys: NDArray[np.uint64] = field(init=False, repr=False)
    carried: ClassVar[tuple[str, ...]] = ("last_ps",)
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

    def run_pass(
        self,
        wires: NDArray[np.void],
        detectors: tuple[int, int],
        ticks: tuple[int, int],
        arrivals: Arrivals,
        out: NDArray[np.int64],
    ) -> bool:
        """Turn arrivals of detectors [first, last) into tags; see `run_snspd`."""
        fits: bool = run_snspd(
            wires,
            *detectors,
            *ticks,
            PULSES_PER_TICK * self.period_ps,
            arrivals.t_ps,
            arrivals.chance,
            arrivals.number,
            arrivals.ends,
            self.keys,
            out,
        )
        return fits

    def clicks_bound(
        self, wires: NDArray[np.void], n_arrivals: int, n_ticks: int
    ) -> int:
        """Return how many clicks one detector can give in so many ticks."""
        return n_arrivals + poisson_bound(float(wires["dark_per_tick"].max()) * n_ticks)


@dataclass(eq=False)
class DetectorState:
    """What detectors carry from one call to the next.

    bias_ua: present bias currents; set them by `set_bias`
    latched: wires that are normal and give nothing
    records: detectors after the last call; None before the first
    """

    bank: DetectorBank
    bias_ua: list[float] = field(init=False)
    latched: list[bool] = field(init=False)
    next_pulse: int | None = None
    records: NDArray[np.void] | None = field(default=None, repr=False)
    arrivals: Arrivals = field(init=False, repr=False)
    held_back: list[NDArray[np.int64]] = field(init=False, repr=False)
    _scratch: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.bank.parameters)
        self.bias_ua = [0.0] * n
        self.latched = [False] * n
        self.arrivals = Arrivals(n)
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

    def wires(self, pulse_fwhm_ps: float) -> NDArray[np.void]:
        """Return the detectors' records, a copy: as biased now, as left by the past."""
        bias = tuple(self.effective_bias_ua())
        wires = self.bank.wires(bias, pulse_fwhm_ps).copy()
        if self.records is not None:
            for name in self.bank.carried:
                wires[name] = self.records[name]
        return wires

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
