"""Characterisation of sources by two detectors: g2(0), and pairs with heralding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.roles.needs import Needs
from qkdlab.session.experiment import Experiment

if TYPE_CHECKING:
    from qkdlab.session.experiment import PartyContext, PartyResult

__all__ = ["HBT", "HERALDING", "CountingParameters", "PumpParameters"]


class PumpParameters(BaseModel):
    """How a source is pumped, and what counts as a coincidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    symbol_period_ps: int = Field(gt=0, le=10**10)
    """Of the pulses."""
    clock_power_dbm: float = Field(default=13.0, ge=-110, le=20)
    thermistor_ohm: float = Field(default=10_000.0, ge=100, le=1e6)
    laser_bias_ma: float = Field(default=10.0, ge=0, le=1000)
    settle_s: float = Field(default=0.2, ge=0, le=60)
    dark_s: float = Field(default=1.0, gt=0, le=600)
    """Of counting in the dark before."""
    half_gate_ps: int = Field(default=2000, gt=0, le=10**10)
    lags: int = Field(default=20, ge=2, le=1000)
    """Periods to either side, whose coincidences those of one pulse are held to."""
    near_lags: int = Field(default=0, ge=0, le=100)
    """Of those, so many left out next to it: detectors are dead after a click."""

    @model_validator(mode="after")
    def _one_pulse_in_a_gate(self) -> Self:
        if 2 * self.half_gate_ps >= self.symbol_period_ps:
            raise ValueError("half_gate_ps must be below half of symbol_period_ps")
        if self.near_lags >= self.lags:
            raise ValueError("near_lags leaves none of the lags")
        return self


class CountingParameters(PumpParameters):
    """Two detectors, counted once."""

    duration_s: float = Field(default=2.0, gt=0, le=1e5)
    """Of counting in light."""
    detector_delay_ps: int = Field(default=0, ge=-(10**9), le=10**9)
    """By how much the second detector's clicks are later, by its fibre and cable, to
    half a period: the tags tell the rest."""


# The programs are imported when they run: `check` needs the parameters only.


def _pump(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.characterisation.programs import pump

    return pump(ctx)


def _hbt(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.characterisation.programs import count_hbt

    return count_hbt(ctx)


def _heralding(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.characterisation.programs import count_pairs

    return count_pairs(ctx)


_NEEDS = {
    "alice": Needs(roles={"clock": "ClockSource", "laser": "LaserDriver"}),
    "bob": Needs(roles={"tagger": "TimeTagger", "detectors": "BiasSource"}),
}

HBT = Experiment(
    name="hbt",
    parameters=CountingParameters,
    programs={"alice": _pump, "bob": _hbt},
    needs=_NEEDS,
)

HERALDING = Experiment(
    name="heralding",
    parameters=CountingParameters,
    programs={"alice": _pump, "bob": _heralding},
    needs=_NEEDS,
)
