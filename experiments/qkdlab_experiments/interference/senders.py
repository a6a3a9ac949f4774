"""Alice's half: both senders, as Bob asks for them."""

from __future__ import annotations

from typing import Any

from qkdlab.roles import Attenuator, ClockSource, LaserDriver
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.hom import HomParameters

__all__ = ["ASK", "COUNTED", "READY", "ask", "send"]

ASK, READY, COUNTED = "set", "set-as-asked", "counted"
"""Messages: what Bob wants, that it is so, and that he has all he wants."""


def ask(ctx: PartyContext[Any], **wanted: Any) -> None:
    """Have the senders set; Bob's side of `send`.

    is_open:        of both shutters
    attenuation_db: of both senders
    later_ps:       by how much more the second sender's pulses shall be late
    """
    ctx.conversation.send(ASK, is_last=False, **wanted)
    ctx.conversation.receive(READY)


def send(ctx: PartyContext[HomParameters]) -> PartyResult:
    """Let both lasers make pulses; set shutters, attenuators and delay as asked."""
    p = ctx.parameters
    attenuators: list[Attenuator] = [ctx.roles[f"attenuator_{arm}"] for arm in "ab"]
    clocks: list[ClockSource] = [ctx.roles[f"clock_{arm}"] for arm in "ab"]
    for attenuator, value_db in zip(attenuators, p.start_attenuation_db, strict=True):
        attenuator.set_shutter_open(False)
        attenuator.set_attenuation_db(value_db)
    now: dict[str, list[Any]] = {
        "is_open": [False, False],
        "attenuation_db": list(p.start_attenuation_db),
    }
    late_ps = 0.0
    is_lit = False
    while not (wanted := ctx.conversation.receive(ASK))["is_last"]:
        if not is_lit:
            _light(ctx, clocks)
            is_lit = True
        wait_s = p.step_s
        if "later_ps" in wanted:
            late_ps += float(wanted["later_ps"])
            clocks[1].set_phase_deg(-late_ps / p.symbol_period_ps * 360.0 % 360.0)
        for name, values in now.items():
            for which, value in enumerate(wanted.get(name, values)):
                if value == values[which]:
                    continue
                if name == "is_open":
                    attenuators[which].set_shutter_open(bool(value))
                else:
                    attenuators[which].set_attenuation_db(float(value))
                values[which], wait_s = value, p.settle_s
        ctx.clock.sleep_until(ctx.clock.now_ps() + round(wait_s * 1e12))
        ctx.conversation.send(READY)
    for attenuator in attenuators:
        attenuator.set_shutter_open(False)
    for arm, clock in zip("ab", clocks, strict=True):
        clock.set_output_on(False)
        ctx.roles[f"laser_{arm}"].set_laser_on(False)
    return PartyResult()


def _light(ctx: PartyContext[HomParameters], clocks: list[ClockSource]) -> None:
    p = ctx.parameters
    for arm, clock, ohm in zip("ab", clocks, p.thermistor_ohm, strict=True):
        laser: LaserDriver = ctx.roles[f"laser_{arm}"]
        laser.set_cooler_on(True)
        laser.set_thermistor_ohm(ohm)
        laser.set_current_ma(p.laser_bias_ma)
        laser.set_laser_on(True)
        # Last: the pulses would drive a diode without bias into reverse.
        clock.set_frequency_hz(1e12 / p.symbol_period_ps)
        clock.set_phase_deg(0.0)
        clock.set_power_dbm(p.clock_power_dbm)
        clock.set_output_on(True)
