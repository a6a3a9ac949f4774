"""FPGA transmitter with counter-mode settings (docs/fpga-transmitter.md).

The dialect is our own: boards are built to the document, and the document is what this
driver was checked against.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qcodes.instrument import Instrument
from qcodes.validators import Bool

from qkdlab.clock import Clock
from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.roles import CounterTransmitterCapabilities, PatternGeneratorCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import ScpiLine, byte_line, split_identity

if TYPE_CHECKING:
    from qkdlab_drivers.open_hardware.spec import FpgaTransmitterOptions

__all__ = ["FpgaTransmitter"]

MODELS = ("FPGA-TRANSMITTER",)
CHANNELS = (1, 2)
KEY_BYTES = 16
NONCE_BYTES = 8
N_LEVELS = 256
TOTAL_SHARES = 1 << 15
DAC_BITS = 14
FULL_SCALE_V = 2.0
FULL_SCALE_CODE = 32767
CODE_STEP = 4
MAX_CODE = FULL_SCALE_CODE // CODE_STEP * CODE_STEP
MAX_V = FULL_SCALE_V * MAX_CODE / FULL_SCALE_CODE
MIN_POINTS = 32
MAX_DIVISOR = 1024
MARKERS = 1 << 10, 1 << 30


class FpgaTransmitter(Instrument):
    """The roles `PatternGenerator` and `CounterModeTransmitter` on one board.

    Output 1 drives the intensity modulator, output 2 the polarization modulator; their
    range is fixed. Nothing is written until it is used. Options:
    `FpgaTransmitterOptions`.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: FpgaTransmitterOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = ScpiLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self._is_loaded = False
        self.output_on = self.add_parameter(
            "output_on",
            docstring="Whether both outputs are on.",
            vals=Bool(),
            get_cmd=lambda: self.line.ask_bool("OUTP?"),
            set_cmd=lambda on: self.line.command(f"OUTP {'ON' if on else 'OFF'}"),
        )
        """Whether both outputs are on."""
        self.locked = self.add_parameter(
            "locked",
            docstring="Whether the board is locked to its reference.",
            get_cmd=self.reference_locked,
            set_cmd=False,
        )
        """Whether the board is locked to its reference."""
        self.state = self.add_parameter(
            "state",
            docstring="IDLE, ARM or RUN.",
            get_cmd=lambda: self.line.ask("STAT?"),
            set_cmd=False,
        )
        """IDLE, ARM or RUN."""

    def identify(self) -> dict[str, str]:
        """Ask who it is; raises InstrumentError when it is another model or dialect."""
        identity = split_identity(self.line, models=MODELS)
        version = self.line.ask("SYST:VERS?")
        if version.partition(".")[0] != "1":
            raise InstrumentError(
                self.name,
                f"speaks version {version} of the dialect, the driver version 1",
                "update the board or qkdlab",
            )
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(split_identity(self.line, models=MODELS))

    def pattern_capabilities(self) -> PatternGeneratorCapabilities:
        """Return the limits of the pattern memory."""
        return PatternGeneratorCapabilities(
            n_channels=len(CHANNELS),
            max_sample_rate_hz=self.options.max_rate_hz,
            min_samples=MIN_POINTS,
            max_samples=self.options.max_samples,
            dac_bits=DAC_BITS,
            max_amplitude_v=MAX_V,
        )

    def counter_capabilities(self) -> CounterTransmitterCapabilities:
        """Return the limits of the generator."""
        return CounterTransmitterCapabilities(
            self.options.max_rate_hz, KEY_BYTES, DAC_BITS, MAX_V
        )

    def load_waveforms(
        self,
        volts: dict[int, NDArray[np.float64]],
        sample_rate_hz: float,
        spans_v: Mapping[int, tuple[float, float]] | None = None,
    ) -> dict[int, NDArray[np.float64]]:
        """Load one period of a public pattern; see `PatternGenerator`.

        A channel that is not named rests at 0 V. The range is fixed, so spans change
        nothing.
        """
        self._check_rate(sample_rate_hz)
        codes = self._pattern_codes(volts)
        self._stop()
        self._is_loaded = False
        self.line.command(
            "MODE PATT", f"CLOC:RATE {sample_rate_hz:.15g}", "TRIG:SOUR IMM"
        )
        self._load("PATT:DATA", "PATT:CHEC?", codes)
        self._is_loaded = True
        given = volts_of(codes)
        return {channel: given[:, channel - 1] for channel in volts}

    def start(self) -> None:
        """Play the pattern; its first sample comes with an edge of the marker."""
        if not self._is_loaded:
            raise self._refused("has no pattern to start", "load one first")
        self.line.command("ABOR", "MODE PATT", "OUTP ON", "INIT")

    def load_tables(
        self,
        shares: Sequence[int],
        intensity_v: NDArray[np.float64],
        polarization_v: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Load shares of classes and volts by setting; see `CounterModeTransmitter`."""
        n = 2 * len(shares)
        if {np.shape(intensity_v), np.shape(polarization_v)} != {(n,)}:
            raise self._refused(
                "got tables of different lengths", "give two volts per class"
            )
        if not 0 < n <= N_LEVELS or min(shares) < 0 or sum(shares) != TOTAL_SHARES:
            raise self._refused(
                "got shares that are none", f"let them add up to {TOTAL_SHARES}"
            )
        levels = np.zeros((N_LEVELS, len(CHANNELS)))
        levels[:n] = np.stack([intensity_v, polarization_v], axis=1)
        codes = self._codes(levels)
        self._stop()
        counts = ",".join(str(count) for count in shares)
        self.line.command(f"TABL:SHAR {counts}")
        if self.line.ask("TABL:SHAR?") != counts:
            raise self._holds_something_else("TABL:SHAR")
        self._load("TABL:LEV", "TABL:LEV:CHEC?", codes)
        given = volts_of(codes)
        return given[:n, 0], given[:n, 1]

    def load_key(self, key: bytes, nonce: bytes) -> None:
        """Load key and nonce; no record of the traffic shows them."""
        if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
            raise self._refused(
                "got a key or a nonce of another length", "give 16 and 8 bytes"
            )
        self._stop()
        self.line.send_secret_block("GEN:NONC ", nonce)
        self.line.send_secret_block("GEN:KEY ", key)
        self.line.finish("GEN:KEY")
        if self.line.ask("GEN:KEY:STAT?") != "LOAD":
            raise self._refused("did not take the key", "look at the board")

    def start_counter(self, rate_hz: float, marker_pulses: int) -> None:
        """Start the generator; see `CounterModeTransmitter`."""
        self._check_rate(rate_hz)
        least, most = MARKERS
        if not least <= marker_pulses <= most or marker_pulses & (marker_pulses - 1):
            raise self._refused(
                f"cannot mark every {marker_pulses}-th pulse",
                f"use a power of two from {least} to {most}",
            )
        self.line.command(
            "GEN:ALG AES128CTR",
            f"CLOC:RATE {rate_hz:.15g}",
            f"MARK:PER {marker_pulses}",
            "TRIG:SOUR IMM",
            "MODE COUN",
        )
        if not self.reference_locked():
            raise self._refused(
                "is not locked to its reference", "connect the clock's 10 MHz"
            )
        self.line.command("OUTP ON", "INIT")

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run have been given a setting."""
        return self.line.ask_int("COUN:PULS?")

    def reference_locked(self) -> bool:
        """Ask whether the board is locked to its reference."""
        return self.line.ask_bool("ROSC:LOCK?")

    def stop(self) -> None:
        """End the run; outputs off, key erased."""
        try:
            self._stop()
        except BaseException:  # whatever the board says, its key goes
            self.line.send_now("GEN:KEY:ERAS")
            raise
        self.line.command("GEN:KEY:ERAS")

    def safe_state(self) -> None:
        """Switch the outputs off, erase the key, and make sure of both."""
        for command in ("OUTP OFF", "ABOR", "GEN:KEY:ERAS"):
            self.line.send_now(command)
        if self.line.ask_bool("OUTP?"):
            raise self._refused("left its outputs on", "switch the board off")
        if self.line.ask("GEN:KEY:STAT?") != "NONE":
            raise self._refused("kept its key", "switch the board off")

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _stop(self) -> None:
        self.line.command("OUTP OFF", "ABOR")

    def _load(self, command: str, query: str, table: NDArray[np.generic]) -> None:
        """Send a table and compare checksums, which the board forms of its memory."""
        data = table.astype(table.dtype.newbyteorder("<")).tobytes()
        self.line.send_block(f"{command} ", data)
        self.line.finish(command, timeout_s=self.options.load_timeout_s)
        if self.line.ask_int(query) != zlib.crc32(data):
            raise self._holds_something_else(command)

    def _pattern_codes(
        self, volts: Mapping[int, NDArray[np.float64]]
    ) -> NDArray[np.int16]:
        if not volts or not set(volts) <= set(CHANNELS):
            raise self._refused(f"has no channels {sorted(volts)}", "use 1 and 2")
        lengths = {np.shape(samples) for samples in volts.values()}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise self._refused(
                "got waveforms of different lengths", "give one period to each channel"
            )
        (n,) = lengths.pop()
        if not MIN_POINTS <= n <= self.options.max_samples:
            raise self._refused(
                f"cannot hold {n} samples",
                f"use {MIN_POINTS} to {self.options.max_samples}",
            )
        both = np.zeros((n, len(CHANNELS)))
        for channel, samples in volts.items():
            both[:, channel - 1] = samples
        return self._codes(both)

    def _codes(self, volts: NDArray[np.float64]) -> NDArray[np.int16]:
        # `not <=` also refuses NaN.
        if not np.all(np.abs(volts) <= MAX_V):
            raise self._refused(
                "cannot give these voltages", f"use -{MAX_V:.4f} V to {MAX_V:.4f} V"
            )
        steps = np.rint(volts * (FULL_SCALE_CODE / FULL_SCALE_V / CODE_STEP))
        codes: NDArray[np.int16] = np.clip(
            steps * CODE_STEP, -MAX_CODE, MAX_CODE
        ).astype(np.int16)
        return codes

    def _check_rate(self, rate_hz: float) -> None:
        most_hz = self.options.max_rate_hz
        divisor = most_hz / rate_hz if rate_hz > 0 else 0.0
        is_whole = abs(divisor - round(divisor)) <= 1e-9 * divisor
        if not 1 <= round(divisor) <= MAX_DIVISOR or not is_whole:
            raise self._refused(
                f"cannot run at {rate_hz:.9g} Hz",
                f"use {most_hz:.9g} Hz over a whole number up to {MAX_DIVISOR}",
            )

    def _holds_something_else(self, command: str) -> InstrumentReplyError:
        return InstrumentReplyError(
            self.name, f"holds something else after {command}", "try it again"
        )

    def _refused(self, what: str, hint: str) -> InstrumentError:
        return InstrumentError(self.name, what, hint)


def volts_of(codes: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return what the converters give for codes."""
    return codes.astype(np.float64) * (FULL_SCALE_V / FULL_SCALE_CODE)
