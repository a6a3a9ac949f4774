"""The instrument as a whole: one line, five outputs, one trigger input."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine, ByteOutbox
from qkdlab_sims.instruments.srs_dg645 import triggers
from qkdlab_sims.instruments.srs_dg645.commands import Command, commands_of
from qkdlab_sims.instruments.srs_dg645.edges import FIRST_EDGE, LAST_EDGE, T0, T1, Edges
from qkdlab_sims.instruments.srs_dg645.errors import (
    ILLEGAL_MODE,
    ILLEGAL_QUERY,
    ILLEGAL_SET,
    ILLEGAL_VALUE,
    LOST_DATA,
    RECALL_FAILED,
    UNDEFINED_COMMAND,
    Refused,
    Status,
)
from qkdlab_sims.instruments.srs_dg645.settings import Settings

__all__ = ["DelayPulse", "Simulator"]

OUTPUTS = ("T0", "AB", "CD", "EF", "GH")
MAX_LEVEL_V = 6.0
"""Of amplitude and offset together [mem]."""
INPUT_LIMIT_BYTES = 512
T0_TAIL_PS = 25_000
"""T0 falls this long after the last edge [guess]."""
_TIMEBASE = {False: 0, True: 3}
_LINE_END = re.compile(rb"[\r\n]")

Saved = tuple[dict[tuple[str, int], float], dict[int, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class DelayPulse:
    """What leaves an output for each trigger, into 50 Ohm.

    delay_ps:    from the trigger at the input, insertion delay included
    width_ps:    0 when there is no pulse
    amplitude_v: of the step
    offset_v:    the level between pulses; with `positive` False the output stands at
                 offset + amplitude and goes down to the offset for the pulse
    """

    delay_ps: int
    width_ps: int
    amplitude_v: float
    offset_v: float
    positive: bool


class Simulator:
    """DG645 on its raw socket (TCP port 5025; LF in, CR LF out) [seen].

    serial:              in ``*IDN?``
    rng:                 not used: the world draws the jitter
    insertion_delay_ps:  from the trigger input to T0 [mem: 85 ns]
    jitter_rms_ps:       of each pulse against the trigger [mem: below 25 ps]
    timebase_ppm:        error of the crystal; an external 10 MHz replaces it
    reference_present:   whether an external 10 MHz arrives
    """

    def __init__(
        self,
        *,
        serial: str = "001013",
        rng: np.random.Generator | None = None,
        insertion_delay_ps: int = 85_000,
        jitter_rms_ps: float = 25.0,
        timebase_ppm: float = 0.0,
        reference_present: bool = False,
        firmware: str = "1.00.10E",
    ) -> None:
        self.insertion_delay_ps = insertion_delay_ps
        self.jitter_rms_ps = jitter_rms_ps
        self.timebase_ppm = timebase_ppm
        self.reference_present = reference_present
        self.identity = f"Stanford Research Systems,DG645,s/n{serial},ver{firmware}"
        self.on_change: Callable[[int], None] | None = None
        self.trigger_rate: Callable[[int], float] = lambda now_ps: 0.0
        """Supplied by the world: edges a second that cross the threshold."""
        self.settings = Settings()
        self.edges = Edges()
        self.status = Status()
        self._display = (0, 0)
        self._armed = False
        self._saved: dict[int, Saved] = {}
        self._looked_ps = 0
        self._outbox = ByteOutbox()
        self._line = bytearray()
        self.endpoints: dict[str, ByteMachine] = {"control": self}

    def pulse(self, output: str) -> DelayPulse:
        """Return the pulse of one output; its two edges may come in either order."""
        at = OUTPUTS.index(output)
        if at == 0:
            first_ps, last_ps = 0, self.edges.after_t0_ps(T1) + T0_TAIL_PS
        else:
            both_ps = [self.edges.after_t0_ps(2 * at + i) for i in (0, 1)]
            first_ps, last_ps = min(both_ps), max(both_ps)
        first_ps, last_ps = self._true_ps(first_ps), self._true_ps(last_ps)
        return DelayPulse(
            delay_ps=self.insertion_delay_ps + first_ps,
            width_ps=last_ps - first_ps,
            amplitude_v=self.settings.get("LAMP", at),
            offset_v=self.settings.get("LOFF", at),
            positive=self.settings.get("LPOL", at) == 1,
        )

    def trigger_source(self) -> str:
        """Return what starts a cycle, such as ``external rising``."""
        return triggers.SOURCES[int(self.settings.get("TSRC"))]

    def trigger_threshold_v(self) -> float:
        """Return the level that an external trigger must cross."""
        return self.settings.get("TLVL")

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        self._line += data
        *lines, rest = _LINE_END.split(bytes(self._line))
        self._line = bytearray(rest)
        if len(rest) > INPUT_LIMIT_BYTES:
            self._line.clear()
            self.status.note(LOST_DATA)
        for line in lines:
            self._obey(line, now_ps)

    def take(self, now_ps: int) -> bytes:
        """Give all answers that may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next answer is due."""
        return self._outbox.next_wake_ps()

    def _true_ps(self, set_ps: int) -> int:
        """Return how long the unit's timebase makes a delay."""
        if self.reference_present:
            return set_ps
        return round(set_ps * (1 + 1e-6 * self.timebase_ppm))

    def _obey(self, line: bytes, now_ps: int) -> None:
        # An error ends its line [guess]; a refused query stays unanswered [seen].
        try:
            for command in commands_of(line):
                self._look(now_ps)
                if command.query:
                    answer = self._ask(command)
                    self._outbox.put(answer.encode("ascii") + b"\r\n", now_ps)
                else:
                    self._do(command, now_ps)
        except Refused as refused:
            self.status.note(refused.code)

    def _look(self, now_ps: int) -> None:
        """Note what the triggers since the last look have left behind."""
        rate = triggers.rate_hz(self.settings, self.trigger_rate(now_ps))
        n = triggers.triggers(rate, self._looked_ps, now_ps)
        self._looked_ps = now_ps
        if int(self.settings.get("TSRC")) in triggers.SINGLE_EXTERNAL:
            n, self._armed = (n, False) if self._armed and n else (0, self._armed)
        if n > 0:
            self._note_trigger(rate)

    def _note_trigger(self, rate: float) -> None:
        last_edge_ps = self.edges.after_t0_ps(T1)
        self.status.instrument |= triggers.events(self.settings, rate, last_edge_ps)

    def _ask(self, command: Command) -> str:
        if command.name in self.settings:
            return self.settings.ask(command)
        match command.name:
            case "DLAY":
                command.expect(1)
                reference, delay_ps = self.edges.get(command.integer(0, T0, LAST_EDGE))
                return f"{reference},{delay_ps * 1e-12:+.12f}"
            case "LINK":
                command.expect(1)
                return str(self.edges.get(command.integer(0, T0, LAST_EDGE))[0])
            case "IFCF" | "EPHY":
                command.expect(1)
                return "0"
        command.expect(0)
        match command.name:
            case "*IDN":
                return self.identity
            case "LERR":
                return str(self.status.take_error())
            case "INSR":
                return str(self.status.take_instrument())
            case "INSE":
                return str(self.status.instrument_enable)
            case "*ESR":
                return str(self.status.take_event())
            case "*ESE":
                return str(self.status.event_enable)
            case "*SRE":
                return str(self.status.request_enable)
            case "*STB":
                waiting = self._outbox.next_wake_ps() is not None
                return str(self.status.byte(message_available=waiting))
            case "TIMB":
                return str(_TIMEBASE[self.reference_present])
            case "DISP":
                return f"{self._display[0]},{self._display[1]}"
            case "EMAC":
                return "00:19:B3:02:03:E9"
            case "*OPC" | "LOCK" | "UNLK":
                return "1"
            case "*TST" | "*CAL":
                return "0"
            case "*RST" | "*CLS" | "*TRG" | "*SAV" | "*RCL" | "*WAI" | "SPDL":
                raise Refused(ILLEGAL_QUERY)
            case _:
                raise Refused(UNDEFINED_COMMAND)

    def _do(self, command: Command, now_ps: int) -> None:
        if command.name in self.settings:
            self._set(command)
            self._tell_change(now_ps)
            return
        match command.name:
            case "DLAY":
                command.expect(3)
                edge = command.integer(0, FIRST_EDGE, LAST_EDGE)
                reference = command.integer(1, T0, LAST_EDGE)
                self.edges.set(edge, reference, round(command.number(2) * 1e12))
            case "LINK":
                command.expect(2)
                edge = command.integer(0, FIRST_EDGE, LAST_EDGE)
                self.edges.link(edge, command.integer(1, T0, LAST_EDGE))
            case "SPDL":
                self._step_delay(command)
            case "*RST":
                self._reset()
            case "*SAV":
                saved = self.settings.saved(), self.edges.saved()
                self._saved[self._place(command, 1)] = saved
            case "*RCL":
                self._recall(self._place(command, 0))
            case "*TRG":
                self._trigger()
            case _:
                self._do_status(command)
                return
        self._tell_change(now_ps)

    def _do_status(self, command: Command) -> None:
        """Obey a command that moves no edge and no level."""
        match command.name:
            case "*CLS":
                self.status.clear()
            case "*ESE":
                command.expect(1)
                self.status.event_enable = command.integer(0, 0, 255)
            case "*SRE":
                command.expect(1)
                self.status.request_enable = command.integer(0, 0, 255)
            case "INSE":
                command.expect(1)
                self.status.instrument_enable = command.integer(0, 0, 255)
            case "DISP":
                command.expect(2)
                self._display = command.integer(0, 0, 14), command.integer(1, 0, 9)
            case "*OPC":
                self.status.event |= 1
            case "*WAI" | "REMT" | "LCAL" | "IFCF" | "IFRS" | "EPHY" | "XTRM":
                pass
            case "LERR" | "INSR" | "*IDN" | "*ESR" | "*STB" | "TIMB" | "EMAC":
                raise Refused(ILLEGAL_SET)
            case _:
                raise Refused(UNDEFINED_COMMAND)

    def _set(self, command: Command) -> None:
        before = self.settings.saved()
        self.settings.do(command)
        levels = ("LAMP", "LOFF")
        if command.name in levels:
            at = int(command.parameters[0])
            total_v = self.settings.get("LAMP", at) + self.settings.get("LOFF", at)
            if total_v > MAX_LEVEL_V + 1e-9:
                self.settings.restore(before)
                raise Refused(ILLEGAL_VALUE)

    def _step_delay(self, command: Command) -> None:
        command.expect(2)
        edge = command.integer(0, FIRST_EDGE, LAST_EDGE)
        sign = 1 if command.integer(1, 0, 1) else -1
        reference, delay_ps = self.edges.get(edge)
        step_ps = round(self.settings.get("SSDL", edge) * 1e12)
        self.edges.set(edge, reference, delay_ps + sign * step_ps)

    def _trigger(self) -> None:
        source = int(self.settings.get("TSRC"))
        if source in triggers.SINGLE_EXTERNAL:
            self._armed = True
        elif source == triggers.SINGLE_SHOT:
            self._note_trigger(0.0)
        else:
            raise Refused(ILLEGAL_MODE)

    def _place(self, command: Command, low: int) -> int:
        command.expect(1)
        return command.integer(0, low, 9)

    def _recall(self, place: int) -> None:
        if place == 0:
            self._reset()
            return
        if place not in self._saved:
            raise Refused(RECALL_FAILED)
        settings, edges = self._saved[place]
        self.settings.restore(settings)
        self.edges.restore(edges)

    def _reset(self) -> None:
        self.settings.reset()
        self.edges.reset()
        self._armed = False

    def _tell_change(self, now_ps: int) -> None:
        if self.on_change is not None:
            self.on_change(now_ps)
