"""Keysight 33622A arbitrary waveform generator.

33500/33600 operating guide and the public drivers of this family [seen, doc]; the
reference for each command stands with the simulator. Voltages are into 50 Ohm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qcodes.instrument import Instrument, InstrumentChannel
from qcodes.validators import Bool

from qkdlab.clock import Clock
from qkdlab.errors import InstrumentError
from qkdlab.roles import PatternGeneratorCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.keysight.quantise import Waveform, fit
from qkdlab_drivers.scpi import ScpiLine, byte_line, split_identity

if TYPE_CHECKING:
    from qcodes.parameters import Parameter

    from qkdlab_drivers.keysight.spec import Keysight33622AOptions

__all__ = ["Keysight33622A", "Keysight33622AChannel"]

MODELS = ("33622A",)
CHANNELS = (1, 2)
DAC_BITS = 14
MIN_SAMPLES = 32
MIN_RATE_HZ = 1e-6
MAX_RATE_HZ = {"STEP": 1e9, "NORM": 1e9, "OFF": 250e6}
MAX_OUTPUT_V = 5.0
READBACK_RELATIVE = 1e-6
LOOP_UNLOCKED = 32
"""Bit of the questionable condition: the reference's phase-locked loop [mem]."""
PLAIN_SOURCE = (
    "TRAC OFF",
    "VOLT:COUP OFF",
    "RATE:COUP OFF",
    "COMB:FEED NONE",
    *(f"{mode}:STAT OFF" for mode in ("BURS", "SWE", "AM", "FM", "PM", "FSK")),
    *(f"{mode}:STAT OFF" for mode in ("BPSK", "PWM", "SUM")),
    "FUNC:ARB:ADV SRAT",
)
PLAIN_OUTPUT = ("MODE NORM", "SYNC:MODE NORM", "SYNC:POL NORM")
"""What the last user may have switched on, and what would spoil a pattern: other
channels, modulation, bursts, triggers [seen; those of two channels mem]."""


class Keysight33622AChannel(InstrumentChannel["Keysight33622A"]):
    """One output: its settings as parameters."""

    def __init__(self, parent: Keysight33622A, name: str, number: int) -> None:
        super().__init__(parent, name)
        line = parent.line
        source = f"SOUR{number}"

        def setting(
            parameter: str, header: str, get: Any, unit: str, docstring: str
        ) -> Parameter[Any, Any]:
            return self.add_parameter(
                parameter,
                unit=unit,
                docstring=docstring,
                get_cmd=lambda: get(f"{header}?"),
                set_cmd=lambda value: line.command(f"{header} {value}"),
            )

        self.function = setting("function", f"{source}:FUNC", line.ask, "", "Function.")
        """SIN, SQU, TRI, RAMP, PULS, PRBS, NOIS, ARB or DC."""
        self.amplitude_v = setting(
            "amplitude_v", f"{source}:VOLT", line.ask_float, "V", "Peak to peak."
        )
        """Amplitude, peak to peak at the set load."""
        self.offset_v = setting(
            "offset_v", f"{source}:VOLT:OFFS", line.ask_float, "V", "Offset."
        )
        """Offset at the set load."""
        self.load_ohm = setting(
            "load_ohm", f"OUTP{number}:LOAD", line.ask_float, "Ohm", "Assumed load."
        )
        """Load that shown voltages are for; 9.9e37 for an open end."""
        self.sample_rate_hz = setting(
            "sample_rate_hz",
            f"{source}:FUNC:ARB:SRAT",
            line.ask_float,
            "Hz",
            "Sample rate of arbitrary waveforms.",
        )
        """Sample rate of arbitrary waveforms."""
        self.filter = setting(
            "filter", f"{source}:FUNC:ARB:FILT", line.ask, "", "Output filter."
        )
        """Filter of arbitrary waveforms: NORM, STEP or OFF."""
        self.output = self.add_parameter(
            "output",
            docstring="Whether the output relay is closed.",
            vals=Bool(),
            get_cmd=lambda: line.ask_bool(f"OUTP{number}?"),
            set_cmd=lambda on: line.command(f"OUTP{number} {'ON' if on else 'OFF'}"),
        )
        """Whether the output is on."""


class Keysight33622A(Instrument):
    """The `PatternGenerator` role on a Keysight 33622A.

    Nothing is written until it is used. Each operation ends with ``*OPC?`` and a look
    at the error queue. Options: `Keysight33622AOptions`.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Keysight33622AOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = ScpiLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self.ch1 = Keysight33622AChannel(self, "ch1", 1)
        """Output 1."""
        self.ch2 = Keysight33622AChannel(self, "ch2", 2)
        """Output 2."""
        self.add_submodule("ch1", self.ch1)
        self.add_submodule("ch2", self.ch2)
        self._loaded: set[int] = set()

    def identify(self) -> dict[str, str]:
        """Ask who it is; raises InstrumentError when it is another model."""
        return split_identity(self.line, models=MODELS)

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self.identify())

    def pattern_capabilities(self) -> PatternGeneratorCapabilities:
        """Return the limits with the filter of the options."""
        return PatternGeneratorCapabilities(
            n_channels=len(CHANNELS),
            max_sample_rate_hz=MAX_RATE_HZ[self.options.filter],
            min_samples=MIN_SAMPLES,
            max_samples=self.options.max_samples,
            dac_bits=DAC_BITS,
            max_amplitude_v=MAX_OUTPUT_V,
        )

    def load_waveforms(
        self,
        volts: dict[int, NDArray[np.float64]],
        sample_rate_hz: float,
        spans_v: Mapping[int, tuple[float, float]] | None = None,
    ) -> dict[int, NDArray[np.float64]]:
        """Upload one period per channel, outputs off; see `PatternGenerator`.

        The amplitude is chosen so that each waveform, or its span, fills the
        converter's range. Whatever somebody left switched on that would act on the
        outputs is switched off.
        """
        spans = dict(spans_v or {})
        self._check(volts, sample_rate_hz, spans)
        self._loaded.clear()
        # Big-endian is the instrument's default; SWAP spares it turning the bytes.
        self.line.command("OUTP1 OFF", "OUTP2 OFF", "FORM:BORD SWAP")
        self._make_plain()
        self._set_reference()
        given = {}
        for channel, samples in volts.items():
            array = np.asarray(samples, dtype=np.float64)
            waveform = fit(array, MAX_OUTPUT_V, spans.get(channel))
            given[channel] = self._load(channel, waveform, sample_rate_hz)
            self._loaded.add(channel)
        return given

    def start(self) -> None:
        """Switch the loaded outputs on and restart their waveforms in step.

        The restart comes last: an output that is switched on may restart its waveform
        alone (users' reports differ).
        """
        if not self._loaded:
            raise InstrumentError(
                self.name, "has no waveform to start", "load waveforms first"
            )
        self._require_reference()
        channels = sorted(self._loaded)
        self.line.command(*(f"OUTP{n} ON" for n in channels), "FUNC:ARB:SYNC")

    def stop(self) -> None:
        """Switch both outputs off."""
        self.line.command("OUTP1 OFF", "OUTP2 OFF")

    def safe_state(self) -> None:
        """Switch both outputs off, and make sure of it."""
        for n in CHANNELS:
            self.line.send_now(f"OUTP{n} OFF")
        for n in CHANNELS:
            if self.line.ask_bool(f"OUTP{n}?"):
                raise self._refused(
                    f"output {n} stays on", "switch it off at its front panel"
                )

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _make_plain(self) -> None:
        for n in CHANNELS:
            commands = [f"SOUR{n}:{setting}" for setting in PLAIN_SOURCE]
            commands += [f"OUTP{n}:{setting}" for setting in PLAIN_OUTPUT]
            self.line.send(";:".join(commands))
        self.line.finish("switching off modulation, bursts and coupling")

    def _set_reference(self) -> None:
        source = {"internal": "INT", "external": "EXT", None: None}
        wanted = source[self.options.reference]
        if wanted is not None:
            self.line.command(f"ROSC:SOUR {wanted}")
        if self.options.sync_channel is not None:
            self.line.command(
                f"OUTP:SYNC:SOUR CH{self.options.sync_channel}", "OUTP:SYNC ON"
            )

    def _require_reference(self) -> None:
        """Raise InstrumentError when the external reference was lost meanwhile."""
        if self.options.reference != "external":
            return
        if self.line.ask_int("STAT:QUES:COND?") & LOOP_UNLOCKED:
            raise self._refused(
                "is not locked to its external reference",
                "look at the cable from the clock's 10 MHz output to Ref In",
            )

    def _load(
        self, channel: int, waveform: Waveform, sample_rate_hz: float
    ) -> NDArray[np.float64]:
        line, source, name = self.line, f"SOUR{channel}", f"QKDLAB{channel}"
        limit_s = self.options.load_timeout_s
        line.command(f"{source}:DATA:VOL:CLE", timeout_s=limit_s)
        line.send_block(
            f"{source}:DATA:ARB:DAC {name},", waveform.codes.astype("<i2").tobytes()
        )
        line.finish(f"{source}:DATA:ARB:DAC", timeout_s=limit_s)
        line.command(
            f"OUTP{channel}:LOAD 50",
            f"OUTP{channel}:POL NORM",
            f"{source}:VOLT:UNIT VPP",
            # The filter comes before the rate, which it limits, and the offset after
            # the amplitude, with which it shares the range.
            f"{source}:FUNC:ARB:FILT {self.options.filter}",
            f"{source}:FUNC:ARB:SRAT {sample_rate_hz:.15g}",
            f'{source}:FUNC:ARB "{name}"',
            f"{source}:FUNC ARB",
            f"{source}:VOLT:OFFS 0",
            f"{source}:VOLT {waveform.amplitude_v:.6f}",
            f"{source}:VOLT:OFFS {waveform.offset_v:.6f}",
            timeout_s=limit_s,
        )
        self._confirm(f"{source}:FUNC:ARB:SRAT?", sample_rate_hz, "Hz")
        self._confirm(f"{source}:FUNC:ARB:POIN?", len(waveform.codes), "points")
        amplitude_v = self._confirm(f"{source}:VOLT?", waveform.amplitude_v, "V")
        offset_v = self._confirm(f"{source}:VOLT:OFFS?", waveform.offset_v, "V")
        return Waveform(waveform.codes, amplitude_v, offset_v).volts()

    def _confirm(self, query: str, wanted: float, unit: str) -> float:
        """Ask what was really set; raise InstrumentError when it is something else."""
        actual = self.line.ask_float(query)
        if abs(actual - wanted) > READBACK_RELATIVE * max(abs(wanted), 1.0):
            raise InstrumentError(
                self.name,
                f"{query} answers {actual:.9g} {unit} instead of {wanted:.9g} {unit}",
                "compare the settings with the limits in its manual",
            )
        return actual

    def _check(
        self,
        volts: dict[int, NDArray[np.float64]],
        sample_rate_hz: float,
        spans_v: dict[int, tuple[float, float]],
    ) -> None:
        """Raise InstrumentError when a limit is broken; nothing is sent."""
        top_hz = MAX_RATE_HZ[self.options.filter]
        if not MIN_RATE_HZ <= sample_rate_hz <= top_hz:
            raise self._refused(
                f"{sample_rate_hz:.9g} Hz is no sample rate with filter "
                f"{self.options.filter}",
                f"use at most {top_hz:.9g} Hz",
            )
        if not volts or not set(volts) <= set(CHANNELS):
            raise self._refused(f"has no channels {sorted(volts)}", "use 1 and 2")
        lengths = {np.shape(samples) for samples in volts.values()}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise self._refused(
                "got waveforms of different lengths", "give one period to each channel"
            )
        n_samples = lengths.pop()[0]
        if not MIN_SAMPLES <= n_samples <= self.options.max_samples:
            raise self._refused(
                f"cannot hold {n_samples} samples",
                f"use {MIN_SAMPLES} to {self.options.max_samples}",
            )
        for channel, samples in volts.items():
            # `not <=` also refuses NaN.
            if not np.all(np.abs(samples) <= MAX_OUTPUT_V):
                raise self._refused(
                    f"cannot give the voltages for channel {channel}",
                    f"use -{MAX_OUTPUT_V:g} V to {MAX_OUTPUT_V:g} V",
                )
            low_v, high_v = spans_v.get(channel, (-MAX_OUTPUT_V, MAX_OUTPUT_V))
            within = -MAX_OUTPUT_V <= low_v <= high_v <= MAX_OUTPUT_V
            # Half a millivolt forgives the rounding of whoever computed the span.
            slack_v = 0.5e-3
            within &= bool(np.min(samples) >= low_v - slack_v)
            within &= bool(np.max(samples) <= high_v + slack_v)
            if not within:
                raise self._refused(
                    f"got a waveform for channel {channel} outside its span of "
                    f"{low_v:g} V to {high_v:g} V",
                    "give a span that holds the waveform, within the output's range",
                )

    def _refused(self, what: str, hint: str) -> InstrumentError:
        return InstrumentError(self.name, what, hint)
