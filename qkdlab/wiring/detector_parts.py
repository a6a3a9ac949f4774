"""Detectors of a bench, as a configuration names them; laws: docs/detectors.md."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.wiring.base_part import BasePart

__all__ = [
    "BREAKDOWN_V_PER_K",
    "Snspd",
    "SnspdBright",
    "SnspdReadout",
    "Spad",
    "SpadBackflash",
    "SpadGate",
    "SpadNetwork",
    "SpadTraps",
]

BREAKDOWN_V_PER_K = 0.1
"""By which breakdown rises with temperature; 0.1 to 0.2 [doc]."""
_MOST_EXCESS_V = 50.0
TrapTime = Annotated[float, Field(ge=1, le=1e12)]
TrapShare = Annotated[float, Field(ge=0, le=1)]


class SnspdReadout(BaseModel):
    """Amplifier, discriminator and heat of a nanowire; docs/detectors.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    threshold: float = Field(default=0.0, ge=0, le=0.99)
    """Share of a full pulse below which the discriminator sees none."""
    grows_jitter: bool = False
    walk_ps: float = Field(default=0.0, ge=0, le=1e4)
    ac_coupling_ps: float = Field(default=0.0, ge=0, le=1e12)
    latching_rate_hz: float | None = Field(default=None, ge=1, le=1e12)
    heating_ps: float = Field(default=1e6, ge=1, le=1e12)
    cooling_ps: float = Field(default=0.0, ge=0, le=1e9)


class SnspdBright(BaseModel):
    """Thresholds of a nanowire under bright light; docs/detectors.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    latching_w: float = Field(default=1e-7, ge=1e-18, le=1)
    trigger_j: float = Field(default=1e-15, ge=1e-21, le=1e-3)
    trigger_rms: float = Field(default=0.05, ge=0, le=1)


class Snspd(BasePart):
    """Superconducting nanowire detector; ports: ``in``, ``out`` (electrical).

    Currents hold at `rated_k`; docs/detectors.md has the law that leads elsewhere.
    Efficiency ``eta_max/2 [1 + erf((I - I_half)/width)]``; dark rate
    ``floor + exp((I - I_dark)/scale)``; current recovers as
    ``I_b [1 - exp(-t/tau)]``. Form and figures:
    detector characterisation literature (erf form after Caloz 2017 [doc]; the
    exponential dark slopes were fitted to a measured four-channel sweep [run]).
    """

    kind: Literal["snspd"]
    instrument: str
    channel: int = Field(ge=0, le=255)
    efficiency_max: float = Field(gt=0, le=1)
    i_half_ua: float = Field(gt=0, le=1e3)
    width_ua: float = Field(ge=1e-3, le=1e3)
    switching_current_ua: float = Field(ge=0.1, le=1e3)
    retrapping_ua: float = Field(default=6.5, ge=0, le=1e3)
    """A wire that latched is superconducting again at this bias [guess]."""
    dark_floor_hz: float = Field(ge=0, le=1e9)
    dark_i0_ua: float = Field(ge=-1e3, le=1e3)
    """Bias at which the exponential part of the dark rate is 1 per second."""
    dark_slope_per_ua: float = Field(gt=0, le=1e3)
    recovery_tau_ps: float = Field(ge=1, le=1e9)
    jitter_fwhm_ps: float = Field(ge=0, le=1e5)
    jitter_tail_fraction: float = Field(default=0.0, ge=0, lt=1)
    jitter_tail_tau_ps: float = Field(default=1.0, gt=0, le=1e6)
    polarization_ratio: float = Field(default=1.0, ge=0, le=1)
    """Smallest efficiency over largest, by linear polarization."""
    polarization_axis_deg: float = Field(default=0.0, ge=-360, le=360)
    """Of the largest, from H."""
    readout: SnspdReadout | None = None
    """An ideal one when not given."""
    bright: SnspdBright | None = None
    """It counts whatever comes when not given."""
    damage_dbm: float = Field(default=10.0, ge=-60, le=40)
    """Mean power that it does not survive [guess]."""
    rated_k: float = Field(default=2.5, ge=0.01, le=100)
    critical_k: float = Field(default=9.0, ge=0.1, le=150)
    """Above it the film superconducts no more; some 9 K of thin NbTiN [mem]."""
    temperature_k: float | None = Field(default=None, ge=0, le=100)
    """The rated one when not given."""

    @model_validator(mode="after")
    def _superconducts(self) -> Self:
        here_k = self.rated_k if self.temperature_k is None else self.temperature_k
        if max(self.rated_k, here_k) > 0.999 * self.critical_k:
            raise ValueError(
                f"temperature_k {here_k:g} K and rated_k {self.rated_k:g} K must be "
                f"below critical_k, {self.critical_k:g} K"
            )
        return self

    @model_validator(mode="after")
    def _recovers_below_switching(self) -> Self:
        if self.retrapping_ua >= self.switching_current_ua:
            raise ValueError(
                f"retrapping_ua {self.retrapping_ua:g} uA must be below "
                f"switching_current_ua, {self.switching_current_ua:g} uA; lower it"
            )
        return self


class SpadNetwork(BaseModel):
    """Bias network of a diode that bright light may blind; docs/detectors.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    series_ohm: float = Field(default=1000.0, ge=1, le=1e8)
    responsivity_a_per_w: float = Field(default=0.95, ge=1e-3, le=2)
    blinding_gain: float = Field(default=6.6, ge=1, le=1e3)
    miller_power: float = Field(default=3.0, ge=0.5, le=10)
    comparator_c: float = Field(default=1e-13, ge=1e-18, le=1e-9)
    comparator_rms: float = Field(default=0.03, ge=0, le=1)


class SpadGate(BaseModel):
    """Gates of a diode in step with the laser's pulses; docs/detectors.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    width_ps: int = Field(ge=10, le=10**10)
    lead_ps: int = Field(ge=0, le=10**12)
    """From the opening of a gate to the pulse."""
    period_ps: int = Field(ge=100, le=10**12)
    edge_ps: int = Field(default=0, ge=0, le=10**10)
    shape: Literal["flat", "sine"] = "flat"
    persistence: float = Field(default=0.0, ge=0, le=1)
    persistence_tau_ps: float = Field(default=3000.0, ge=1, le=1e9)

    @model_validator(mode="after")
    def _fits_its_period(self) -> Self:
        if 2 * self.edge_ps > self.width_ps:
            raise ValueError(
                f"edge_ps {self.edge_ps} ps rises and falls within width_ps, "
                f"{self.width_ps} ps; give at most {self.width_ps // 2} ps"
            )
        for name in ("width_ps", "lead_ps"):
            if getattr(self, name) > self.period_ps:
                raise ValueError(
                    f"{name} {getattr(self, name)} ps is longer than period_ps, "
                    f"{self.period_ps} ps; shorten it"
                )
        return self


class SpadTraps(BaseModel):
    """A continuum of traps, even in ln(tau) between sharp edges; docs/detectors.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    shortest_ps: TrapTime
    longest_ps: TrapTime

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.shortest_ps >= self.longest_ps:
            raise ValueError(
                f"shortest_ps {self.shortest_ps:g} ps must be below longest_ps, "
                f"{self.longest_ps:g} ps"
            )
        return self


class SpadBackflash(BaseModel):
    """Light that each avalanche of a diode sends back; docs/detectors.md.

    Photons leave by the diode's fibre; a second diode behind the `back` of a
    circulator sees them, and without a circulator they reach the channel.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    probability: float = Field(ge=0, le=1)
    """Of a photon in the diode's fibre, per avalanche; the reference has no figure."""
    delay_ps: int = Field(default=0, ge=0, le=10**7)
    """From the click to the beginning of the flash."""
    decay_ps: float = Field(default=500.0, ge=0, le=1e6)
    """The flash fades exponentially, as the current that is being quenched [guess]."""


class Spad(BasePart):
    """Avalanche diode in a module of its own; ports: ``in``, ``out`` (electrical).

    No instrument sets it: bias and temperature are those given here. Efficiency, dark
    rate and afterpulses are those of the data sheet at `rated_excess_v` above breakdown
    and `rated_k`; docs/detectors.md has the laws that lead to other conditions, and
    their sources.
    """

    kind: Literal["spad"]
    efficiency: float = Field(gt=0, le=1)
    dark_rate_hz: float = Field(ge=0, le=1e8)
    dead_time_ps: int = Field(gt=0, le=10**10)
    paralysable: bool = False
    recovery_tau_ps: float = Field(default=0.0, ge=0, le=1e9)
    afterpulse_probability: float = Field(default=0.0, ge=0, le=0.5)
    """That a release of an avalanche follows the dead time."""
    afterpulse_tau_ps: tuple[TrapTime, ...] = (1e6,)
    afterpulse_shares: tuple[TrapShare, ...] = (1.0,)
    """Of the releases after the dead time, by time constant."""
    afterpulse_spectrum: SpadTraps | None = None
    """In place of single time constants, when given."""
    jitter_fwhm_ps: float = Field(ge=0, le=1e5)
    jitter_tail_fraction: float = Field(default=0.0, ge=0, le=1)
    jitter_tail_tau_ps: float = Field(default=1.0, gt=0, le=1e5)
    walk_ps: float = Field(default=0.0, ge=0, le=1e5)
    walk_tau_ps: float = Field(default=50_000.0, ge=1, le=1e9)
    gate: SpadGate | None = None
    network: SpadNetwork | None = None
    """It counts whatever comes when not given."""
    backflash: SpadBackflash | None = None
    """It sends nothing back when not given."""
    damage_dbm: float = Field(default=10.0, ge=-60, le=40)
    """Mean power that it does not survive [guess]."""
    polarization_ratio: float = Field(default=1.0, ge=0, le=1)
    polarization_axis_deg: float = Field(default=0.0, ge=-360, le=360)
    rated_excess_v: float = Field(default=2.5, ge=1e-3, le=50)
    rated_k: float = Field(default=233.0, ge=77, le=350)
    breakdown_v: float = Field(default=65.0, ge=1, le=500)
    """At `rated_k`."""
    bias_v: float | None = Field(default=None, ge=0, le=600)
    """The rated one when not given."""
    temperature_k: float | None = Field(default=None, ge=77, le=350)
    """The rated one when not given."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.afterpulse_tau_ps) != len(self.afterpulse_shares):
            raise ValueError(
                f"afterpulse_shares has {len(self.afterpulse_shares)}, but "
                f"afterpulse_tau_ps {len(self.afterpulse_tau_ps)}; give one share for "
                "each time constant"
            )
        whole = sum(self.afterpulse_shares)
        if abs(whole - 1.0) > 1e-6:
            raise ValueError(
                f"afterpulse_shares must add up to 1, not to {whole:.7g}; divide each "
                "by their sum"
            )
        given = self.model_fields_set & {"afterpulse_tau_ps", "afterpulse_shares"}
        if self.afterpulse_spectrum is not None and given:
            raise ValueError(
                f"afterpulse_spectrum has all time constants; leave out {min(given)}"
            )
        if self.gate is not None and self.dead_time_ps < self.gate.width_ps:
            raise ValueError(
                f"dead_time_ps {self.dead_time_ps} ps is shorter than the gate's "
                f"{self.gate.width_ps} ps; a gate holds one avalanche"
            )
        return self

    @property
    def breakdown_here_v(self) -> float:
        """Breakdown voltage at the diode's temperature."""
        here_k = self.rated_k if self.temperature_k is None else self.temperature_k
        return self.breakdown_v + BREAKDOWN_V_PER_K * (here_k - self.rated_k)

    @model_validator(mode="after")
    def _breaks_down(self) -> Self:
        low_v = self.breakdown_here_v
        high_v = low_v + _MOST_EXCESS_V
        bias_v = self.bias_v
        if bias_v is None:
            bias_v = self.breakdown_v + self.rated_excess_v
        if not low_v < bias_v <= high_v:
            raise ValueError(
                f"bias_v {bias_v:g} V must be above breakdown, {low_v:g} V at the "
                f"diode's temperature, and at most {high_v:g} V; choose about "
                f"{low_v + self.rated_excess_v:g} V"
            )
        return self
