"""`DetectorBank`: nanowires behind one receiver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.bright import Answer
from qkdlab_sims.optics.nanowire._kernels import NEARLY, WIRE
from qkdlab_sims.optics.nanowire.passes._kernels import run_snspd
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.readout._kernels import READ_WIRE, STATE, run_readout
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.snspd import DetectorParameters

__all__ = ["DetectorBank"]

_LONG_AGO_PS = -(1 << 61)


@dataclass(frozen=True, eq=False)
class DetectorBank(Bank):
    """A `Bank` of nanowires.

    Wires with an ideal readout take the quicker pass, but not beside others.
    """

    parameters: tuple[DetectorParameters, ...]

    @property
    def is_ideal(self) -> bool:
        """Return whether no wire has a readout of its own."""
        return all(p.readout is None for p in self.parameters)

    @property
    def feels_power(self) -> bool:
        """Return whether bright light may latch a wire."""
        return any(p.bright is not None for p in self.parameters)

    @property
    def stops_by_itself(self) -> bool:
        """Return whether rate or light may latch a wire."""
        return self.feels_power or not self.is_ideal

    @property
    def carried(self) -> tuple[str, ...]:
        """Fields of a record that go from call to call."""
        return ("last_ps",) if self.is_ideal else STATE

    def latched_in(self, records: NDArray[np.void]) -> list[bool]:
        """Return which wires latched by their own rate."""
        if self.is_ideal:
            return [False for _ in self.parameters]
        return [bool(x) for x in records["is_latched"]]

    def efficiencies(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's efficiency at rest."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.efficiency(b) for p, b in pairs])

    def dark_rates_hz(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's dark count rate at rest."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.dark_rate_hz(b) for p, b in pairs])

    def latched(self, was: Sequence[bool], bias_ua: Sequence[float]) -> list[bool]:
        """Return which wires are normal after the biases went to `bias_ua`."""
        triples = zip(self.parameters, was, bias_ua, strict=True)
        return [p.latched(before, bias) for p, before, bias in triples]

    def answers(
        self,
        bias_ua: Sequence[float],
        latched: Sequence[bool],
        power_w: Sequence[float],
    ) -> tuple[Answer, ...]:
        """Return what each wire answers to; one without bias answers to nothing."""
        found: list[Answer] = []
        rows = zip(self.parameters, bias_ua, latched, power_w, strict=True)
        for p, bias, is_latched, power in rows:
            answer = Answer()
            if p.bright is not None and bias > 0.0:
                answer = p.bright.answer(power, latched=is_latched)
            found.append(answer)
        return tuple(found)

    def blind(self, records: NDArray[np.void]) -> None:
        """Make records those of wires that take every arrival and nothing else."""
        records["dark_per_tick"] = 0.0
        records["bias"] = records["half"] = 0.0
        records["full"] = 1.0
        records["nearly_ps"] = 0
        if not self.is_ideal:
            records["threshold"] = records["droop"] = 0.0
            records["droop_per_click"] = records["nearly"] = 0.0
            records["heat_limit"] = math.inf

    def voltages_mv(
        self, latched: Sequence[bool], bias_ua: Sequence[float]
    ) -> list[float]:
        """Return the voltage that the bias source sees on each wire."""
        triples = zip(self.parameters, latched, bias_ua, strict=True)
        return [p.voltage_mv(stuck, bias) for p, stuck, bias in triples]

    def _new_wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]:
        wires = np.zeros(len(bias_ua), WIRE if self.is_ideal else READ_WIRE)
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
            if not self.is_ideal:
                _set_readout(wire, p, bias, pulse_fwhm_ps)
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
        run = run_snspd if self.is_ideal else run_readout
        fits: bool = run(
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


def _set_readout(
    wire: np.void, p: DetectorParameters, bias_ua: float, pulse_fwhm_ps: float
) -> None:
    readout = p.readout or Readout()
    grows = readout.grows_jitter
    whole_ps, own_ps = p.jitter_sigma_ps(pulse_fwhm_ps), p.jitter_sigma_ps()
    wire["wire_sigma_ps"] = own_ps if grows else 0.0
    wire["light_sigma_ps"] = (
        math.sqrt(max(0.0, whole_ps**2 - own_ps**2)) if grows else whole_ps
    )
    nearly_ps = p.recovery_time_ps(bias_ua, NEARLY + 1e-3)
    wire["nearly"] = -math.expm1(-nearly_ps / p.recovery_tau_ps)
    wire["event_ps"] = _LONG_AGO_PS
    wire["threshold"] = readout.threshold
    wire["walk_ps"] = readout.walk_ps
    wire["ac_ps"] = readout.ac_coupling_ps
    if readout.ac_coupling_ps > 0.0:
        wire["droop_per_click"] = min(1.0, p.recovery_tau_ps / readout.ac_coupling_ps)
    wire["heating_ps"] = readout.heating_ps
    wire["heat_limit"] = readout.heat_limit(p.recovery_tau_ps)
