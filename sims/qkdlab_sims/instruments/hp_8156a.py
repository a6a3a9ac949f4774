"""Simulated HP 8156A optical attenuator.

Operating and programming guide 08156-91011, chapters 7 and 8 [doc: `INP`, `OUTP`,
`STAT:OPER`, error queue, ``*IDN?``, message syntax]. Not modelled: the sweep, the
user's calibration table, and the filter's dependence on wavelength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.scpi import (
    DECIBEL,
    METRE,
    Call,
    ScpiError,
    ScpiMachine,
    boolean,
    number,
)

__all__ = ["Simulator"]

MAX_FILTER_DB = 60.0
RESOLUTION_DB = 0.001
"""Range and resolution as advertised [seen]."""
MAX_OFFSET_DB = 99.999
MIN_WAVELENGTH_M, MAX_WAVELENGTH_M = 1200e-9, 1650e-9
DEFAULT_WAVELENGTH_M = 1310e-9
"""Upper limit [doc], the rest [mem]."""
QUEUE_DEPTH = 30
INPUT_LIMIT_BYTES = 1024
SETTLING_BIT = 2


@dataclass
class _Motion:
    """The filter on its way, at a constant number of dB a second."""

    from_db: float = 0.0
    to_db: float = 0.0
    begin_ps: int = 0
    end_ps: int = 0

    def at(self, now_ps: int) -> float:
        if now_ps >= self.end_ps:
            return self.to_db
        if now_ps <= self.begin_ps:
            return self.from_db
        part = (now_ps - self.begin_ps) / (self.end_ps - self.begin_ps)
        return self.from_db + part * (self.to_db - self.from_db)


class Simulator:
    """One HP 8156A on GPIB: messages end with LF or EOI, responses with LF.

    serial:           not in ``*IDN?``: the instrument does not supply it [doc]
    settle_base_ps, settle_ps_per_db: time of a move; "tens to 500 ms" [mem]
    shutter_ps:       time until the shutter has opened or closed [guess]
    shutter_at_power_on: closed, unless it was left so that it remembers [doc]
    repeatability_db: standard deviation of where the filter stops, new at every move
    """

    def __init__(
        self,
        *,
        serial: str = "",
        rng: np.random.Generator | None = None,
        settle_base_ps: int = 20_000_000_000,
        settle_ps_per_db: int = 8_000_000_000,
        shutter_ps: int = 30_000_000_000,
        shutter_at_power_on: bool = False,
        firmware: str = "1.02",
        repeatability_db: float = 0.0,
    ) -> None:
        self._rng = np.random.default_rng(0) if rng is None else rng
        self._repeatability_db = repeatability_db
        self._missed_db = 0.0
        self._settle_base_ps = settle_base_ps
        self._settle_ps_per_db = settle_ps_per_db
        self._shutter_ps = shutter_ps
        self.on_change: Callable[[int], None] | None = None
        self.wavelength_m = DEFAULT_WAVELENGTH_M
        self.offset_db = 0.0
        self.base_power_dbm: float | None = None
        """Through-power at a filter attenuation of 0 dB; None unless in that mode."""
        self.follow_wavelength = True
        self.power_on_last = shutter_at_power_on
        self._motion = _Motion()
        self._shutter_open = shutter_at_power_on
        self._shutter_from_ps = 0
        self.machine = ScpiMachine(
            f"HEWLETT-PACKARD, HP8156A, {serial or '0'}, {firmware}",
            queue_depth=QUEUE_DEPTH,
            limit_bytes=INPUT_LIMIT_BYTES,
            discard_unread=True,
        )
        self.machine.on_reset = self._reset
        self._add_commands()
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def attenuation_db(self, now_ps: int) -> float:
        """Return what the filter takes, without the shutter; not quite what it says."""
        return max(0.0, self._motion.at(now_ps) + self._missed_db)

    def shutter_open(self, now_ps: int) -> bool:
        """Return whether light passes; while the shutter moves, none does."""
        return self._shutter_open and now_ps >= self._shutter_from_ps

    def _add_commands(self) -> None:
        add = self.machine.commands.add
        add("INPut:ATTenuation", do=self._set_attenuation, ask=self._attenuation)
        add("INPut:OFFSet", do=self._set_offset, ask=self._offset)
        add("INPut:WAVelength", do=self._set_wavelength, ask=self._wavelength)
        add("INPut:LCMode", do=self._set_lcmode, ask=self._lcmode)
        add("OUTPut[:STATe]", do=self._set_shutter, ask=self._shutter)
        add("OUTPut[:STATe]:APOWeron", do=self._set_power_on, ask=self._power_on)
        add("OUTPut:APMode", do=self._set_power_mode, ask=self._power_mode)
        add("OUTPut:POWer", do=self._set_power, ask=self._power)
        add("STATus:OPERation:CONDition", ask=self._operation_condition)
        add("SYSTem:VERSion", ask=lambda call: "1990.0")

    def _changed(self, call: Call) -> None:
        if self.on_change is not None:
            self.on_change(call.now_ps)

    def _move(self, to_db: float, call: Call) -> None:
        begin_ps = call.now_ps
        from_db = self._motion.at(begin_ps)
        duration_ps = 0
        if abs(to_db - from_db) >= RESOLUTION_DB / 2:
            way_db = abs(to_db - from_db)
            duration_ps = self._settle_base_ps + round(self._settle_ps_per_db * way_db)
            missed = float(self._rng.standard_normal())
            self._missed_db = self._repeatability_db * missed
        self._motion = _Motion(from_db, to_db, begin_ps, begin_ps + duration_ps)
        self.machine.pending_ps = max(self.machine.pending_ps, self._motion.end_ps)
        self._changed(call)

    def _move_shutter(self, is_open: bool, call: Call) -> None:
        if is_open != self._shutter_open:
            self._shutter_open = is_open
            self._shutter_from_ps = call.now_ps + self._shutter_ps
            self.machine.pending_ps = max(
                self.machine.pending_ps, self._shutter_from_ps
            )
        self._changed(call)

    def _set_power_mode(self, call: Call) -> None:
        # The through-power starts as the attenuation shown (guide, OUTPut:APMode).
        self.base_power_dbm = None
        if boolean(call.only()):
            self.base_power_dbm = 2 * self._motion.to_db + self.offset_db

    def _power_mode(self, call: Call) -> str:
        return str(int(self.base_power_dbm is not None))

    def _set_power(self, call: Call) -> None:
        if self.base_power_dbm is None:
            raise ScpiError(-221)
        top_dbm, low_dbm = self.base_power_dbm, self.base_power_dbm - MAX_FILTER_DB
        value_dbm = number(
            call.only(), {"DBM": 1.0}, minimum=low_dbm, maximum=top_dbm, default=top_dbm
        )
        if not low_dbm - 1e-9 <= value_dbm <= top_dbm + 1e-9:
            raise ScpiError(-222)
        self._move(_rounded(self.base_power_dbm - value_dbm), call)

    def _power(self, call: Call) -> str:
        if self.base_power_dbm is None:
            raise ScpiError(-221)
        return f"{self.base_power_dbm - self._motion.to_db:+.3f}"

    def _leave_power_mode(self) -> None:
        # Any command or query of attenuation or offset does (guide, OUTPut:APMode).
        self.base_power_dbm = None

    def _set_attenuation(self, call: Call) -> None:
        self._leave_power_mode()
        # Attenuation shown = filter + calibration factor (guide, INPut:ATTenuation).
        low_db, high_db = self.offset_db, MAX_FILTER_DB + self.offset_db
        value_db = number(
            call.only(), DECIBEL, minimum=low_db, maximum=high_db, default=low_db
        )
        if not low_db - 1e-9 <= value_db <= high_db + 1e-9:
            raise ScpiError(-222)
        self._move(_rounded(value_db - self.offset_db), call)

    def _attenuation(self, call: Call) -> str:
        self._leave_power_mode()
        shown_db = self._motion.to_db + self.offset_db
        low_db, high_db = self.offset_db, MAX_FILTER_DB + self.offset_db
        shown_db = call.or_limit(
            shown_db, minimum=low_db, maximum=high_db, default=low_db
        )
        return f"{shown_db:+.3f}"

    def _set_offset(self, call: Call) -> None:
        self._leave_power_mode()
        value_db = number(
            call.only(),
            DECIBEL,
            minimum=-MAX_OFFSET_DB,
            maximum=MAX_OFFSET_DB,
            default=0.0,
        )
        if abs(value_db) > MAX_OFFSET_DB:
            raise ScpiError(-222)
        self.offset_db = _rounded(value_db)

    def _offset(self, call: Call) -> str:
        self._leave_power_mode()
        value_db = call.or_limit(
            self.offset_db, minimum=-MAX_OFFSET_DB, maximum=MAX_OFFSET_DB, default=0.0
        )
        return f"{value_db:+.3f}"

    def _set_wavelength(self, call: Call) -> None:
        value_m = number(
            call.only(),
            METRE,
            minimum=MIN_WAVELENGTH_M,
            maximum=MAX_WAVELENGTH_M,
            default=DEFAULT_WAVELENGTH_M,
        )
        # "INP:WAV 1313" in the guide's examples is in nanometres.
        if value_m > 1.0:
            value_m *= 1e-9
        if (
            not MIN_WAVELENGTH_M * (1 - 1e-9)
            <= value_m
            <= MAX_WAVELENGTH_M * (1 + 1e-9)
        ):
            raise ScpiError(-222)
        self.wavelength_m = value_m

    def _wavelength(self, call: Call) -> str:
        value_m = call.or_limit(
            self.wavelength_m,
            minimum=MIN_WAVELENGTH_M,
            maximum=MAX_WAVELENGTH_M,
            default=DEFAULT_WAVELENGTH_M,
        )
        return f"{value_m:+.6E}"

    def _set_lcmode(self, call: Call) -> None:
        self.follow_wavelength = boolean(call.only())

    def _lcmode(self, call: Call) -> str:
        return str(int(self.follow_wavelength))

    def _set_shutter(self, call: Call) -> None:
        self._move_shutter(boolean(call.only()), call)

    def _shutter(self, call: Call) -> str:
        return str(int(self._shutter_open))

    def _set_power_on(self, call: Call) -> None:
        typed = str(call.only()).upper()
        if typed in ("DIS", "LAST"):
            self.power_on_last = typed == "LAST"
        else:
            self.power_on_last = boolean(call.only())

    def _power_on(self, call: Call) -> str:
        return str(int(self.power_on_last))

    def _operation_condition(self, call: Call) -> str:
        # Bit 1: the motor that positions the filter is settling [doc].
        return str(SETTLING_BIT if call.now_ps < self._motion.end_ps else 0)

    def _reset(self, call: Call) -> None:
        self.offset_db = 0.0
        self.base_power_dbm = None
        self.wavelength_m = DEFAULT_WAVELENGTH_M
        self.follow_wavelength = True
        self._move(0.0, call)
        self._move_shutter(False, call)


def _rounded(value_db: float) -> float:
    return round(value_db / RESOLUTION_DB) * RESOLUTION_DB
