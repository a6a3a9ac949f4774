"""PicoQuant MultiHarp 150 in T2 mode, through the maker's library MHLib.

Functions, constants and flags: ``mhlib.h`` and ``mhdefin.h`` of version 3.1 [seen];
what they do where these do not tell: from memory of the manual [mem].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcodes.instrument import Instrument

from qkdlab.clock import PS_PER_S, Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.roles import TaggerCapabilities
from qkdlab.timetags.block import Interval, TagBlock
from qkdlab.transport.base import Transport
from qkdlab_drivers.picoquant.library import library_of

if TYPE_CHECKING:
    from qkdlab_drivers.picoquant.spec import MultiHarpInputOptions, MultiHarpOptions
    from qkdlab_drivers.picoquant.stream import T2Stream

__all__ = ["PicoQuantMultiHarp150"]

MODE_T2 = 2
REFERENCES = {"internal": 0, "external": 1}
EDGES = {"falling": 0, "rising": 1}
FIFO_FULL, SYNC_LOST, REF_LOST, SYSTEM_ERROR = 0x2, 0x4, 0x8, 0x10
COUNTS_DROPPED = 0x40
LONGEST_MS = 360_000_000
"""Of a measurement: 100 h [mem]."""
MODELS = ("MULTIHARP 150", "MULTIHARP 160")
_POLL_S = 0.001


class PicoQuantMultiHarp150(Instrument):
    """The `TimeTagger` role on a MultiHarp 150. Options: `MultiHarpOptions`.

    References come into SYNC and are records among the others. With a reference
    period of 0 tag time runs from the start of the acquisition in the device's own time
    base. When the device's buffer overran, what follows is lost: the block says so, and
    the acquisition is at its end.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: MultiHarpOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self._clock = clock
        self._library = library_of(name, connections, options.timeout_s)
        self._bin_ps: int | None = None
        self._stream: T2Stream | None = None
        self._t_out = self._seq = 0
        self._lost_ps: int | None = None
        self._heard_ps = 0
        self.sync_rate_hz = self.add_parameter(
            "sync_rate_hz",
            unit="Hz",
            docstring="Rate of the references.",
            get_cmd=lambda: self._call("MH_GetSyncRate")[0],
            set_cmd=False,
        )
        """Rate of the references."""

    def identify(self) -> dict[str, str]:
        """Open the device, put it into T2 mode and ask who it is.

        Raises InstrumentError when it is another model.
        """
        (serial,) = self._call("MH_OpenDevice")
        model, part, version = self._call("MH_GetHardwareInfo")
        if not str(model).upper().startswith(MODELS):
            raise InstrumentError(
                self.name,
                f"found {str(model)[:40]} instead of a MultiHarp 150",
                "correct the device's index or the driver in the configuration",
            )
        self._initialise()
        return {
            "vendor": "PicoQuant",
            "model": str(model),
            "serial": str(serial),
            "firmware": f"{part} {version}",
        }

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self.identify())

    def tagger_capabilities(self) -> TaggerCapabilities:
        """Return the limits; asks once for the width of a bin."""
        return TaggerCapabilities(
            n_inputs=self.options.n_inputs,
            resolution_ps=self._resolution_ps(),
            max_rate_hz=self.options.max_rate_hz,
            has_reference=True,
        )

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; tag time starts anew at the first reference.

        References may begin after it. Raises InstrumentError when `predicted_rate_hz`
        exceeds the limit, before anything is sent.
        """
        from qkdlab_drivers.picoquant.stream import T2Stream

        if not predicted_rate_hz <= self.options.max_rate_hz:
            raise InstrumentError(
                self.name,
                f"cannot take {predicted_rate_hz:.3g} tags a second",
                f"keep the rate below {self.options.max_rate_hz:.3g}",
            )
        self.stop()
        bin_ps = self._resolution_ps()
        self._set_inputs(reference_period_ps > 0)
        self._stream = T2Stream(
            self.name, bin_ps, reference_period_ps, self.options.max_offset_ppm
        )
        self._t_out = self._seq = 0
        self._lost_ps = None
        self._call("MH_StartMeas", LONGEST_MS)
        self._heard_ps = self._clock.now_ps()

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next `duration_ps` of tags, following the last block.

        Raises InstrumentTimeout when nothing comes, InstrumentError when references are
        missing, and after the block that told of an overrun.
        """
        stream = self._stream
        if duration_ps <= 0:
            raise InstrumentError(
                self.name, f"cannot read {duration_ps} ps of tags", "read more"
            )
        if stream is None or (
            self._lost_ps is not None and self._lost_ps < self._t_out
        ):
            raise InstrumentError(
                self.name, "has no acquisition to read from", "start one"
            )
        t_end = self._t_out + duration_ps
        while stream.watermark < t_end and self._lost_ps is None:
            self._wait(stream, t_end)
            self._hear(stream)
        t, ch = stream.take(t_end)
        lost: tuple[Interval, ...] = ()
        if self._lost_ps is not None and self._lost_ps < t_end:
            lost = ((max(self._lost_ps, self._t_out), t_end),)
        block = TagBlock(t, ch, self._t_out, t_end, lost, self._seq)
        self._t_out, self._seq = t_end, self._seq + 1
        return block

    def stop(self) -> None:
        """End the acquisition; tags not read yet are dropped."""
        if self._stream is not None:
            self._stream = None
            self._call("MH_StopMeas")

    def safe_state(self) -> None:
        """End any acquisition, one that somebody else began included."""
        self._stream = None
        self._resolution_ps()
        self._call("MH_StopMeas")

    def close(self) -> None:
        """Let go of the device; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "_library" in self.__dict__:
            self._library.close()
        super().close()

    def _wait(self, stream: T2Stream, t_end: int) -> None:
        """Sleep until the records that are wanted can be there."""
        missing_ps = t_end - stream.watermark if stream.has_begun else 0
        least_ps = seconds(_POLL_S)
        most_ps = seconds(self.options.timeout_s) // 4
        now_ps = self._clock.now_ps()
        self._clock.sleep_until(now_ps + min(max(missing_ps, least_ps), most_ps))

    def _hear(self, stream: T2Stream) -> None:
        """Look whether anything was lost, and read what waits.

        What came before an overrun is whole, however late it is read.
        """
        (flags,) = self._call("MH_GetFlags")
        records = self._library.read_fifo(self.options.device_index)
        stream.hear(records)
        is_lost = bool(int(flags) & (FIFO_FULL | COUNTS_DROPPED))
        while is_lost and records.size:
            records = self._library.read_fifo(self.options.device_index)
            stream.hear(records)
        if is_lost:
            self._lost_ps = stream.watermark
        self._check_flags(int(flags))
        now_ps = self._clock.now_ps()
        if records.size and stream.has_begun:
            self._heard_ps = now_ps
        patience_s = self.options.timeout_s
        if not stream.has_begun:
            patience_s = self.options.first_reference_s
        if now_ps - self._heard_ps > seconds(patience_s):
            raise InstrumentTimeout(
                self.name,
                f"gave nothing for {(now_ps - self._heard_ps) / PS_PER_S:.3g} s",
                "check the cable to SYNC and its trigger level",
            )

    def _check_flags(self, flags: int) -> None:
        if flags & SYSTEM_ERROR:
            raise InstrumentError(
                self.name, "reports a fault of its hardware", "ask the maker"
            )
        if flags & REF_LOST and self.options.reference == "external":
            raise InstrumentError(
                self.name, "lost its 10 MHz", "check the cable to its reference input"
            )

    def _resolution_ps(self) -> int:
        if self._bin_ps is None:
            self._initialise()
        return self._bin_ps or 1

    def _initialise(self) -> None:
        if self._bin_ps is None:
            self._call("MH_OpenDevice")
        self._call("MH_Initialize", MODE_T2, REFERENCES[self.options.reference])
        resolution_ps, _ = self._call("MH_GetBaseResolution")
        if not isinstance(resolution_ps, int | float) or resolution_ps < 1:
            raise InstrumentReplyError(
                self.name,
                f"gave {resolution_ps!s:.20} ps as its resolution",
                "check that the device is a MultiHarp",
            )
        (n_inputs,) = self._call("MH_GetNumOfInputChannels")
        if int(n_inputs) < self.options.n_inputs:
            raise InstrumentError(
                self.name,
                f"has {n_inputs} inputs, {self.options.n_inputs} are in use",
                "correct n_inputs in the configuration",
            )
        self._n_present = int(n_inputs)
        self._bin_ps = round(resolution_ps)

    def _set_inputs(self, has_reference: bool) -> None:
        options, sync = self.options, self.options.sync
        self._call("MH_SetSyncDiv", 1)
        self._call("MH_SetSyncEdgeTrg", sync.trigger_mv, EDGES[sync.edge])
        self._call("MH_SetSyncChannelOffset", sync.offset_ps)
        self._call("MH_SetSyncChannelEnable", int(has_reference))
        for number in range(self._n_present):
            is_used = number < options.n_inputs
            self._call("MH_SetInputChannelEnable", number, int(is_used))
            if is_used:
                self._set_input(number, self._input_options(number))

    def _input_options(self, number: int) -> MultiHarpInputOptions:
        from qkdlab_drivers.picoquant.spec import MultiHarpInputOptions

        given = self.options.inputs
        return given[number] if number < len(given) else MultiHarpInputOptions()

    def _set_input(self, number: int, wanted: MultiHarpInputOptions) -> None:
        edge = EDGES[wanted.edge]
        self._call("MH_SetInputEdgeTrg", number, wanted.trigger_mv, edge)
        self._call("MH_SetInputChannelOffset", number, wanted.offset_ps)
        is_long = wanted.dead_ps is not None
        self._call("MH_SetInputDeadTime", number, int(is_long), wanted.dead_ps or 800)

    def _call(self, function: str, *given: int) -> list[Any]:
        return self._library.call(function, self.options.device_index, *given)
