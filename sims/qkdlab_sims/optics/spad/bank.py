"""`SpadBank`: avalanche diodes behind one receiver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.bright import Answer
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rows._kernels import NEVER_PS
from qkdlab_sims.optics.spad._kernels import run_spad
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.record import STATE, diode_records
from qkdlab_sims.optics.spad.traps import MOST_AFTERPULSES, MOST_PENDING

__all__ = ["SpadBank"]


@dataclass(frozen=True, eq=False)
class SpadBank(Bank):
    """A `Bank` of diodes; each is on while its bias is positive."""

    parameters: tuple[Spad, ...]

    @property
    def feels_power(self) -> bool:
        """Return whether bright light may blind a diode."""
        return any(p.network is not None for p in self.parameters)

    @property
    def carried(self) -> tuple[str, ...]:
        """Fields of a record that go from call to call."""
        return STATE

    def efficiencies(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each diode's efficiency at rest."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.efficiency if b > 0.0 else 0.0 for p, b in pairs])

    def dark_rates_hz(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each diode's dark count rate at rest, within gates."""
        pairs = zip(self.parameters, bias_ua, strict=True)
        return np.array([p.dark_rate_hz if b > 0.0 else 0.0 for p, b in pairs])

    def latched(self, was: Sequence[bool], bias_ua: Sequence[float]) -> list[bool]:
        """Return that none is: a diode comes back by itself."""
        del was
        return [False for _ in bias_ua]

    def answers(
        self,
        bias_ua: Sequence[float],
        latched: Sequence[bool],
        power_w: Sequence[float],
    ) -> tuple[Answer, ...]:
        """Return what each diode answers to; one that is off, to nothing."""
        del latched
        found: list[Answer] = []
        for p, bias, power in zip(self.parameters, bias_ua, power_w, strict=True):
            answer = Answer()
            if p.network is not None and bias > 0.0:
                answer = p.network.answer(power, p.rated_excess_v, p.breakdown_v)
            found.append(answer)
        return tuple(found)

    def blind(self, records: NDArray[np.void]) -> None:
        """Make records those of diodes below breakdown: no darks, traps, gates."""
        records["dark_per_tick"] = 0.0
        records["tau_ps"] = records["walk_ps"] = 0.0
        records["trap_none"] = 1.0
        records["gate_period_ps"] = 0
        records["persistence"] = 0.0
        records["n_pending"] = 0
        records["release_ps"] = NEVER_PS

    def voltages_mv(
        self, latched: Sequence[bool], bias_ua: Sequence[float]
    ) -> list[float]:
        """Return the bias voltage of those that are on."""
        del latched
        pairs = zip(self.parameters, bias_ua, strict=True)
        return [1e3 * (p.breakdown_v + p.rated_excess_v) * (b > 0.0) for p, b in pairs]

    def _new_wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]:
        tick_ps = PULSES_PER_TICK * self.period_ps
        records = diode_records(
            self.parameters, self.arrival_ps, tick_ps, pulse_fwhm_ps
        )
        records["dark_per_tick"] *= np.array(bias_ua) > 0.0
        return records

    def run_pass(
        self,
        wires: NDArray[np.void],
        detectors: tuple[int, int],
        ticks: tuple[int, int],
        arrivals: Arrivals,
        out: NDArray[np.int64],
    ) -> bool:
        """Turn arrivals of detectors [first, last) into tags; see `run_spad`.

        Raises OverflowError when more carriers are in traps than there is room for.
        """
        fits: bool = run_spad(
            wires,
            *detectors,
            *ticks,
            PULSES_PER_TICK * self.period_ps,
            arrivals.t_ps,
            arrivals.chance,
            arrivals.ends,
            self.keys,
            out,
        )
        if bool(wires["is_overfull"].any()):
            raise OverflowError(f"more than {MOST_PENDING} carriers are in traps")
        return fits

    def clicks_bound(
        self, wires: NDArray[np.void], n_arrivals: int, n_ticks: int
    ) -> int:
        """Return how many clicks one diode can give in so many ticks.

        What the hold-off lets through or, if less, all primaries with descendants.
        """
        darks = poisson_bound(float(wires["dark_per_tick"].max()) * n_ticks)
        births = (n_arrivals + darks + MOST_PENDING) / (1.0 - MOST_AFTERPULSES)
        shortest_ps = min(p.dead_time_ps for p in self.parameters)
        span_ps = n_ticks * PULSES_PER_TICK * self.period_ps
        by_hold_off = span_ps / shortest_ps + 2.0 if shortest_ps else math.inf
        return math.ceil(min(by_hold_off, births))
