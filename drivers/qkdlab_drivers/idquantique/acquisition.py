"""One acquisition of an ID900, from REC:PLAY to the last message of its streams.

An input whose detector clicks shows by its tags how far it has come. Of a silent one
only clocks can tell: once a tag has had `grace_s` to arrive, and the service has
passed on no timestamp that did not, there was none.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from qkdlab.clock import PS_PER_S, Clock, seconds
from qkdlab.errors import InstrumentDisconnected, InstrumentError, InstrumentTimeout
from qkdlab.timetags.block import Interval, TagBlock
from qkdlab.timetags.merge import ChannelTags, MergeState, merge
from qkdlab.transport.base import MessageTransport
from qkdlab_drivers.idquantique.request import CommandLine, DataLinkLine
from qkdlab_drivers.idquantique.streams import ReferenceFrame, TagStream
from qkdlab_drivers.idquantique.times import TagAxis

if TYPE_CHECKING:
    from qkdlab_drivers.idquantique.spec import Id900Options

__all__ = ["Acquisition"]

_END_S = 0.2
"""How long the end of a stream is waited for."""


class Acquisition:
    """Streams of all inputs, joined into one."""

    def __init__(
        self,
        name: str,
        control: CommandLine,
        datalink: DataLinkLine,
        lines: Sequence[MessageTransport],
        options: Id900Options,
        clock: Clock,
        frame: ReferenceFrame,
    ) -> None:
        self._name = name
        self._control = control
        self._datalink = datalink
        self._lines = lines
        self._options = options
        self._clock = clock
        self._frame = frame
        channels = range(len(lines))
        self._streams = [TagStream(name, channel, frame) for channel in channels]
        self._merged = MergeState.begin(channels)
        self._identifiers: dict[int, str] = {}
        self._n_errors = [0] * len(lines)
        self._axis = TagAxis(0, 0, 0, 0.0)

    def start(self) -> None:
        """Begin in the vendor's order [code].

        Streams that an earlier session left open are closed first.
        """
        ask = self._control.ask
        ask("REC:TRIG:ARM:MODE MANU")
        ask("REC:ENAB ON")
        ask("REC:STOP")
        ask("REC:NUM 1")
        ask(f"REC:DUR {seconds(self._options.max_acquisition_s)}")
        for identifier in self._datalink.active():
            if identifier.startswith(f"{self._options.unit_address}:"):
                self._datalink.stop(identifier)
        for channel in range(len(self._lines)):
            self._open_stream(channel)
        asked_ps = self._clock.now_ps()
        ask("REC:PLAY")
        self._axis = TagAxis(
            asked_ps,
            self._clock.now_ps(),
            self._frame.period_ps,
            self._frame.max_offset_ppm,
        )

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next `duration_ps` of tags; see `IdQuantiqueId900.read`."""
        t_begin = self._merged.t_out
        t_end = t_begin + duration_ps
        for channel in range(len(self._streams)):
            self._catch_up(channel, t_end)
        lost = self._new_losses(t_begin)
        *others, last = (
            ChannelTags(stream.channel, stream.take(t_end), t_end, lost)
            for stream in self._streams
        )
        for piece in others:
            self._merged, _ = merge(self._merged, piece)
        self._merged, block = merge(self._merged, last)
        return block

    def stop(self) -> None:
        """End in the vendor's order [code]; every step is tried."""
        with ExitStack() as steps:  # the last one in is the first one done
            for channel, identifier in self._identifiers.items():
                steps.callback(self._drain, channel, _END_S)
                steps.callback(self._control.ask, f"RAW{channel + 1}:SEND OFF")
                steps.callback(self._datalink.stop, identifier)
            steps.callback(self._control.ask, "REC:STOP")

    def _open_stream(self, channel: int) -> None:
        """Link one input to its RAW channel and open the stream.

        Input, delay, combiner, RAW: the chain of the factory's configuration [code].
        A window that the combiner was given by somebody else would take tags away.
        """
        n, ask = channel + 1, self._control.ask
        ask(f"DELA{n}:INPO:LINK INPU{n}")
        ask(f"TSCO{n + 4}:WIND:ENAB OFF")
        ask(f"TSCO{n + 4}:INPO:FIR:LINK DELA{n}")
        ask(f"TSCO{n + 4}:OPOU ONLYFIR")
        ask(f"RAW{n}:INPO:STOP:LINK TSCO{n + 4}")
        ask(f"RAW{n}:INPO:REF:LINK {'STAR' if self._frame.period_ps else 'NONE'}")
        ask(f"RAW{n}:ERRORS:CLEAR")
        self._drain(channel, 0.0)
        self._identifiers[channel] = self._datalink.start_stream(
            self._options.unit_address, n, self._options.stream_ports[channel]
        )
        ask(f"RAW{n}:SEND ON")

    def _catch_up(self, channel: int, t_end: int) -> None:
        """Hear an input until all its tags before `t_end` have come."""
        stream, line = self._streams[channel], self._lines[channel]
        due_ps = self._axis.passed_at(t_end) + seconds(self._options.grace_s)
        while stream.watermark < t_end:
            left_ps = max(0, due_ps - self._clock.now_ps())
            message = line.receive(left_ps / PS_PER_S)
            if message is not None:
                self._hear(stream, message)
            elif self._clock.now_ps() >= due_ps:
                self._hear_the_rest(channel)
                stream.claim(t_end)

    def _hear_the_rest(self, channel: int) -> None:
        """Hear all that the service says it has passed on.

        Raises InstrumentTimeout when it does not come.
        """
        stream, line = self._streams[channel], self._lines[channel]
        n_sent = self._datalink.timestamps_count(self._identifiers[channel])
        deadline_ps = self._clock.now_ps() + seconds(self._options.timeout_s)
        while stream.received < n_sent:
            left_ps = max(0, deadline_ps - self._clock.now_ps())
            message = line.receive(left_ps / PS_PER_S)
            if message is None:
                raise InstrumentTimeout(
                    self._name,
                    f"the stream of input {channel} fell silent after "
                    f"{stream.received} of {n_sent} timestamps",
                    "check the DataLink service and the address of the stream",
                )
            self._hear(stream, message)

    def _hear(self, stream: TagStream, message: bytes) -> None:
        if not message:
            raise InstrumentDisconnected(
                self._name,
                f"the stream of input {stream.channel} ended",
                "look at the log of the DataLink service",
            )
        stream.hear(message)

    def _new_losses(self, t_begin: int) -> tuple[Interval, ...]:
        """Return where tags may be missing, by the unit's counters of errors.

        They rose after the last block had been read, so within what came since then.
        """
        queries = [f"RAW{n + 1}:ERRORS?" for n in range(len(self._lines))]
        stage, *answers = self._control.ask_all("REC:STAG?", *queries)
        if stage.upper() != "PLAYING":
            raise InstrumentError(
                self._name,
                "ended the acquisition by itself",
                f"start another after {self._options.max_acquisition_s:g} s",
            )
        counters = zip(queries, answers, strict=True)
        n_errors = [self._control.integer(*counter) for counter in counters]
        if n_errors == self._n_errors:
            return ()
        self._n_errors = n_errors
        return ((t_begin, self._axis.at_most(self._clock.now_ps())),)

    def _drain(self, channel: int, patience_s: float) -> None:
        """Forget what a stream still says, up to the message that ends it."""
        line = self._lines[channel]
        try:
            while line.receive(patience_s):
                pass
            while line.receive(0.0) is not None:
                pass
        except InstrumentDisconnected:
            # The service lets go of a stream that has ended; a line that is really
            # down says so again when it is next used.
            return
