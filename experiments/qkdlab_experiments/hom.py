"""Two lights at a beam splitter, the delay between them scanned (Hong, Ou, Mandel)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.roles.needs import Needs
from qkdlab.session.experiment import Experiment

if TYPE_CHECKING:
    from qkdlab.session.experiment import PartyContext, PartyResult

__all__ = ["HOM", "HomParameters"]

_FEWEST_DELAYS = 5
"""A dip has a level, a depth, a centre and a width."""

_Delay = Annotated[float, Field(ge=-1e9, le=1e9)]
_Attenuation = Annotated[float, Field(ge=0, le=300)]
_Resistance = Annotated[float, Field(gt=0, le=1e9)]
_Bias = Annotated[float, Field(ge=0, le=1e3)]


class HomParameters(BaseModel):
    """Both senders, the scan, and what counts as a coincidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    duration_s: float = Field(default=0.2, gt=0, le=1e5)
    """Of counting at each delay."""
    symbol_period_ps: int = Field(gt=0, le=10**10)
    """Of the pulses."""
    light: Literal["coherent", "thermal", "single_photons"] = "coherent"
    """Of both senders: which closed form the result is compared with."""
    delays_ps: tuple[_Delay, ...] = Field(max_length=1000)
    """Of the second sender's pulses after the first's, in which order they come: five
    different ones or more, none above half a period."""
    mean_photons: float = Field(default=0.01, gt=0, le=2)
    """Of each sender at each detector, its efficiency in it: to this the attenuators
    are set after each sender was counted alone."""
    start_attenuation_db: tuple[_Attenuation, _Attenuation] = (60.0, 60.0)
    """To begin with, of both senders."""
    balance_s: float = Field(default=0.05, gt=0, le=600)
    """Of counting one sender alone."""
    clock_power_dbm: float = Field(default=13.0, ge=-110, le=20)
    thermistor_ohm: tuple[_Resistance, _Resistance] = (10_000.0, 10_000.0)
    """Temperature of both lasers, by which their wavelengths meet."""
    laser_bias_ma: float = Field(default=10.0, ge=0, le=1000)
    bias_ua: tuple[_Bias, ...] = ()
    """Of the detectors; left as they are when not given."""
    settle_s: float = Field(default=0.2, ge=0, le=60)
    """After lasers, shutters and attenuators were told something."""
    step_s: float = Field(default=0.01, ge=0, le=60)
    """After the clock's phase was."""
    dark_s: float = Field(default=1.0, gt=0, le=600)
    """Of counting in the dark before."""
    half_gate_ps: int = Field(default=1000, gt=0, le=10**10)
    detector_delay_ps: int = Field(default=0, ge=-(10**9), le=10**9)
    """By how much the second detector's clicks are later, by its fibre and cable, to
    half a period: the tags tell the rest."""
    lags: int = Field(default=5, ge=1, le=1000)
    """Periods to either side, whose coincidences those of one pulse are held to."""
    near_lags: int = Field(default=0, ge=0, le=100)
    """Of those, so many left out next to it: detectors are dead after a click."""

    @model_validator(mode="after")
    def _a_scan(self) -> Self:
        if len(set(self.delays_ps)) < _FEWEST_DELAYS:
            raise ValueError(
                f"delays_ps wants {_FEWEST_DELAYS} different delays or more"
            )
        if 2 * max(map(abs, self.delays_ps)) > self.symbol_period_ps:
            raise ValueError(
                "delays_ps must be within half of symbol_period_ps: beyond it pulses "
                "meet their next neighbours"
            )
        return self

    @model_validator(mode="after")
    def _one_pulse_in_a_gate(self) -> Self:
        if 2 * self.half_gate_ps >= self.symbol_period_ps:
            raise ValueError("half_gate_ps must be below half of symbol_period_ps")
        if self.near_lags >= self.lags:
            raise ValueError("near_lags leaves none of the lags")
        return self


# The programs are imported when they run: `check` needs the parameters only.


def _send(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.interference.senders import send

    return send(ctx)


def _count(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.interference.scan import count

    return count(ctx)


_SENDER = {"clock": "ClockSource", "laser": "LaserDriver", "attenuator": "Attenuator"}

HOM = Experiment(
    name="hom",
    parameters=HomParameters,
    programs={"alice": _send, "bob": _count},
    needs={
        "alice": Needs(
            roles={f"{n}_{arm}": role for n, role in _SENDER.items() for arm in "ab"}
        ),
        "bob": Needs(roles={"tagger": "TimeTagger", "detectors": "BiasSource"}),
    },
)
