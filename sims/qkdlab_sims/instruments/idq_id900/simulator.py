"""A simulated ID Quantique Time Controller with its DataLink service.

The wire between the unit and the service is not public; what a client sees are the
command sockets of both and the streams [code]. Facts and their certainty stand in the
modules that use them. Not modelled: windows and logic of the combiners, the outputs of
the generators, AC coupling, high-resolution errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from qkdlab_sims.instruments.idq_id900.control import Control
from qkdlab_sims.instruments.idq_id900.datalink import DataLink, StreamPort
from qkdlab_sims.instruments.idq_id900.unit import Tags, Unit
from qkdlab_sims.instruments.machine import MessageMachine
from qkdlab_sims.instruments.tagger_inputs.panel import InputPanel

__all__ = ["Simulator"]

_MS = 1_000_000_000


class Simulator(InputPanel):
    """Unit and service.

    offset_ppm:      own time base against world time, unless synchronised EXTERNAL
    pulse_height_v:  of the pulses at the inputs, one for all or one each
    start_height_v:  of those at START
    pulse_width_ps:  of all
    flaws:           fields of `tagger_inputs.flaws.Flaws`: skew, crosstalk, missed
                     pulses, a clock that wanders or is locked
    jitter_rms_ps:   of each edge [guess]
    dead_ps:         after each edge; None for the mode's own
    flush_ps:        timestamps travel in blocks of this length
    latency_ps:      from the end of a block to its arrival
    hang_rate_hz:    timestamps per second over all channels beyond which the unit
                     hangs until :meth:`restart` (user's manual [doc])
    link_rate_hz:    per channel; what exceeds it is lost and counted in RAW:ERRORS
                     (None: no such limit) [guess]

    Conflicting readings of the public clients, by option:

    separator:       between the replies of one message
    counter_unit:    of the counters' integration time
    timestamp_unit:  of timestamps: ps, or bins of ``DEVI:RES:BWID?``
    first_ref_index: number of the first reference; with 0 nothing is sent before it
    """

    def __init__(
        self,
        *,
        serial: str = "2200101",
        rng: np.random.Generator | None = None,
        model: str = "ID900",
        offset_ppm: float = 0.0,
        pulse_height_v: float | Sequence[float] = 0.4,
        start_height_v: float = 1.0,
        pulse_width_ps: int = 10_000,
        jitter_rms_ps: float = 10.0,
        dead_ps: int | None = None,
        flush_ps: int = 10 * _MS,
        latency_ps: int = _MS,
        response_ps: int = _MS // 5,
        hang_rate_hz: float = 10e6,
        link_rate_hz: float | None = None,
        separator: Literal[";", "\n"] = "\n",
        counter_unit: Literal["ms", "ns"] = "ms",
        timestamp_unit: Literal["ps", "bins"] = "ps",
        first_ref_index: Literal[0, 1] = 1,
        flaws: Mapping[str, Any] | None = None,
    ) -> None:
        rng = rng if rng is not None else np.random.default_rng(0)
        inputs = (
            [float(pulse_height_v)] * 4
            if isinstance(pulse_height_v, int | float)
            else list(pulse_height_v)
        )
        super().__init__(
            [start_height_v, *inputs],
            width_ps=pulse_width_ps,
            jitter_rms_ps=jitter_rms_ps,
            flaws=flaws,
            rng=rng,
        )
        self._in_bins = timestamp_unit == "bins"
        self._first_ref_index = first_ref_index
        self.streams = {
            n: StreamPort(partial(self._next_message_ps, n)) for n in range(1, 5)
        }
        self.datalink = DataLink(
            self.streams, latency_ps=latency_ps, response_ps=response_ps
        )
        self.unit = Unit(
            self.ports,
            offset_ppm=offset_ppm,
            jitter_rms_ps=jitter_rms_ps,
            course=self.course,
            dead_ps=dead_ps,
            flush_ps=flush_ps,
            hang_rate_hz=hang_rate_hz,
            link_rate_hz=link_rate_hz,
            on_tags=self._deliver,
            on_recorded=self.datalink.recording_ended,
        )
        self._latency_ps = latency_ps
        self._control = Control(
            self.unit,
            serial=serial,
            model=model,
            separator=separator,
            counter_unit=counter_unit,
            response_ps=response_ps,
        )
        self.endpoints: dict[str, MessageMachine] = {
            "control": self._control,
            "datalink": self.datalink,
            **{f"stream{n}": port for n, port in self.streams.items()},
        }

    def advance(self, t_ps: int) -> None:
        """Process everything before `t_ps`; all of it has been given."""
        self.unit.advance(t_ps)

    def recording(self) -> bool:
        """Return whether pulses are being turned into tags."""
        return self.unit.playing

    def restart(self) -> None:
        """Switch off and on again."""
        self.unit.power_up()

    def _deliver(self, channel: int, tags: Tags, now_ps: int) -> None:
        since, index = tags
        ref = self.unit.settings.get("RAW{4}:[INPOrt]:REF:LINK", channel)
        if self._first_ref_index == 0 and ref != "NONE":
            since, index = since[index > 0], index[index > 0] - 1
        scale = 1 if self._in_bins else self.unit.time_base.bin_ps
        stamps = (since * scale).view(np.uint64)
        self.datalink.deliver(channel, stamps, index.view(np.uint64), now_ps)

    def _next_message_ps(self, channel: int) -> int | None:
        if not self.unit.playing or not self.datalink.is_streaming(channel):
            return None
        return self.unit.next_flush_ps + self._latency_ps
