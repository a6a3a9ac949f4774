"""Functions of MHLib by name: what they check, do and give.

Names, order of arguments and limits: ``mhlib.h`` and ``mhdefin.h`` of version 3.1
[seen]; codes of errors [mem].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qkdlab_sims.instruments.picoquant_multiharp.device import Device

__all__ = ["Calls", "MhError"]

NOT_OPEN, RUNNING, BAD_ARGUMENT, BAD_MODE = -10, -16, -17, -18
NOT_INITIALISED, NO_DEVICE = -22, -1
ERROR_WORDS = {
    NO_DEVICE: "MH_ERROR_DEVICE_OPEN_FAIL",
    NOT_OPEN: "MH_ERROR_DEVICE_NOT_OPEN",
    RUNNING: "MH_ERROR_INSTANCE_RUNNING",
    BAD_ARGUMENT: "MH_ERROR_INVALID_ARGUMENT",
    BAD_MODE: "MH_ERROR_INVALID_MODE",
    NOT_INITIALISED: "MH_ERROR_NOT_INITIALIZED",
}
_T2 = 2
_MODES = (0, 2, 3)
_LEVEL_MV = 1200
_OFFSET_PS = 99_999
_DEAD_PS = (800, 160_000)
_LONGEST_MS = 360_000_000
_OWN_DEAD_PS = 650
_RATE_GATE_S = 0.1

Given = list[Any]


class MhError(Exception):
    """A function that gives a code below zero."""

    def __init__(self, code: int) -> None:
        super().__init__(ERROR_WORDS[code])
        self.code = code


class Calls:
    """The library with one device of index 0; records are read elsewhere."""

    def __init__(self, device: Device, model: str, serial: str) -> None:
        self._device = device
        self._model = model
        self._serial = serial
        self._is_open = self._is_ready = False
        self._n_inputs = len(device.ports) - 1
        self._functions: dict[str, Callable[..., Given]] = {
            "MH_GetHardwareInfo": self._hardware_info,
            "MH_GetSerialNumber": self._serial_number,
            "MH_GetBaseResolution": self._base_resolution,
            "MH_GetNumOfInputChannels": self._number_of_inputs,
            "MH_SetSyncDiv": self._set_sync_div,
            "MH_SetSyncEdgeTrg": lambda now, level, edge: self._edge(0, level, edge),
            "MH_SetSyncChannelOffset": lambda now, value: self._offset(0, value),
            "MH_SetSyncChannelEnable": lambda now, enable: self._enable(0, enable),
            "MH_SetSyncDeadTime": lambda now, on, ps: self._dead(0, on, ps),
            "MH_SetInputEdgeTrg": lambda now, channel, level, edge: self._edge(
                self._input(channel), level, edge
            ),
            "MH_SetInputChannelOffset": lambda now, channel, value: self._offset(
                self._input(channel), value
            ),
            "MH_SetInputChannelEnable": lambda now, channel, enable: self._enable(
                self._input(channel), enable
            ),
            "MH_SetInputDeadTime": lambda now, channel, on, ps: self._dead(
                self._input(channel), on, ps
            ),
            "MH_StartMeas": self._start,
            "MH_StopMeas": self._stop,
            "MH_CTCStatus": lambda now: [int(not device.measuring)],
            "MH_GetFlags": lambda now: [device.flags],
            "MH_GetWarnings": lambda now: [0],
            "MH_GetSyncRate": lambda now: [self._rate(0)],
            "MH_GetCountRate": lambda now, channel: [self._rate(self._input(channel))],
            "MH_ReadFiFo": lambda now: [],
        }

    def call(self, name: str, given: list[int], now_ps: int) -> Given:
        """Do what a function does; raises MhError, TypeError for wrong arguments."""
        if name == "MH_GetLibraryVersion":
            return ["3.1"]
        if name == "MH_GetErrorString":
            return [ERROR_WORDS.get(given[0], "MH_ERROR_UNKNOWN")]
        if not given or given[0] != 0:
            raise MhError(NO_DEVICE)
        if name == "MH_OpenDevice":
            self._is_open = True
            return [self._serial]
        if name == "MH_CloseDevice":
            self._is_open = self._is_ready = False
            return []
        if not self._is_open:
            raise MhError(NOT_OPEN)
        if name == "MH_Initialize":
            return self._initialise(*given[1:])
        function = self._functions.get(name)
        if function is None:
            raise MhError(BAD_ARGUMENT)
        if not self._is_ready and name != "MH_GetHardwareInfo":
            raise MhError(NOT_INITIALISED)
        self._device.run(now_ps)
        return function(now_ps, *given[1:])

    def _initialise(self, mode: int, reference: int) -> Given:
        if mode not in _MODES:
            raise MhError(BAD_MODE)
        if reference not in (0, 1):
            raise MhError(BAD_ARGUMENT)
        self._device.is_external = reference == 1
        # Histograms and T3 are not simulated: the mode is taken, nothing is recorded.
        self._is_ready = mode == _T2
        return []

    def _hardware_info(self, now_ps: int) -> Given:
        return [self._model, "930000", "1.0"]

    def _serial_number(self, now_ps: int) -> Given:
        return [self._serial]

    def _base_resolution(self, now_ps: int) -> Given:
        return [float(self._device.bin_ps), 24]

    def _number_of_inputs(self, now_ps: int) -> Given:
        return [self._n_inputs]

    def _set_sync_div(self, now_ps: int, div: int) -> Given:
        # In T2 mode the sync is recorded as it is.
        if div != 1:
            raise MhError(BAD_ARGUMENT)
        return []

    def _input(self, channel: int) -> int:
        if not 0 <= channel < self._n_inputs:
            raise MhError(BAD_ARGUMENT)
        return channel + 1

    def _edge(self, connector: int, level_mv: int, edge: int) -> Given:
        if abs(level_mv) > _LEVEL_MV or edge not in (0, 1):
            raise MhError(BAD_ARGUMENT)
        trigger = self._device.triggers[connector]
        trigger.level_mv, trigger.rising = level_mv, edge == 1
        return []

    def _offset(self, connector: int, value_ps: int) -> Given:
        if abs(value_ps) > _OFFSET_PS:
            raise MhError(BAD_ARGUMENT)
        self._device.triggers[connector].offset_ps = value_ps
        return []

    def _enable(self, connector: int, enable: int) -> Given:
        self._device.triggers[connector].enabled = enable != 0
        return []

    def _dead(self, connector: int, on: int, dead_ps: int) -> Given:
        if on and not _DEAD_PS[0] <= dead_ps <= _DEAD_PS[1]:
            raise MhError(BAD_ARGUMENT)
        dead = dead_ps if on else _OWN_DEAD_PS
        self._device.triggers[connector].dead_ps = dead
        return []

    def _start(self, now_ps: int, duration_ms: int) -> Given:
        if self._device.measuring:
            raise MhError(RUNNING)
        if not 1 <= duration_ms <= _LONGEST_MS:
            raise MhError(BAD_ARGUMENT)
        self._device.start(now_ps)
        return []

    def _stop(self, now_ps: int) -> Given:
        self._device.stop(now_ps)
        return []

    def _rate(self, connector: int) -> int:
        """Return edges per second over the last whole gate of 100 ms."""
        return round(self._device.ports[connector].counter.value() / _RATE_GATE_S)
