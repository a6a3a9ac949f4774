"""The board as a whole: one socket, two outputs, a marker, a reference input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.open_fpga_transmitter.board import (
    Board,
    BoardOutput,
    CounterRun,
)
from qkdlab_sims.instruments.open_fpga_transmitter.commands import add_commands
from qkdlab_sims.instruments.scpi import Call, ScpiError, ScpiMachine

__all__ = ["Simulator"]

_Played = tuple[bytes | None, tuple[NDArray[np.float64], NDArray[np.float64]]]

_QUEUE_DEPTH = 32
_START_PS = 1_000_000
"""From a trigger to pulse 0, at least."""
_GRID_PULSES = 1 << 16
"""Counter runs begin on a grid of the marker's period, which has so many at least."""
_LOCK_PS = 20_000_000_000


class Simulator:
    """FPGA transmitter on its socket (TCP port 5025, LF both ways).

    serial:            serial number in ``*IDN?``
    rng:               not used: the board starts on an edge of its clock
    start_phase_ps:    called at each start; what is left of the clock's period
    reference_present: whether a signal arrives at the reference input
    max_rate_hz:       of pulses
    max_points:        of the pattern memory
    """

    def __init__(
        self,
        *,
        serial: str = "000001",
        rng: np.random.Generator | None = None,
        start_phase_ps: Callable[[], int] | None = None,
        reference_present: bool = True,
        max_rate_hz: float = 1e9,
        max_points: int = 1 << 20,
    ) -> None:
        del rng
        self._start_phase_ps = start_phase_ps or (lambda: 0)
        self.reference_present = reference_present
        self.on_change: Callable[[int], None] | None = None
        self.sync_source = 1
        self.board = Board(max_rate_hz, max_points)
        self._played: _Played | None = None
        self._run: CounterRun | None = None
        self.machine = ScpiMachine(
            f"qkdlab,FPGA-TRANSMITTER,{serial},1.0",
            queue_depth=_QUEUE_DEPTH,
            limit_bytes=4 * max_points + 4096,
        )
        self.machine.on_reset = self._reset
        add_commands(self.machine, self.board, self._changed)
        add = self.machine.commands.add
        add("ROSCillator:LOCKed", ask=lambda call: str(int(self._locked(call.now_ps))))
        add("INITiate", do=self._initiate)
        add("*TRG", do=self._trigger)
        add("ABORt", do=self._abort)
        add("STATe", ask=lambda call: self.board.state)
        add(
            "COUNter:PULSes",
            ask=lambda call: str(self.board.pulses_at(call.now_ps)),
        )
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def output(self, channel: int) -> BoardOutput:
        """Return what leaves an output (1 intensity, 2 polarization) of a pattern.

        While the generator runs nothing repeats: then every setting in turn, held for
        `HELD` samples, stands for what the settings of `counter` will do.
        """
        board, run = self.board, self.counter()
        volts = self._pattern_volts() if run is None else run.held_volts()
        plays = run is not None or (board.mode == "PATT" and board.state == "RUN")
        return BoardOutput(
            board.output_on and plays, volts[channel - 1], board.rate_hz, board.start_ps
        )

    def counter(self) -> CounterRun | None:
        """Return the generator's run that leaves the outputs, or None."""
        runs = self.board.state == "RUN" and self.board.output_on
        return self._run if runs else None

    def sync_period_ps(self) -> int | None:
        """Return the period of the marker, None when it rests."""
        board = self.board
        if board.state != "RUN":
            return None
        pulses = board.marker_pulses
        if board.mode == "PATT":
            pulses = len(board.pattern or b"") // 4
        return round(pulses * 1e12 / board.rate_hz)

    def trigger(self, now_ps: int) -> None:
        """Take an edge at the trigger input."""
        if self.board.state == "ARM" and self.board.trigger == "EXT":
            self._start(now_ps)

    def _pattern_volts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the volts of both outputs; the same arrays while the pattern is."""
        pattern = self.board.pattern
        if self._played is None or self._played[0] is not pattern:
            volts = self.board.pattern_v() if pattern else np.zeros((1, 2))
            self._played = pattern, (volts[:, 0].copy(), volts[:, 1].copy())
        return self._played[1]

    def _locked(self, now_ps: int) -> bool:
        return self.reference_present and now_ps >= _LOCK_PS

    def _initiate(self, call: Call) -> None:
        call.expect(0)
        self.board.require_idle()
        self.board.require_ready(self._locked(call.now_ps))
        self.board.state, self.board.pulses = "ARM", 0
        if self.board.trigger == "IMM":
            self._start(call.now_ps)

    def _trigger(self, call: Call) -> None:
        if self.board.state != "ARM" or self.board.trigger != "BUS":
            raise ScpiError(-211, "Trigger ignored")
        self._start(call.now_ps)

    def _start(self, now_ps: int) -> None:
        board = self.board
        board.state = "RUN"
        board.start_ps = now_ps + _START_PS + self._start_phase_ps()
        self._run = None
        if board.mode == "COUN" and board.key is not None:
            grid_pulses = max(board.marker_pulses, _GRID_PULSES)
            grid_ps = round(grid_pulses * 1e12 / board.rate_hz)
            board.start_ps = -(-(now_ps + _START_PS) // grid_ps) * grid_ps
            self._run = CounterRun(
                board.key, board.nonce, board.shares, board.levels_v(), board.start_ps
            )
        self._tell(now_ps)

    def _abort(self, call: Call) -> None:
        call.expect(0)
        self.board.end(call.now_ps)
        self._changed(call)

    def _reset(self, call: Call) -> None:
        fresh = Board(self.board.max_rate_hz, self.board.max_points)
        self.board.end(call.now_ps)
        self.board.__dict__.update(fresh.__dict__)
        self._changed(call)

    def _changed(self, call: Call) -> None:
        self._tell(call.now_ps)

    def _tell(self, now_ps: int) -> None:
        if self.on_change is not None:
            self.on_change(now_ps)
