"""What one avalanche diode is, and what bias and temperature make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.network import Network
from qkdlab_sims.optics.spad.traps import (
    MOST_AFTERPULSES,
    MOST_TRAPS,
    Trap,
    afterpulse_mean,
)

__all__ = ["Spad"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))
_BOLTZMANN_EV_PER_K = 8.617333262e-5
_LEAST_V = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spad:
    """One diode with its quenching circuit (detectors-taggers.md 7.2 and 7.3).

    Figures of the data sheet hold at the rated point, `rated_excess_v` above breakdown
    and `rated_k`; `at` gives the diode elsewhere.

    efficiency:        of a diode at rest, at the rated point
    dark_rate_hz:      of a diode at rest and always biased, at the rated point
    dead_time_ps:      hold-off after an avalanche
    paralysable:       whether a carrier in the hold-off begins it anew (passive
                       quenching; counts that fall again with power, SPCM-A manual)
    recovery_tau_ps:   the efficiency comes back as 1 - exp(-t/tau) after the hold-off
                       (Krause and Walenta arXiv 2507.10361 [abs]); 0: at once
    traps:             what causes afterpulses
    jitter_fwhm_ps:    of the Gaussian core
    tail_fraction, tail_ps: share of the clicks with an exponential delay more, and its
                       mean (diffusion tail [mem])
    walk_ps, walk_tau_ps: a click at time t after the end of the hold-off comes later by
                       walk_ps exp(-t/walk_tau_ps): the avalanche builds up slowly while
                       the bias recovers, so that the mean time walks with rate [mem]
    gate:              None when free running
    network:           bias network, when bright light may blind the diode
    polarization_ratio: smallest efficiency over largest, by linear polarization; near
                       1 for diodes [mem]
    rated_excess_v, rated_k: see above
    excess_scale_v:    V0 of eta = eta_max (1 - exp(-V_ex/V0)) [mem]
    dark_per_v:        d ln(dark rate) / d V_ex [mem: it rises exponentially]
    dark_activation_ev: Arrhenius energy of the dark rate [mem]
    trap_activation_ev: Arrhenius energy of the traps' time constants [mem; law: abs]
    breakdown_v, breakdown_per_k: breakdown voltage at `rated_k`, and how it rises;
                       0.1 .. 0.2 V/K [doc]

    Raises ValueError outside physics.
    """

    efficiency: float
    dark_rate_hz: float
    dead_time_ps: int
    paralysable: bool = False
    recovery_tau_ps: float = 0.0
    traps: tuple[Trap, ...] = ()
    jitter_fwhm_ps: float = 200.0
    tail_fraction: float = 0.0
    tail_ps: float = 0.0
    walk_ps: float = 0.0
    walk_tau_ps: float = 50_000.0
    gate: Gate | None = None
    network: Network | None = None
    polarization_ratio: float = 1.0
    rated_excess_v: float = 2.5
    rated_k: float = 233.0
    excess_scale_v: float = 3.0
    dark_per_v: float = 0.7
    dark_activation_ev: float = 0.25
    trap_activation_ev: float = 0.12
    breakdown_v: float = 65.0
    breakdown_per_k: float = 0.1

    def __post_init__(self) -> None:
        in_range("efficiency", self.efficiency, 0.0, 1.0, "1")
        in_range("dark_rate_hz", self.dark_rate_hz, 0.0, 1e8, "Hz")
        in_range("dead_time_ps", self.dead_time_ps, 0, 10**10, "ps")
        in_range("recovery_tau_ps", self.recovery_tau_ps, 0.0, 1e9, "ps")
        in_range("jitter_fwhm_ps", self.jitter_fwhm_ps, 0.0, 1e5, "ps")
        in_range("tail_fraction", self.tail_fraction, 0.0, 1.0, "1")
        in_range("tail_ps", self.tail_ps, 0.0, 1e5, "ps")
        in_range("walk_ps", self.walk_ps, 0.0, 1e5, "ps")
        in_range("walk_tau_ps", self.walk_tau_ps, 1.0, 1e9, "ps")
        in_range("polarization_ratio", self.polarization_ratio, 0.0, 1.0, "1")
        in_range("rated_excess_v", self.rated_excess_v, _LEAST_V, 50.0, "V")
        in_range("rated_k", self.rated_k, 77.0, 350.0, "K")
        in_range("excess_scale_v", self.excess_scale_v, 0.01, 100.0, "V")
        in_range("dark_per_v", self.dark_per_v, 0.0, 10.0, "1/V")
        in_range("dark_activation_ev", self.dark_activation_ev, 0.0, 2.0, "eV")
        in_range("trap_activation_ev", self.trap_activation_ev, 0.0, 2.0, "eV")
        in_range("breakdown_v", self.breakdown_v, 1.0, 500.0, "V")
        in_range("breakdown_per_k", self.breakdown_per_k, 0.0, 1.0, "V/K")
        in_range("len(traps)", len(self.traps), 0, MOST_TRAPS, "1")
        if self.gate is not None and self.dead_time_ps < self.gate.width_ps:
            raise ValueError(
                f"dead_time_ps {self.dead_time_ps} ps must not be shorter than the "
                f"gate's {self.gate.width_ps} ps: a gate holds one avalanche"
            )
        if self.recovery_tau_ps == 0.0 and self.dead_time_ps == 0:
            raise ValueError("dead_time_ps and recovery_tau_ps must not both be 0 ps")
        in_range(
            "carriers of the traps that one avalanche leaves for after the dead time",
            afterpulse_mean(self.traps, self.dead_time_ps),
            0.0,
            MOST_AFTERPULSES,
            "1",
        )

    def breakdown_at_v(self, temperature_k: float) -> float:
        """Return the breakdown voltage at a temperature."""
        return self.breakdown_v + self.breakdown_per_k * (temperature_k - self.rated_k)

    def at(self, bias_v: float, temperature_k: float) -> Spad:
        """Return the diode at a bias and a temperature; without excess bias, blind.

        The traps fill with the charge of the avalanche, which is proportional to the
        excess bias. Raises ValueError outside 77 .. 350 K.
        """
        in_range("temperature_k", temperature_k, 77.0, 350.0, "K")
        excess_v = bias_v - self.breakdown_at_v(temperature_k)
        if excess_v < _LEAST_V:
            return replace(self, efficiency=0.0, dark_rate_hz=0.0, traps=())
        charge = excess_v / self.rated_excess_v
        gain = math.expm1(-excess_v / self.excess_scale_v)
        gain /= math.expm1(-self.rated_excess_v / self.excess_scale_v)
        colder = 1.0 / temperature_k - 1.0 / self.rated_k
        log_dark = self.dark_per_v * (excess_v - self.rated_excess_v)
        log_dark -= self.dark_activation_ev / _BOLTZMANN_EV_PER_K * colder
        energy_ev = self.trap_activation_ev
        return replace(
            self,
            efficiency=min(1.0, self.efficiency * gain),
            dark_rate_hz=self.dark_rate_hz * math.exp(log_dark),
            traps=tuple(
                t.at(charge, energy_ev, temperature_k, self.rated_k) for t in self.traps
            ),
            rated_excess_v=excess_v,
            breakdown_v=self.breakdown_at_v(temperature_k),
            rated_k=temperature_k,
        )

    @property
    def rest_ps(self) -> float:
        """For how long after a click there is none."""
        return float(self.dead_time_ps)

    def jitter_sigma_ps(self, pulse_fwhm_ps: float = 0.0) -> float:
        """Return the standard deviation of diode and pulse width together."""
        return math.hypot(self.jitter_fwhm_ps, pulse_fwhm_ps) / _FWHM_IN_SIGMAS

    def throughput_hz(self, rate_hz: float) -> float:
        """Return the click rate for avalanches that would come at `rate_hz`.

        r/(1 + r tau), or r exp(-r tau) when paralysable (Knoll, Radiation Detection
        and Measurement, chapter 4 [mem]); hold-off alone, no recovery, no traps.
        """
        load = rate_hz * self.dead_time_ps * 1e-12
        if self.paralysable:
            return rate_hz * math.exp(-load)
        return rate_hz / (1.0 + load)
