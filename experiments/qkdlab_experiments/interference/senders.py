"""Alice's half: both senders, as Bob asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qkdlab.roles import Attenuator, ClockSource, LaserDriver
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.asking import requests
from qkdlab_experiments.hom import HomParameters

__all__ = ["send"]


def send(ctx: PartyContext[HomParameters]) -> PartyResult:
    """Let both lasers make pulses; set shutters, attenuators and delay as asked.

    What Bob may ask for:

    is_open:        of both shutters
    attenuation_db: of both senders
    later_ps:       by how much more the second sender's pulses shall be late
    """
    senders = _Senders(ctx)
    is_lit = False
    for wanted in requests(ctx):
        if not is_lit:
            senders.light()
            is_lit = True
        wait_s = senders.set(wanted)
        ctx.clock.sleep_until(ctx.clock.now_ps() + round(wait_s * 1e12))
    senders.put_out()
    return PartyResult()


class _Senders:
    """Both lasers with clock and attenuator; the shutters are closed to begin with."""

    def __init__(self, ctx: PartyContext[HomParameters]) -> None:
        self._parameters = p = ctx.parameters
        self._attenuators: list[Attenuator] = _both(ctx, "attenuator")
        self._clocks: list[ClockSource] = _both(ctx, "clock")
        self._lasers: list[LaserDriver] = _both(ctx, "laser")
        self._late_ps = 0.0
        self._open = [False, False]
        self._attenuation_db = list(p.start_attenuation_db)
        for one, value_db in zip(self._attenuators, self._attenuation_db, strict=True):
            one.set_shutter_open(False)
            one.set_attenuation_db(value_db)

    def light(self) -> None:
        """Switch both lasers on."""
        p = self._parameters
        for laser, ohm in zip(self._lasers, p.thermistor_ohm, strict=True):
            laser.set_cooler_on(True)
            laser.set_thermistor_ohm(ohm)
            laser.set_current_ma(p.laser_bias_ma)
            laser.set_laser_on(True)
        # Last: the pulses would drive a diode without bias into reverse.
        for clock in self._clocks:
            clock.set_frequency_hz(1e12 / p.symbol_period_ps)
            clock.set_phase_deg(0.0)
            clock.set_power_dbm(p.clock_power_dbm)
            clock.set_output_on(True)

    def set(self, wanted: Mapping[str, Any]) -> float:
        """Set what differs from what is wanted; return the time to wait, in s."""
        p = self._parameters
        wait_s = p.step_s
        if "later_ps" in wanted:
            self._late_ps += float(wanted["later_ps"])
            turns = -self._late_ps / p.symbol_period_ps
            self._clocks[1].set_phase_deg(turns * 360.0 % 360.0)
        for which, one in enumerate(self._attenuators):
            is_open = bool(wanted.get("is_open", self._open)[which])
            value_db = float(wanted.get("attenuation_db", self._attenuation_db)[which])
            if value_db != self._attenuation_db[which]:
                one.set_attenuation_db(value_db)
                self._attenuation_db[which], wait_s = value_db, p.settle_s
            if is_open != self._open[which]:
                one.set_shutter_open(is_open)
                self._open[which], wait_s = is_open, p.settle_s
        return wait_s

    def put_out(self) -> None:
        """Close the shutters, then stop clocks and lasers."""
        for one in self._attenuators:
            one.set_shutter_open(False)
        for clock, laser in zip(self._clocks, self._lasers, strict=True):
            clock.set_output_on(False)
            laser.set_laser_on(False)


def _both(ctx: PartyContext[HomParameters], role: str) -> list[Any]:
    return [ctx.roles[f"{role}_{arm}"] for arm in "ab"]
