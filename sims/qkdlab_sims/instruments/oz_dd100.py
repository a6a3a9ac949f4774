"""Simulated OZ Optics DD-100-MC motor-driven attenuator.

RS-232, 9600 baud 8N1, CR LF both ways. Commands, answers and errors as in three public
clients [ran one, seen two]; a client's list of commands repeats the maker's. Not
modelled: I2C and SPI modes, calibrations at several wavelengths.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine, ByteOutbox

__all__ = ["Simulator"]

_LINE_END = re.compile(rb"[\r\n]")
_NUMBER = re.compile(r"\d+(?:\.\d{0,2})?|\.\d{1,2}")
_STEPS = re.compile(r"[+-]?\d+")
_BAD_COMMAND = "Error-2"
"""Bad command; it is ignored [seen]."""
_OVERFLOW = "Error-6"
"""Overflow; the command is ignored [seen]; taken for values out of range [guess]."""
_RESPONSE_PS = 5_000_000_000


class _Refused(Exception):
    """Carries the line that the unit answers instead."""


@dataclass(frozen=True)
class _Motion:
    """The motor on its way, at constant speed."""

    from_steps: float
    to_steps: float
    begin_ps: int
    end_ps: int

    def at(self, now_ps: int) -> float:
        if now_ps >= self.end_ps:
            return self.to_steps
        part = (now_ps - self.begin_ps) / (self.end_ps - self.begin_ps)
        return self.from_steps + max(0.0, part) * (self.to_steps - self.from_steps)


class Simulator:
    """One DD-100-MC; attenuations are total, insertion loss included [seen].

    serial:                 in the answer to ``CD`` [guess]
    rng:                    not used
    initial_attenuation_db: where the motor was left
    homed:                  whether the unit knows where its motor stands; not so after
                            power-on [seen: clients home first]
    insertion_loss_db, max_attenuation_db: least and greatest attenuation
    scale_error:            true attenuation beyond the insertion loss, relative to what
                            the unit believes
    max_steps, steps_per_s: of the motor [guess]
    echo:                   whether it repeats what it hears (E0, E1)
    done_after_error:       whether ``Done`` follows an error; clients differ [seen]
    mixed_case:             ``Atten:10.00(dB)`` instead of ``ATTEN:10.00`` [seen, both]
    """

    def __init__(
        self,
        *,
        serial: str = "123456",
        rng: np.random.Generator | None = None,
        initial_attenuation_db: float = 1.2,
        homed: bool = False,
        insertion_loss_db: float = 1.2,
        max_attenuation_db: float = 60.0,
        scale_error: float = 0.0,
        max_steps: int = 16_000,
        steps_per_s: float = 8_000.0,
        echo: bool = False,
        done_after_error: bool = True,
        mixed_case: bool = False,
    ) -> None:
        self.serial = serial
        self.insertion_loss_db = insertion_loss_db
        self.max_attenuation_db = max_attenuation_db
        self.scale_error = scale_error
        self.homed = homed
        self.echo = echo
        self.on_change: Callable[[int], None] | None = None
        self._max_steps = max_steps
        self._steps_per_s = steps_per_s
        self._done_after_error = done_after_error
        self._mixed_case = mixed_case
        start = self._steps_of(initial_attenuation_db)
        self._motions = deque([_Motion(start, start, 0, 0)])
        self._outbox = ByteOutbox()
        self._line = bytearray()
        self._free_ps = 0
        self._last_answer: list[str] = []
        self.endpoints: dict[str, ByteMachine] = {"control": self}

    def attenuation_db(self, now_ps: int) -> float:
        """Return the true attenuation, while the motor moves too."""
        while len(self._motions) > 1 and self._motions[1].begin_ps <= now_ps:
            self._motions.popleft()
        shown_db = self._attenuation_of(self._motions[0].at(now_ps))
        beyond_db = shown_db - self.insertion_loss_db
        return self.insertion_loss_db + beyond_db * (1 + self.scale_error)

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        if self.echo:
            self._outbox.put(data, now_ps)
        self._line += data
        *lines, rest = _LINE_END.split(bytes(self._line))
        self._line = bytearray(rest[-256:])
        for line in lines:
            if line.strip():
                self._obey(line.strip().decode("latin-1"), now_ps)

    def take(self, now_ps: int) -> bytes:
        """Give all answers that may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next answer is due."""
        return self._outbox.next_wake_ps()

    def _obey(self, command: str, now_ps: int) -> None:
        # The unit is deaf while its motor turns; its input waits [guess].
        begin_ps = max(now_ps, self._free_ps)
        self._free_ps = begin_ps
        try:
            lines = [*self._answer(command.upper(), begin_ps), "Done"]
        except _Refused as refused:
            lines = [str(refused), *(["Done"] if self._done_after_error else [])]
        if command.upper() != "RES?":
            self._last_answer = lines[:-1]
        text = "".join(f"{line}\r\n" for line in lines)
        self._outbox.put(text.encode("ascii"), self._free_ps + _RESPONSE_PS)

    def _answer(self, command: str, t_ps: int) -> list[str]:
        """Carry out a command from `t_ps` on; return its lines without ``Done``."""
        match command:
            case "CD":
                return self._configuration()
            case "D":
                return [f"DPos:{self._shown_steps()}", self._shown_attenuation()]
            case "A?":
                return [self._shown_attenuation()]
            case "S?":
                return [f"Pos:{self._shown_steps()}"]
            case "RES?":
                return self._last_answer
            case "H" | "RST":
                return self._home(t_ps)
            case "E0" | "E1":
                self.echo = command == "E1"
                return []
            case "F" | "B":
                self._require_homed()
                here = round(self._target())
                return self._go(here + (1 if command == "F" else -1), t_ps)
        if command[0] == "A":
            return self._attenuate(command[1:], t_ps)
        if command[0] == "S":
            return self._step(command[1:], t_ps)
        if command[0] == "L":
            self.insertion_loss_db = _decibels(command[1:])
            return []
        raise _Refused(_BAD_COMMAND)

    def _configuration(self) -> list[str]:
        return [
            "OZ OPTICS DD-100-MC",
            f"S/N: {self.serial}",
            f"IL: {self.insertion_loss_db:.2f}",
            f"MAX ATTEN: {self.max_attenuation_db:.2f}",
        ]

    def _attenuate(self, text: str, t_ps: int) -> list[str]:
        value_db = _decibels(text)
        self._require_homed()
        if not self.insertion_loss_db <= value_db <= self.max_attenuation_db:
            raise _Refused(_OVERFLOW)
        return self._go(self._steps_of(value_db), t_ps)

    def _step(self, text: str, t_ps: int) -> list[str]:
        if _STEPS.fullmatch(text) is None:
            raise _Refused(_BAD_COMMAND)
        self._require_homed()
        here = round(self._target()) if text[0] in "+-" else 0
        return self._go(here + int(text), t_ps)

    def _home(self, t_ps: int) -> list[str]:
        # Home is at the low end: on its way the motor opens the path.
        self._move(0, t_ps)
        self.homed = True
        return ["Diff=0"]

    def _go(self, steps: int, t_ps: int) -> list[str]:
        if not 0 <= steps <= self._max_steps:
            raise _Refused(_OVERFLOW)
        self._move(steps, t_ps)
        return [f"Pos:{steps}"]

    def _move(self, steps: int, t_ps: int) -> None:
        here = self._target()
        way_ps = round(abs(steps - here) / self._steps_per_s * 1e12)
        self._motions.append(_Motion(here, steps, t_ps, t_ps + way_ps))
        self._free_ps = t_ps + way_ps
        if self.on_change is not None:
            self.on_change(t_ps)

    def _require_homed(self) -> None:
        # What the unit says before it has been homed is not known [guess].
        if not self.homed:
            raise _Refused(_BAD_COMMAND)

    def _target(self) -> float:
        return self._motions[-1].to_steps

    def _shown_steps(self) -> str:
        return str(round(self._target())) if self.homed else "unknown"

    def _shown_attenuation(self) -> str:
        value_db = self._attenuation_of(self._target())
        text = f"{value_db:.2f}" if self.homed else "unknown"
        if self._mixed_case:
            return f"Atten:{text}(dB)" if self.homed else f"Atten:{text}"
        return f"ATTEN:{text}"

    def _attenuation_of(self, steps: float) -> float:
        """Return what the calibration in the unit says: quadratic in steps [guess]."""
        span_db = self.max_attenuation_db - self.insertion_loss_db
        return self.insertion_loss_db + span_db * (steps / self._max_steps) ** 2

    def _steps_of(self, value_db: float) -> int:
        span_db = self.max_attenuation_db - self.insertion_loss_db
        part = (value_db - self.insertion_loss_db) / span_db
        return round(self._max_steps * math.sqrt(min(max(part, 0.0), 1.0)))


def _decibels(text: str) -> float:
    """Return a number with up to two decimals."""
    if _NUMBER.fullmatch(text) is None:
        raise _Refused(_BAD_COMMAND)
    return float(text)
