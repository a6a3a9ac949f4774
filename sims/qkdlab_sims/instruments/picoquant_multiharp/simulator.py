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
from numpy.typing import NDArray

from qkdlab_sims.instruments.flaws import flawed
from qkdlab_sims.instruments.idq_id900.ports import Port
from qkdlab_sims.instruments.machine import MessageMachine, MessageOutbox
from qkdlab_sims.instruments.picoquant_multiharp.calls import Calls, MhError
from qkdlab_sims.instruments.picoquant_multiharp.device import Device

__all__ = ["Simulator"]

_BAD_ARGUMENT = -17
_GATE_PS = 100_000_000_000


class Simulator:
    """MultiHarp 150 and its library.

    offset_ppm:      own time base against world time, unless locked to 10 MHz
    pulse_height_v:  of the pulses at the inputs
    start_height_v:  of those at SYNC
    pulse_width_ps:  of all
    flaws:           fields of `instruments.flaws.Flaws`: skew, crosstalk, missed
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
        heights = [start_height_v, *[pulse_height_v] * n_inputs]
        self._ports = [
            Port(
                stream, height_v=h, width_ps=pulse_width_ps, jitter_rms_ps=jitter_rms_ps
            )
            for stream, h in zip(rng.spawn(n_inputs + 1), heights, strict=True)
        ]
        for port in self._ports:
            port.counter.cycle_ps = _GATE_PS
        self.jitter_rms_ps = jitter_rms_ps
        self._inputs, course = flawed(flaws, len(self._ports), rng)
        for port in self._ports:
            port.is_mixed = self._inputs is not None
        self.device = Device(
            self._ports,
            bin_ps=bin_ps,
            offset_ppm=offset_ppm,
            jitter_rms_ps=jitter_rms_ps,
            course=course,
            fifo_records=fifo_records,
            dead_ps=dead_ps,
        )
        self._calls = Calls(self.device, model, serial)
        self._records_a_call = records_a_call
        self._response_ps = response_ps
        self._outbox = MessageOutbox()
        self.endpoints: dict[str, MessageMachine] = {"api": self}

    @property
    def start_height_v(self) -> float:
        """Height of the pulses at SYNC; negative ones go down."""
        return self._ports[0].height_v

    @start_height_v.setter
    def start_height_v(self, value_v: float) -> None:
        self._ports[0].height_v = value_v

    def push(self, input_index: int, t_ps: NDArray[np.int64]) -> None:
        """Give pulses at an input (1 ...), world time, sorted.

        Each call's pulses follow those of the former call.
        """
        self._push(input_index, t_ps)

    def push_start(self, t_ps: NDArray[np.int64]) -> None:
        """Give pulses at SYNC; see :meth:`push`."""
        self._push(0, t_ps)

    def _push(self, number: int, t_ps: NDArray[np.int64]) -> None:
        if self._inputs is None:
            self._ports[number].push(t_ps)
            return
        for other, felt_ps in self._inputs.felt(number, t_ps):
            self._ports[other].push(felt_ps)

    def advance(self, t_ps: int) -> None:
        """Process everything before `t_ps`; all of it has been given."""
        self.device.run(t_ps)

    def recording(self) -> bool:
        """Return whether pulses are being turned into records."""
        return self.device.measuring

    def rehearse(self) -> None:
        """Run the compiled loops once, so that none is loaded while time runs."""
        from qkdlab_sims.instruments.idq_id900._kernels import discriminate
        from qkdlab_sims.instruments.picoquant_multiharp._kernels import encode_t2

        nothing = np.empty(0, np.int64)
        discriminate(nothing, np.empty(0, np.uint64), 1.0, 0, 0, 0, nothing)
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
