"""The instrument as a whole: two channels, Sync output, reference, one socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qkdlab_sims.instruments.keysight_33622a.channel import AwgOutput, Channel
from qkdlab_sims.instruments.keysight_33622a.memory import ArbMemory
from qkdlab_sims.instruments.keysight_33622a.output_commands import OutputCommands
from qkdlab_sims.instruments.keysight_33622a.settings import (
    FEED,
    TRACK,
    add_settings,
)
from qkdlab_sims.instruments.keysight_33622a.wave_commands import WaveCommands
from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.scpi import Call, ScpiMachine
from qkdlab_sims.instruments.scpi.registers import RegisterGroup, add_register_groups

__all__ = ["Simulator"]

N_CHANNELS = 2
QUEUE_DEPTH = 20
LOOP_UNLOCKED = 32
"""Bit of the questionable condition: the reference's phase-locked loop [mem]."""


class Simulator:
    """Keysight 33622A on its socket (TCP port 5025, LF both ways) [seen].

    serial:            serial number in ``*IDN?``
    rng:               draws the default start phase, 0 to 4 ns [mem: "a few ns"]
    start_phase_ps:    called at each (re)start of a waveform; delay of sample 0
    memory_points:     4 M points a channel, 64 M with option MEM [mem]
    min_points:        32 [doc, 33600]
    dac_bits:          14 of the 16 bits of a code reach the converter [mem]
    load_time_ps_per_point: time to take in a waveform [guess]
    output_on_restarts: whether switching an output on starts its waveform anew;
                       users' reports differ, so it is an option
    ptpeak_sets_amplitude: whether ``FUNC:ARB:PTP`` moves ``VOLT``; reported not to on
                       one firmware [seen, a user's notes]
    reference_present: whether a signal arrives at Ref In
    """

    def __init__(
        self,
        *,
        serial: str = "MY59000001",
        rng: np.random.Generator | None = None,
        start_phase_ps: Callable[[], int] | None = None,
        memory_points: int = 4_000_000,
        min_points: int = 32,
        dac_bits: int = 14,
        load_time_ps_per_point: int = 250_000,
        output_on_restarts: bool = False,
        ptpeak_sets_amplitude: bool = True,
        reference_present: bool = True,
    ) -> None:
        generator = np.random.default_rng(0) if rng is None else rng
        self._start_phase_ps = start_phase_ps or (
            lambda: int(generator.integers(0, 4000))
        )
        self.load_time_ps_per_point = load_time_ps_per_point
        self.output_on_restarts = output_on_restarts
        self.ptpeak_sets_amplitude = ptpeak_sets_amplitude
        self.reference_present = reference_present
        self.on_change: Callable[[int], None] | None = None
        self.channels = {
            n: Channel(ArbMemory(memory_points, min_points), dac_bits)
            for n in range(1, N_CHANNELS + 1)
        }
        self.big_endian = True
        self.sync_on = True
        self.sync_source = 1
        self.reference = "INT"
        self.reference_auto = True
        self.machine = ScpiMachine(
            f"Keysight Technologies,33622A,{serial},A.02.03-3.15-03-64-02",
            queue_depth=QUEUE_DEPTH,
            limit_bytes=16 * memory_points + 65536,
            errors_in_status_byte=True,
        )
        self.machine.on_reset = self.reset
        WaveCommands(self).add_to(self.machine)
        OutputCommands(self).add_to(self.machine)
        settings = {n: channel.settings for n, channel in self.channels.items()}
        group = RegisterGroup(lambda now_ps: LOOP_UNLOCKED * self._is_unlocked())
        add_register_groups(self.machine, {"QUEStionable": group})
        add_settings(self.machine, settings, self.changed)
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def _is_unlocked(self) -> bool:
        is_external = self.reference == "EXT" and not self.reference_auto
        return is_external and not self.reference_present

    def output(self, channel: int) -> AwgOutput:
        """Return what leaves the output of `channel` (1 or 2).

        A tracking channel makes the other one follow it; a combining one adds the
        other's voltage to its own, where the two last equally long.
        """
        own, other = self.channels[channel], self.channels[3 - channel]
        out = own.output()
        if other.settings.flags[TRACK]:
            return replace(other.output(), enabled=out.enabled)
        if own.settings.words[FEED] == f"CH{3 - channel}":
            volts = other.output().volts
            if len(volts) == len(out.volts):
                return replace(out, volts=out.volts + volts)
        return out

    def sync_period_ps(self) -> int | None:
        """Return the period of the Sync output, None when it is still.

        Sync goes with the waveform, not with the output relay [guess].
        """
        frequency_hz = self.channels[self.sync_source].repetition_hz()
        if not self.sync_on or frequency_hz <= 0:
            return None
        return round(1e12 / frequency_hz)

    def changed(self, call: Call) -> None:
        """Tell the world that an output may be different."""
        if self.on_change is not None:
            self.on_change(call.now_ps)

    def restart(self, channel: int, call: Call) -> None:
        """Begin the waveform of one channel anew, at a phase of its own."""
        self.channels[channel].start_ps = call.now_ps + self._start_phase_ps()

    def restart_together(self, call: Call) -> None:
        """Begin all waveforms anew in step."""
        start_ps = call.now_ps + self._start_phase_ps()
        for channel in self.channels.values():
            channel.start_ps = start_ps

    def reset(self, call: Call) -> None:
        """Do what ``*RST`` does; waveforms in memory stay."""
        for n, channel in self.channels.items():
            channel.settings.reset()
            self.channels[n] = Channel(
                channel.memory, channel.dac_bits, channel.settings
            )
        self.big_endian = True
        self.sync_on, self.sync_source = True, 1
        self.reference, self.reference_auto = "INT", True
        self.changed(call)
