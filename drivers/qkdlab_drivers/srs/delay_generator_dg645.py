"""Stanford Research Systems DG645 digital delay generator.

Commands as in three public clients and in the maker's Python package [seen]; limits
[mem] where those differ. The unit has no counter: it tells whether triggers came, not
how many.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Enum, Ints, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError
from qkdlab.roles import DelayGeneratorCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import byte_line, split_identity
from qkdlab_drivers.srs.line import LerrLine

if TYPE_CHECKING:
    from qkdlab_drivers.srs.spec import Dg645Options

__all__ = ["SrsDg645"]

OUTPUTS = ("AB", "CD", "EF", "GH")
"""Those with edges of their own; T0 marks the cycle and cannot be set."""
LEVEL_OUTPUTS = ("T0", *OUTPUTS)
RESOLUTION_PS = 5
MAX_DELAY_PS = 2000 * 10**12
INSERTION_DELAY_PS = 85_000
MAX_TRIGGER_HZ = 1e7
MIN_AMPLITUDE_V, MAX_AMPLITUDE_V = 0.5, 5.0
MAX_OFFSET_V = 2.0
MAX_LEVEL_V = 6.0
LEVEL_STEP_V = 0.01
MAX_THRESHOLD_V = 3.5
SOURCES = (
    "internal",
    "external rising",
    "external falling",
    "single external rising",
    "single external falling",
    "single shot",
    "line",
)
TIMEBASES = ("internal", "OCXO", "rubidium", "external")
TRIGGERED, TOO_FAST = 1, 2
"""Bits of ``INSR?``."""

_DELAY = re.compile(r"\s*(\d)\s*,\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*")


class SrsDg645(Instrument):
    """The `DelayGenerator` role on a DG645. Options: `Dg645Options`.

    Delays are those of the edges after T0; a pulse leaves the insertion delay later.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Dg645Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = LerrLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self._clock = clock
        self.trigger_source = self.add_parameter(
            "trigger_source",
            docstring="What starts a cycle of delays.",
            vals=Enum(*SOURCES),
            get_cmd=self._get_trigger_source,
            set_cmd=self._set_trigger_source,
        )
        """What starts a cycle of delays."""
        self.trigger_threshold_v = self.add_parameter(
            "trigger_threshold_v",
            unit="V",
            docstring="Level that an external trigger must cross.",
            vals=Numbers(-MAX_THRESHOLD_V, MAX_THRESHOLD_V),
            get_cmd=partial(self.line.ask_float, "TLVL?"),
            set_cmd=self._set_threshold_v,
        )
        """Level that an external trigger must cross."""
        self.timebase = self.add_parameter(
            "timebase",
            docstring="Clock that the delays are counted on.",
            get_cmd=self._get_timebase,
            set_cmd=False,
        )
        """Clock that the delays are counted on."""
        for output in OUTPUTS:
            self._add_output(output)

    def identify(self) -> dict[str, str]:
        """Ask who it is; raises InstrumentError when it is another model."""
        return split_identity(self.line, models=("DG645",))

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(split_identity(self.line, models=("DG645",)))

    def delay_capabilities(self) -> DelayGeneratorCapabilities:
        """Return the limits; insertion delay and trigger rate are nominal [mem]."""
        return DelayGeneratorCapabilities(
            outputs=OUTPUTS,
            resolution_ps=RESOLUTION_PS,
            max_delay_ps=MAX_DELAY_PS,
            max_trigger_hz=MAX_TRIGGER_HZ,
            insertion_delay_ps=INSERTION_DELAY_PS,
        )

    def set_pulse(self, output: str, delay_ps: int, width_ps: int) -> None:
        """Set both edges of a pulse, positive; one without width is no pulse."""
        first = self._first_edge(output)
        delay_ps, width_ps = _to_steps(delay_ps), _to_steps(width_ps)
        if delay_ps < 0 or width_ps < 0 or delay_ps + width_ps > MAX_DELAY_PS:
            raise InstrumentError(
                self.name,
                f"cannot make a pulse of {width_ps} ps after {delay_ps} ps",
                "use whole pulses within 0 to 2000 s",
            )
        self.line.send(f"LPOL {OUTPUTS.index(output) + 1},1")
        self.line.send(f"DLAY {first},0,{_as_seconds(delay_ps)}")
        self.line.send(f"DLAY {first + 1},{first},{_as_seconds(width_ps)}")
        self.line.check_errors("DLAY")
        actual = self.get_pulse(output)
        if actual != (delay_ps, width_ps):
            raise InstrumentError(
                self.name,
                f"set {actual[1]} ps after {actual[0]} ps instead of {width_ps} ps "
                f"after {delay_ps} ps",
                "check that nobody turns its knob",
            )

    def get_pulse(self, output: str) -> tuple[int, int]:
        """Ask for (delay_ps, width_ps), whatever its edges are linked to."""
        first = self._first_edge(output)
        edges_ps = self._after_t0_ps(first), self._after_t0_ps(first + 1)
        return min(edges_ps), abs(edges_ps[1] - edges_ps[0])

    def set_level(self, output: str, amplitude_v: float, offset_v: float = 0.0) -> None:
        """Set the step of a pulse into 50 Ohm and the level from which it goes."""
        at = self._level_output(output)
        if (
            not MIN_AMPLITUDE_V <= amplitude_v <= MAX_AMPLITUDE_V
            or not -MAX_OFFSET_V <= offset_v <= MAX_OFFSET_V
            or not amplitude_v + offset_v <= MAX_LEVEL_V
        ):
            raise InstrumentError(
                self.name,
                f"cannot step by {amplitude_v:g} V from {offset_v:g} V",
                f"use {MIN_AMPLITUDE_V:g} V to {MAX_AMPLITUDE_V:g} V from within "
                f"{MAX_OFFSET_V:g} V, {MAX_LEVEL_V:g} V at most",
            )
        # The smallest step first: old and new values together may pass the limit.
        self.line.send(f"LAMP {at},{MIN_AMPLITUDE_V:.2f}")
        self.line.send(f"LOFF {at},{offset_v:.2f}")
        self.line.send(f"LAMP {at},{amplitude_v:.2f}")
        self.line.check_errors("LAMP")
        actual = self.get_level(output)
        for wanted_v, actual_v in zip((amplitude_v, offset_v), actual, strict=True):
            if abs(wanted_v - actual_v) > 1.5 * LEVEL_STEP_V:
                raise InstrumentError(
                    self.name,
                    f"set {actual_v:g} V at {output} instead of {wanted_v:g} V",
                    "check that nobody turns its knob",
                )

    def get_level(self, output: str) -> tuple[float, float]:
        """Ask for (amplitude_v, offset_v)."""
        at = self._level_output(output)
        return self.line.ask_float(f"LAMP? {at}"), self.line.ask_float(f"LOFF? {at}")

    def set_external_trigger(self, threshold_v: float, *, rising: bool = True) -> None:
        """Take each external trigger: without prescaler, hold-off and bursts.

        Raises InstrumentError without the timebase that the options want.
        """
        self._require_threshold(threshold_v)
        self._require_timebase()
        for command in ("ADVT 0", "HOLD 0", "BURM 0"):
            self.line.send(command)
        self.line.send(f"TLVL {threshold_v:.2f}")
        self.line.send(f"TSRC {1 if rising else 2}")
        self.line.check_errors("TSRC")

    def is_triggered(self) -> bool:
        """Listen for a while; tell whether a trigger came.

        Raises InstrumentError when triggers come faster than the delays allow.
        """
        self.line.ask_int("INSR?")
        self._clock.sleep_until(self._clock.now_ps() + seconds(self.options.listen_s))
        seen = self.line.ask_int("INSR?")
        if seen & TOO_FAST:
            raise InstrumentError(
                self.name,
                "triggers come before the delays before them have ended",
                "shorten its delays or slow down what triggers it",
            )
        return bool(seen & TRIGGERED)

    def safe_state(self) -> None:
        """Nothing to do: a delay drives no hazard."""

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _add_output(self, output: str) -> None:
        """Make parameters of one output: ``ab_delay_ps`` and so on."""
        name = output.lower()
        self.add_parameter(
            f"{name}_delay_ps",
            unit="ps",
            docstring=f"When the pulse of {output} begins after T0.",
            vals=Ints(0, MAX_DELAY_PS),
            get_cmd=lambda: self.get_pulse(output)[0],
            set_cmd=lambda ps: self.set_pulse(output, ps, self.get_pulse(output)[1]),
        )
        self.add_parameter(
            f"{name}_width_ps",
            unit="ps",
            docstring=f"How long the pulse of {output} lasts.",
            vals=Ints(0, MAX_DELAY_PS),
            get_cmd=lambda: self.get_pulse(output)[1],
            set_cmd=lambda ps: self.set_pulse(output, self.get_pulse(output)[0], ps),
        )
        self.add_parameter(
            f"{name}_amplitude_v",
            unit="V",
            docstring=f"Step of the pulse of {output} into 50 Ohm.",
            vals=Numbers(MIN_AMPLITUDE_V, MAX_AMPLITUDE_V),
            get_cmd=lambda: self.get_level(output)[0],
            set_cmd=lambda v: self.set_level(output, v, self.get_level(output)[1]),
        )
        self.add_parameter(
            f"{name}_offset_v",
            unit="V",
            docstring=f"Level from which the pulse of {output} goes.",
            vals=Numbers(-MAX_OFFSET_V, MAX_OFFSET_V),
            get_cmd=lambda: self.get_level(output)[1],
            set_cmd=lambda v: self.set_level(output, self.get_level(output)[0], v),
        )

    def _require_timebase(self) -> None:
        if self.options.timebase == "external" and self._get_timebase() != "external":
            raise InstrumentError(
                self.name,
                "does not count on its external timebase",
                "look at the cable from the clock's 10 MHz output to its rear",
            )

    def _first_edge(self, output: str) -> int:
        if output not in OUTPUTS:
            raise self._no_output(output, OUTPUTS)
        return 2 + 2 * OUTPUTS.index(output)

    def _level_output(self, output: str) -> int:
        if output not in LEVEL_OUTPUTS:
            raise self._no_output(output, LEVEL_OUTPUTS)
        return LEVEL_OUTPUTS.index(output)

    def _no_output(self, output: str, known: tuple[str, ...]) -> InstrumentError:
        return InstrumentError(
            self.name, f"has no settable output {output}", f"use {', '.join(known)}"
        )

    def _after_t0_ps(self, edge: int) -> int:
        """Follow an edge's links back to T0."""
        total_ps, at = 0, edge
        for _ in range(10):
            if at == 0:
                return total_ps
            query = f"DLAY? {at}"
            answer = self.line.ask(query)
            found = _DELAY.fullmatch(answer)
            if found is None:
                raise self.line.strange(query, answer)
            at = int(found.group(1))
            total_ps += seconds(float(found.group(2)))
        raise self.line.strange(f"DLAY? {edge}", "links that go in a circle")

    def _get_trigger_source(self) -> str:
        return self._one_of("TSRC?", SOURCES)

    def _set_trigger_source(self, source: str) -> None:
        self.line.send(f"TSRC {SOURCES.index(source)}")
        self.line.check_errors("TSRC")

    def _set_threshold_v(self, value_v: float) -> None:
        self._require_threshold(value_v)
        self.line.send(f"TLVL {value_v:.2f}")
        self.line.check_errors("TLVL")

    def _require_threshold(self, value_v: float) -> None:
        if not -MAX_THRESHOLD_V <= value_v <= MAX_THRESHOLD_V:
            raise InstrumentError(
                self.name,
                f"cannot trigger at {value_v:g} V",
                f"use -{MAX_THRESHOLD_V:g} V to {MAX_THRESHOLD_V:g} V",
            )

    def _get_timebase(self) -> str:
        return self._one_of("TIMB?", TIMEBASES)

    def _one_of(self, query: str, words: tuple[str, ...]) -> str:
        value = self.line.ask_int(query)
        if not 0 <= value < len(words):
            raise self.line.strange(query, str(value))
        return words[value]


def _to_steps(value_ps: int) -> int:
    return RESOLUTION_PS * round(value_ps / RESOLUTION_PS)


def _as_seconds(value_ps: int) -> str:
    """Write picoseconds as seconds, exactly."""
    whole, rest = divmod(value_ps, 10**12)
    return f"{whole}.{rest:012d}"
