"""Simulated Stanford Research Systems DC205 precision voltage source.

Command names, tokens and error numbers [seen, the maker's Python package
`srsinst.dc205`]; format of ``*IDN?``, ``TOKN``, ``*OPC``, ``*RST`` [doc, manual
9-01745-903, page 3-14]; ``LEXE?; LCME?`` answered in one line, ``TERM LF``, ranges that
cannot change under voltage, the interlock of the 100 V range [seen, two other public
clients]; limits 1 % beyond the range [seen]. Not modelled: the scan.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.srs import (
    Call,
    Fault,
    LastErrors,
    SrsError,
    SrsMachine,
)

__all__ = ["Simulator"]

RANGES = ("RANGE1", "RANGE10", "RANGE100")
LIMITS_V = (1.01, 10.1, 101.0)
RESOLUTIONS_V = (1e-6, 1e-5, 1e-4)
"""One part in a million of the range [mem]."""
INTERLOCKED_RANGE = 2
OFF_ON = ("OFF", "ON")
TERMINATORS = {"NONE": "", "CR": "\r", "LF": "\n", "CRLF": "\r\n", "LFCR": "\n\r"}
"""Names and order [mem, the maker's SIM900 modules]; ``LF`` [seen]."""
INPUT_LIMIT_BYTES = 128
_OVERLOAD_BIT, _INTERLOCK_BIT = 0, 1
_SETTLED_AFTER = 50.0
"""Time constants after which nothing of a step is left in double precision."""


class Simulator:
    """One DC205 on its serial line, 115200 baud 8N1 as default [seen].

    serial:     eight digits in ``*IDN?`` [doc]
    settle_ps:  time constant of the output after a change [guess]
    interlock_closed: needed for the output in the 100 V range [seen]
    overload:   whether the load draws more than the source gives
    """

    def __init__(
        self,
        *,
        serial: str = "20512345",
        rng: np.random.Generator | None = None,
        settle_ps: int = 1_000_000_000,
        interlock_closed: bool = False,
        firmware: str = "1.00",
    ) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.interlock_closed = interlock_closed
        self.overload = False
        self._settle_ps = settle_ps
        self._from_v, self._to_v, self._since_ps = 0.0, 0.0, 0
        self._set_v = 0.0
        self._tokens = {"RNGE": 0, "ISOL": 0, "SENS": 0, "SOUT": 0}
        self._tokens |= {"TOKN": 0, "KCLK": 1, "ALRM": 1}
        self._errors = LastErrors()
        self.machine = SrsMachine(
            f"Stanford Research Systems,DC205,s/n{serial},ver{firmware}",
            self._errors,
            limit_bytes=INPUT_LIMIT_BYTES,
        )
        self.machine.on_reset = self._reset
        self._add_commands()
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def voltage_v(self, now_ps: int) -> float:
        """Return what stands at the output, 0 when it is off."""
        passed = (now_ps - self._since_ps) / self._settle_ps if self._settle_ps else 1e9
        if passed >= _SETTLED_AFTER:
            return self._to_v
        return self._to_v + (self._from_v - self._to_v) * math.exp(-max(0.0, passed))

    def open_interlock(self, now_ps: int) -> None:
        """Open the interlock; in the 100 V range the output goes off."""
        self.interlock_closed = False
        if self._tokens["RNGE"] == INTERLOCKED_RANGE:
            self._tokens["SOUT"] = 0
            self._drive(now_ps)

    def _add_commands(self) -> None:
        add = self.machine.add
        add("VOLT", do=self._set_voltage, ask=self._voltage)
        self._add_token("RNGE", RANGES, self._check_range, self._range_changed)
        self._add_token("SOUT", OFF_ON, self._check_output, self._drive)
        self._add_token("ISOL", ("GROUND", "FLOAT"), self._check_off)
        self._add_token("SENS", ("TWOWIRE", "FOURWIRE"))
        self._add_token("TOKN", OFF_ON)
        self._add_token("KCLK", OFF_ON)
        self._add_token("ALRM", OFF_ON)
        add("TERM", do=self._set_terminator, ask=self._terminator)
        add("ILOC", ask=lambda call: self._word(("OPEN", "CLOSED"), self._closed()))
        add("OVLD", ask=lambda call: self._word(("OKAY", "OVLD"), int(self.overload)))
        add("DCCR", ask=lambda call: str(self._condition()))
        add("LEXE", ask=lambda call: str(self._errors.pop_execution()))
        add("LCME", ask=lambda call: str(self._errors.pop_command()))

    def _add_token(
        self,
        name: str,
        words: tuple[str, ...],
        check: Callable[[int], None] = lambda value: None,
        then: Callable[[int], None] = lambda now_ps: None,
    ) -> None:
        def do(call: Call) -> None:
            value = call.token(words)
            check(value)
            self._tokens[name] = value
            then(call.now_ps)

        self.machine.add(
            name, do=do, ask=lambda call: self._word(words, self._tokens[name])
        )

    def _word(self, words: tuple[str, ...], value: int) -> str:
        return words[value] if self._tokens["TOKN"] else str(value)

    def _closed(self) -> int:
        return int(self.interlock_closed)

    def _condition(self) -> int:
        interlock_open = not self.interlock_closed
        return int(self.overload) << _OVERLOAD_BIT | interlock_open << _INTERLOCK_BIT

    def _set_voltage(self, call: Call) -> None:
        value_v, _ = call.number()
        if abs(value_v) > LIMITS_V[self._tokens["RNGE"]]:
            raise SrsError(Fault.ILLEGAL_VALUE)
        step_v = RESOLUTIONS_V[self._tokens["RNGE"]]
        self._set_v = round(value_v / step_v) * step_v
        self._drive(call.now_ps)

    def _voltage(self, call: Call) -> str:
        digits = (6, 5, 4)[self._tokens["RNGE"]]
        return f"{self._set_v:.{digits}f}"

    def _check_off(self, value: int) -> None:
        if self._tokens["SOUT"]:
            raise SrsError(Fault.NOT_ALLOWED)

    def _check_range(self, value: int) -> None:
        if value != self._tokens["RNGE"]:
            self._check_off(value)

    def _range_changed(self, now_ps: int) -> None:
        # What does not fit the new range becomes zero [guess].
        if abs(self._set_v) > LIMITS_V[self._tokens["RNGE"]]:
            self._set_v = 0.0

    def _check_output(self, value: int) -> None:
        needs_interlock = self._tokens["RNGE"] == INTERLOCKED_RANGE
        if value and needs_interlock and not self.interlock_closed:
            raise SrsError(Fault.NOT_ALLOWED)

    def _drive(self, now_ps: int) -> None:
        """Let the output go to where it should be from where it is."""
        self._from_v = self.voltage_v(now_ps)
        self._to_v = self._set_v if self._tokens["SOUT"] else 0.0
        self._since_ps = now_ps
        if self.on_change is not None:
            self.on_change(now_ps)

    def _set_terminator(self, call: Call) -> None:
        names = tuple(TERMINATORS)
        self.machine.terminator = TERMINATORS[names[call.token(names)]]

    def _terminator(self, call: Call) -> str:
        names = tuple(TERMINATORS)
        now = list(TERMINATORS.values()).index(self.machine.terminator)
        return self._word(names, now)

    def _reset(self, call: Call) -> None:
        self._tokens |= {"RNGE": 0, "ISOL": 0, "SENS": 0, "SOUT": 0, "TOKN": 0}
        self._set_v = 0.0
        self._drive(call.now_ps)
