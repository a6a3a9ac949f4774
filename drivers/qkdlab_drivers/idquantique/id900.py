"""ID Quantique ID900 Time Controller with its DataLink service.

Commands and the order of an acquisition: vendor samples and public drivers [code];
the meaning of timestamps and the rate that hangs the unit: user's manual [doc].
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Enum

from qkdlab.clock import Clock
from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.roles import TaggerCapabilities
from qkdlab.timetags.block import TagBlock
from qkdlab.transport.base import Transport
from qkdlab_drivers.idquantique.acquisition import Acquisition
from qkdlab_drivers.idquantique.inputs import Id900Input
from qkdlab_drivers.idquantique.request import (
    CommandLine,
    DataLinkLine,
    message_line,
)
from qkdlab_drivers.idquantique.streams import ReferenceFrame

if TYPE_CHECKING:
    from qkdlab_drivers.idquantique.spec import Id900Options

__all__ = ["IdQuantiqueId900"]


class IdQuantiqueId900(Instrument):
    """The `TimeTagger` role on an ID900. Options: `Id900Options`.

    A reference period of 0 means no reference: tag time then runs from the start of
    the acquisition in the unit's own time base.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Id900Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self._clock = clock
        self._control = CommandLine(
            name, message_line(name, connections, "control"), options.timeout_s
        )
        self._datalink = DataLinkLine(
            name, message_line(name, connections, "datalink"), options.timeout_s
        )
        self._streams = [
            message_line(name, connections, f"stream{n + 1}")
            for n in range(options.n_inputs)
        ]
        self._bin_ps: int | None = None
        self._acquisition: Acquisition | None = None
        self.resolution = self.add_parameter(
            "resolution",
            docstring="Width of the bins: 13 ps (hires) or 100 ps (lowres).",
            vals=Enum("hires", "lowres"),
            get_cmd=lambda: self._control.ask("DEVI:RES?").strip().lower(),
            set_cmd=self._set_resolution,
        )
        """Width of the bins: 13 ps (hires) or 100 ps (lowres)."""
        self.sync = self.add_parameter(
            "sync",
            docstring="Own time base (internal) or 10 MHz from outside (external).",
            vals=Enum("internal", "external"),
            get_cmd=lambda: self._control.ask("DEVI:SYNC?").strip().lower(),
            set_cmd=lambda sync: self._control.ask(f"DEVI:SYNC {sync.upper()}"),
        )
        """Own time base (internal) or 10 MHz from outside (external)."""
        self.inputs = [
            Id900Input(self, f"input{n}", self._control, f"INPU{n}", f"DELA{n}:VALU")
            for n in range(1, options.n_inputs + 1)
        ]
        self.start_input = Id900Input(
            self, "start_input", self._control, "STAR", "STAR:DELA"
        )
        for module in (*self.inputs, self.start_input):
            self.add_submodule(module.short_name, module)

    def identify(self) -> dict[str, str]:
        """Ask unit and service, then write the options that are meant for opening.

        Raises InstrumentError when it is another model; then nothing is written.
        """
        identity = self._identity()
        try:
            self._apply_options()
            self._bin_ps = self._control.ask_int("DEVI:RES:BWID?")
            self._datalink.active()
        except InstrumentError as error:
            if type(error) is not InstrumentError:
                raise
            # A plain InstrumentError would say that it is another device.
            raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return {"firmware": None, **self._identity()}

    def tagger_capabilities(self) -> TaggerCapabilities:
        """Return the limits; asks once for the width of a bin."""
        if self._bin_ps is None:
            self._bin_ps = self._control.ask_int("DEVI:RES:BWID?")
        return TaggerCapabilities(
            n_inputs=self.options.n_inputs,
            resolution_ps=self._bin_ps,
            max_rate_hz=self.options.max_rate_hz,
            has_reference=True,
        )

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; tag time starts anew at the first reference.

        Raises InstrumentError when `predicted_rate_hz` exceeds the limit, before
        anything is sent, and when an input in use is switched off.
        """
        self._check_rate(predicted_rate_hz)
        self.stop()
        self._check_enabled(has_reference=reference_period_ps > 0)
        acquisition = Acquisition(
            self.name,
            self._control,
            self._datalink,
            self._streams,
            self.options,
            self._clock,
            self._frame(reference_period_ps),
        )
        self._acquisition = acquisition
        acquisition.start()

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next `duration_ps` of tags, following the last block.

        Raises InstrumentTimeout when a stream falls silent or the unit hangs,
        InstrumentError when references are missing.
        """
        if duration_ps <= 0:
            raise InstrumentError(
                self.name, f"cannot read {duration_ps} ps of tags", "read more"
            )
        if self._acquisition is None:
            raise InstrumentError(
                self.name, "has no acquisition to read from", "start one"
            )
        return self._acquisition.read(duration_ps)

    def stop(self) -> None:
        """End the acquisition; tags not read yet are dropped."""
        if self._acquisition is not None:
            acquisition, self._acquisition = self._acquisition, None
            acquisition.stop()

    def safe_state(self) -> None:
        """End any acquisition, one that somebody else began included."""
        self.stop()
        self._control.ask("REC:STOP")

    def close(self) -> None:
        """Forget the instrument and close its lines; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "_control" in self.__dict__:
            self._control.close()
            self._datalink.close()
            for stream in self._streams:
                stream.close()
        super().close()

    def _set_resolution(self, resolution: str) -> None:
        self._control.ask(f"DEVI:RES {resolution.upper()}")
        self._bin_ps = None

    def _apply_options(self) -> None:
        if self.options.sync is not None:
            self.sync(self.options.sync)
        if self.options.resolution is not None:
            self.resolution(self.options.resolution)
        for module, given in zip(self.inputs, self.options.inputs, strict=False):
            module.apply(given)
        self.start_input.apply(self.options.start)

    def _frame(self, reference_period_ps: int) -> ReferenceFrame:
        in_bins = self.options.timestamp_unit == "bins"
        return ReferenceFrame(
            reference_period_ps,
            self.options.first_ref_index,
            self.tagger_capabilities().resolution_ps if in_bins else 1,
            self.options.max_offset_ppm,
        )

    def _check_rate(self, predicted_rate_hz: float) -> None:
        limit = self.options.max_rate_hz
        if not 0 <= predicted_rate_hz <= limit:
            raise InstrumentError(
                self.name,
                f"is not started for {predicted_rate_hz:.3g} tags a second; above "
                "1e7 it may hang until it is switched off and on",
                f"attenuate to at most {limit:.3g} tags a second in all",
            )

    def _check_enabled(self, *, has_reference: bool) -> None:
        modules = [*self.inputs, *([self.start_input] if has_reference else [])]
        states = self._control.ask_all(*(f"{m.block}:ENAB?" for m in modules))
        off = [
            m.block for m, state in zip(modules, states, strict=True) if state != "ON"
        ]
        if off:
            raise InstrumentError(
                self.name,
                f"has {', '.join(off)} switched off",
                "set enabled: true in its options",
            )

    def _identity(self) -> dict[str, str]:
        text = self._control.ask("*IDN?").strip()
        if "ID900" not in text.upper():
            raise InstrumentError(
                self.name,
                f"found {text[:60]!r} instead of an ID900",
                "correct the address or the driver in the configuration",
            )
        serial = re.search(r"Serial\s*:\s*(\w+)", text)
        return {
            "vendor": "ID Quantique",
            "model": "ID900",
            "serial": serial.group(1) if serial else "unknown",
        }
