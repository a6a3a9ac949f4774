"""The instrument as a whole: one line, five outputs, one trigger input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.srs import Call, ErrorFifo, Fault, SrsError, SrsMachine
from qkdlab_sims.instruments.srs_dg645 import triggers
from qkdlab_sims.instruments.srs_dg645.edges import FIRST_EDGE, LAST_EDGE, T0, T1, Edges
from qkdlab_sims.instruments.srs_dg645.settings import Settings

__all__ = ["DelayPulse", "Simulator"]

OUTPUTS = ("T0", "AB", "CD", "EF", "GH")
MAX_LEVEL_V = 6.0
"""Of amplitude and offset together [mem]."""
INPUT_LIMIT_BYTES = 512
T0_TAIL_PS = 25_000
"""T0 falls this long after the last edge [guess]."""
_TIMEBASE = {False: 0, True: 3}
_INSTRUMENT_SUMMARY_BIT = 0
"""Of ``*STB?`` [seen]."""

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
        self.on_change: Callable[[int], None] | None = None
        self.trigger_rate: Callable[[int], float] = lambda now_ps: 0.0
        """Supplied by the world: edges a second that cross the threshold."""
        self.settings = Settings()
        self.edges = Edges()
        self._errors = ErrorFifo()
        self._events, self._events_enabled = 0, 0
        self._display = (0, 0)
        self._armed = False
        self._saved: dict[int, Saved] = {}
        self._looked_ps = 0
        self.machine = SrsMachine(
            f"Stanford Research Systems,DG645,s/n{serial},ver{firmware}",
            self._errors,
            limit_bytes=INPUT_LIMIT_BYTES,
            joins_answers=False,
        )
        self.machine.before = self._look
        self.machine.summary = self._summary
        self.machine.on_reset = self._reset
        self.machine.on_clear = self._forget_events
        self._add_commands()
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

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

    def _true_ps(self, set_ps: int) -> int:
        """Return how long the unit's timebase makes a delay."""
        if self.reference_present:
            return set_ps
        return round(set_ps * (1 + 1e-6 * self.timebase_ppm))

    def _add_commands(self) -> None:
        add = self.machine.add
        for name in self.settings:
            add(name, do=partial(self._set, name), ask=partial(self.settings.ask, name))
        add("DLAY", do=self._set_delay, ask=self._delay)
        add("LINK", do=self._set_link, ask=self._link)
        add("SPDL", do=self._step_delay)
        add("DISP", do=self._set_display, ask=self._shown)
        add("INSE", do=self._enable_events, ask=lambda call: str(self._events_enabled))
        add("INSR", ask=self._pop_events)
        add("LERR", ask=lambda call: str(self._errors.pop()))
        add("TIMB", ask=lambda call: str(_TIMEBASE[self.reference_present]))
        add("*SAV", do=self._save)
        add("*RCL", do=self._recall)
        add("*TRG", do=self._trigger)
        add("*CAL", ask=lambda call: "0")
        add("EMAC", ask=lambda call: "00:19:B3:02:03:E9")
        for name in ("LOCK", "UNLK"):
            add(name, ask=lambda call: "1")
        for name in ("REMT", "LCAL", "IFRS", "XTRM"):
            add(name, do=lambda call: None)
        for name in ("IFCF", "EPHY"):
            add(name, do=lambda call: None, ask=lambda call: "0")

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
        self._events |= triggers.events(self.settings, rate, last_edge_ps)

    def _summary(self) -> int:
        return bool(self._events & self._events_enabled) << _INSTRUMENT_SUMMARY_BIT

    def _pop_events(self, call: Call) -> str:
        call.expect(0)
        events, self._events = self._events, 0
        return str(events)

    def _enable_events(self, call: Call) -> None:
        call.expect(1)
        self._events_enabled = call.integer(0, 255)

    def _forget_events(self) -> None:
        self._events = 0

    def _set(self, name: str, call: Call) -> None:
        before = self.settings.saved()
        self.settings.do(name, call)
        if name in ("LAMP", "LOFF"):
            at = int(call.parameters[0])
            total_v = self.settings.get("LAMP", at) + self.settings.get("LOFF", at)
            if total_v > MAX_LEVEL_V + 1e-9:
                self.settings.restore(before)
                raise SrsError(Fault.ILLEGAL_VALUE)
        self._changed(call)

    def _set_delay(self, call: Call) -> None:
        call.expect(3)
        edge = call.integer(FIRST_EDGE, LAST_EDGE)
        reference = call.integer(T0, LAST_EDGE, at=1)
        self.edges.set(edge, reference, round(call.decimal(2) * 1e12))
        self._changed(call)

    def _delay(self, call: Call) -> str:
        call.expect(1)
        reference, delay_ps = self.edges.get(call.integer(T0, LAST_EDGE))
        return f"{reference},{delay_ps * 1e-12:+.12f}"

    def _set_link(self, call: Call) -> None:
        call.expect(2)
        edge = call.integer(FIRST_EDGE, LAST_EDGE)
        self.edges.link(edge, call.integer(T0, LAST_EDGE, at=1))
        self._changed(call)

    def _link(self, call: Call) -> str:
        call.expect(1)
        return str(self.edges.get(call.integer(T0, LAST_EDGE))[0])

    def _step_delay(self, call: Call) -> None:
        call.expect(2)
        edge = call.integer(FIRST_EDGE, LAST_EDGE)
        sign = 1 if call.integer(0, 1, at=1) else -1
        reference, delay_ps = self.edges.get(edge)
        step_ps = round(self.settings.get("SSDL", edge) * 1e12)
        self.edges.set(edge, reference, delay_ps + sign * step_ps)
        self._changed(call)

    def _set_display(self, call: Call) -> None:
        call.expect(2)
        self._display = call.integer(0, 14), call.integer(0, 9, at=1)

    def _shown(self, call: Call) -> str:
        call.expect(0)
        return f"{self._display[0]},{self._display[1]}"

    def _trigger(self, call: Call) -> None:
        call.expect(0)
        source = int(self.settings.get("TSRC"))
        if source in triggers.SINGLE_EXTERNAL:
            self._armed = True
        elif source == triggers.SINGLE_SHOT:
            self._note_trigger(0.0)
        else:
            raise SrsError(Fault.ILLEGAL_MODE)

    def _save(self, call: Call) -> None:
        call.expect(1)
        place = call.integer(1, 9)
        self._saved[place] = self.settings.saved(), self.edges.saved()

    def _recall(self, call: Call) -> None:
        call.expect(1)
        place = call.integer(0, 9)
        if place == 0:
            self._reset(call)
            return
        if place not in self._saved:
            raise SrsError(Fault.RECALL_FAILED)
        settings, edges = self._saved[place]
        self.settings.restore(settings)
        self.edges.restore(edges)
        self._changed(call)

    def _reset(self, call: Call) -> None:
        self.settings.reset()
        self.edges.reset()
        self._armed = False
        self._changed(call)

    def _changed(self, call: Call) -> None:
        if self.on_change is not None:
            self.on_change(call.now_ps)
