"""The double of MHLib behind a line of messages.

A question is a JSON list, the function's name first; an answer is a JSON list, the
returned code first, and a line feed, behind it the records of ``MH_ReadFiFo``. Of the
library itself nothing is here: the functions are shaped as its header has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from qkdlab_sims.instruments.machine import MessageMachine, MessageOutbox
from qkdlab_sims.instruments.picoquant_multiharp.calls import Calls, MhError
from qkdlab_sims.instruments.picoquant_multiharp.device import Device
from qkdlab_sims.instruments.tagger_inputs.panel import InputPanel

__all__ = ["Simulator"]

_BAD_ARGUMENT = -17
_GATE_PS = 100_000_000_000


class Simulator(InputPanel):
    """MultiHarp 150 and its library.

    offset_ppm:      own time base against world time, unless locked to 10 MHz
    pulse_height_v:  of the pulses at the inputs
    start_height_v:  of those at SYNC
    pulse_width_ps:  of all
    flaws:           fields of `tagger_inputs.flaws.Flaws`: skew, crosstalk, missed
                     pulses, a clock that wanders or is locked
    jitter_rms_ps:   of each edge [mem: 45 ps]
    bin_ps:          5 (P models) or 10 [mem]
    fifo_records:    of the buffer; when it is full the measurement ends [mem]
    records_a_call:  what one call of ``MH_ReadFiFo`` gives at most [guess]
    response_ps:     of every call [guess]
    dead_ps:         of every input, whatever it is set to; None: what it is set to
    """

    def __init__(
        self,
        *,
        serial: str = "1044272",
        rng: np.random.Generator | None = None,
        model: str = "MultiHarp 150 4P",
        n_inputs: int = 4,
        offset_ppm: float = 0.0,
        pulse_height_v: float = 0.4,
        start_height_v: float = 1.0,
        pulse_width_ps: int = 10_000,
        jitter_rms_ps: float = 45.0,
        bin_ps: int = 5,
        fifo_records: int = 1 << 27,
        records_a_call: int = 1 << 17,
        response_ps: int = 100_000_000,
        dead_ps: int | None = None,
        flaws: Mapping[str, Any] | None = None,
    ) -> None:
        rng = rng if rng is not None else np.random.default_rng(0)
        super().__init__(
            [start_height_v, *[pulse_height_v] * n_inputs],
            width_ps=pulse_width_ps,
            jitter_rms_ps=jitter_rms_ps,
            flaws=flaws,
            rng=rng,
        )
        for port in self.ports:
            port.counter.cycle_ps = _GATE_PS
        self.device = Device(
            self.ports,
            bin_ps=bin_ps,
            offset_ppm=offset_ppm,
            jitter_rms_ps=jitter_rms_ps,
            course=self.course,
            fifo_records=fifo_records,
            dead_ps=dead_ps,
        )
        self._calls = Calls(self.device, model, serial)
        self._records_a_call = records_a_call
        self._response_ps = response_ps
        self._outbox = MessageOutbox()
        self.endpoints: dict[str, MessageMachine] = {"api": self}

    def advance(self, t_ps: int) -> None:
        """Process everything before `t_ps`; all of it has been given."""
        self.device.run(t_ps)

    def recording(self) -> bool:
        """Return whether pulses are being turned into records."""
        return self.device.measuring

    def rehearse(self) -> None:
        """Run the compiled loops once, so that none is loaded while time runs."""
        from qkdlab_sims.instruments.picoquant_multiharp._kernels import encode_t2

        super().rehearse()
        nothing = np.empty(0, np.int64)
        encode_t2(nothing, nothing.copy(), nothing.copy(), 0, 0, np.empty(1, np.uint32))

    def feed(self, message: bytes, now_ps: int) -> None:
        """Take one call."""
        data = b""
        values: list[Any]
        try:
            name, *given = json.loads(message)
            values = [0, *self._calls.call(str(name), [int(g) for g in given], now_ps)]
            if name == "MH_ReadFiFo":
                records = self.device.read(self._records_a_call)
                values, data = [0, records.size], records.astype("<u4").tobytes()
        except MhError as error:
            values = [error.code, str(error)]
        except (ValueError, TypeError):
            values = [_BAD_ARGUMENT, "MH_ERROR_INVALID_ARGUMENT"]
        answer = json.dumps(values).encode() + b"\n" + data
        self._outbox.put(answer, now_ps + self._response_ps)

    def take(self, now_ps: int) -> list[bytes]:
        """Give all answers that may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next answer is due."""
        return self._outbox.next_wake_ps()
