"""The current source of the CTL200: limit, start delay, ramp."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["MAX_CURRENT_MA", "CurrentSource"]

MAX_CURRENT_MA = 200.0
"""Of the model CTL200-0 [mem]."""
CURRENT_STEP_MA = 0.001
"""Digits of the answers [seen]."""


@dataclass
class CurrentSource:
    """What drives the laser; times are those of the commands.

    ramp_ps:  from one current to the next
    set_ma:   what flows when it is on
    limit_ma: more than this becomes this [guess]
    """

    ramp_ps: int
    set_ma: float = 0.0
    limit_ma: float = MAX_CURRENT_MA
    on: bool = field(default=False, init=False)
    _from_ma: float = field(default=0.0, init=False)
    _to_ma: float = field(default=0.0, init=False)
    _begin_ps: int = field(default=0, init=False)

    def current_ma(self, now_ps: int) -> float:
        """Return the current at a time that is not before the last command."""
        if now_ps <= self._begin_ps:
            return self._from_ma
        passed_ps = now_ps - self._begin_ps
        if passed_ps >= self.ramp_ps:
            return self._to_ma
        return self._from_ma + (self._to_ma - self._from_ma) * passed_ps / self.ramp_ps

    def switch_on(self, now_ps: int, delay_ps: int) -> None:
        """Let the current come after a delay."""
        self.on = True
        self._go_to(self.set_ma, now_ps, delay_ps)

    def switch_off(self, now_ps: int) -> None:
        """Take the current away at once."""
        self.on = False
        self._from_ma = self._to_ma = 0.0
        self._begin_ps = now_ps

    def set_current_ma(self, value_ma: float, now_ps: int) -> None:
        """Set the current; during the start delay, the one that will come."""
        kept_ma = min(value_ma, self.limit_ma)
        self.set_ma = round(kept_ma / CURRENT_STEP_MA) * CURRENT_STEP_MA
        if self.on and now_ps >= self._begin_ps:
            self._go_to(self.set_ma, now_ps, 0)
        elif self.on:
            self._to_ma = self.set_ma

    def set_limit_ma(self, value_ma: float, now_ps: int) -> None:
        """Set the limit; a greater current comes down to it."""
        self.limit_ma = value_ma
        if self.set_ma > value_ma:
            self.set_current_ma(value_ma, now_ps)

    def _go_to(self, current_ma: float, now_ps: int, delay_ps: int) -> None:
        self._from_ma = self.current_ma(now_ps)
        self._to_ma = current_ma
        self._begin_ps = now_ps + delay_ps
