"""Simulated Stanford Research Systems SG384 RF generator.

Commands and ranges [seen, drivers of QCoDeS and pymeasure]; format of ``*IDN?``, CR LF
after answers, numbers of errors, 10 MHz at power-on, `MODL` and `TYPE` [seen, a public
client checked against a unit]; `TIMB?` [seen, the maker's Python package for the
DG645]; units, `RPHS`, steps of the phase, bits of `INSR?` [mem]. Not modelled: what
modulation does to the sine, sweeps, lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.srs import (
    Call,
    ErrorFifo,
    Fault,
    SrsError,
    SrsMachine,
)

__all__ = ["Simulator"]

MAX_FREQUENCY_HZ = 4.05e9
MIN_TYPE_N_HZ = 950e3
MAX_BNC_HZ = 62.5e6
FREQUENCY_STEP_HZ = 1e-6
HERTZ = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9}
LEVELS = {"DBM": 1.0, "RMS": 1.0, "VPP": 1.0}
TYPE_N_DBM, BNC_DBM = (-110.0, 16.5), (-47.0, 13.0)
MAX_PHASE_DEG = 360.0
TIMEBASES = ("crystal", "ocxo", "rubidium", "external")
"""Numbers of ``TIMB?`` in this order [seen]."""
NO_TIMEBASE_BIT = 5
"""Of ``INSR?``; bits 0 to 4 are the loops of the synthesiser [mem]."""
INPUT_LIMIT_BYTES = 256
_LOAD_OHM = 50.0


class Simulator:
    """One SG384 with its type-N and BNC outputs.

    timebase: what is built in; ``ocxo`` is the standard of the SG384 [mem]

    `external_reference`: whether 10 MHz comes in at the rear; `reference_is_good`:
    whether it is near enough to lock to.
    """

    def __init__(
        self,
        *,
        serial: str = "001796",
        rng: np.random.Generator | None = None,
        timebase: str = "ocxo",
        firmware: str = "1.21.26",
    ) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.external_reference = False
        self.reference_is_good = True
        self._built_in = TIMEBASES.index(timebase)
        self._latched = 0
        self._errors = ErrorFifo()
        self._set_defaults()
        self.machine = SrsMachine(
            f"Stanford Research Systems,SG384,s/n{serial},ver{firmware}",
            self._errors,
            limit_bytes=INPUT_LIMIT_BYTES,
        )
        self.machine.on_reset = self._reset
        self._add_commands()
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def frequency_hz(self) -> float:
        """Return the frequency of the sine."""
        return self._frequency_hz

    def phase_deg(self) -> float:
        """Return the phase against the reference, ``RPHS`` notwithstanding."""
        return self._phase_deg + self._phase_zero_deg

    def power_dbm(self) -> float:
        """Return the level of the type-N output into 50 Ohm."""
        return self._power_dbm

    def output_on(self) -> bool:
        """Return whether the type-N output gives a sine."""
        return self._type_n_on and self._frequency_hz >= MIN_TYPE_N_HZ

    def bnc_on(self) -> bool:
        """Return whether the BNC output gives a sine."""
        return self._bnc_on and self._frequency_hz <= MAX_BNC_HZ

    def bnc_power_dbm(self) -> float:
        """Return the level of the BNC output into 50 Ohm."""
        return self._bnc_dbm

    def modulated(self) -> bool:
        """Return whether modulation is switched on."""
        return self._integers["MODL"] == 1

    def timebase_locked(self) -> bool:
        """Return whether the synthesiser follows its reference."""
        return not self.external_reference or self.reference_is_good

    def _set_defaults(self) -> None:
        self._frequency_hz = 10e6
        self._phase_deg = 0.0
        self._phase_zero_deg = 0.0
        self._power_dbm = 0.0
        self._bnc_dbm = 0.0
        self._type_n_on = True
        self._bnc_on = True
        self._offset_v = 0.0
        self._integers = {"MODL": 0, "TYPE": 1, "MFNC": 0, "QFNC": 0, "COUP": 1}
        self._integers["NOIS"] = 0
        self._rate_hz = 1000.0
        self._deviation_hz = 1000.0

    def _add_commands(self) -> None:
        add = self.machine.add
        add("FREQ", do=self._set_frequency, ask=self._frequency)
        add("PHAS", do=self._set_phase, ask=lambda call: f"{self._phase_deg:.2f}")
        add("RPHS", do=self._zero_phase)
        add("AMPR", do=self._set_power, ask=lambda call: _level(call, self._power_dbm))
        add("AMPL", do=self._set_bnc, ask=lambda call: _level(call, self._bnc_dbm))
        add("ENBR", do=self._switch, ask=lambda call: str(int(self._type_n_on)))
        add("ENBL", do=self._switch_bnc, ask=lambda call: str(int(self._bnc_on)))
        add("OFSL", do=self._set_offset, ask=lambda call: f"{self._offset_v:.2f}")
        add("RATE", do=self._set_rate, ask=lambda call: f"{self._rate_hz:.6f}")
        add("FDEV", do=self._set_deviation, ask=self._deviation)
        for name, most in {"MODL": 1, "TYPE": 6, "MFNC": 5, "QFNC": 5}.items():
            self._add_integer(name, most)
        self._add_integer("COUP", 1)
        self._add_integer("NOIS", 1)
        add("OPTN", ask=self._option)
        add("TIMB", ask=lambda call: str(self._timebase()))
        add("INSR", ask=self._pop_status)
        add("LERR", ask=lambda call: str(self._errors.pop()))

    def _add_integer(self, name: str, most: int) -> None:
        def do(call: Call) -> None:
            call.expect(1)
            self._integers[name] = call.integer(0, most)
            self._changed(call)

        self.machine.add(name, do=do, ask=lambda call: str(self._integers[name]))

    def _changed(self, call: Call) -> None:
        if self.on_change is not None:
            self.on_change(call.now_ps)

    def _set_frequency(self, call: Call) -> None:
        value_hz, _ = call.number(HERTZ)
        if not 0.0 <= value_hz <= MAX_FREQUENCY_HZ:
            raise SrsError(Fault.ILLEGAL_VALUE)
        self._frequency_hz = round(value_hz / FREQUENCY_STEP_HZ) * FREQUENCY_STEP_HZ
        self._changed(call)

    def _frequency(self, call: Call) -> str:
        return f"{self._frequency_hz / HERTZ[call.unit(HERTZ, 'HZ')]:.6f}"

    def _set_phase(self, call: Call) -> None:
        # One step is at most 360 degrees [mem, manual: PHAS].
        value_deg, _ = call.number()
        step_deg = abs(value_deg - self._phase_deg)
        if abs(value_deg) > MAX_PHASE_DEG or step_deg > MAX_PHASE_DEG:
            raise SrsError(Fault.ILLEGAL_VALUE)
        resolution_deg = self._phase_resolution_deg()
        self._phase_deg = round(value_deg / resolution_deg) * resolution_deg
        self._changed(call)

    def _phase_resolution_deg(self) -> float:
        # Below 100 MHz, up to 1 GHz, above [mem].
        if self._frequency_hz < 100e6:
            return 0.01
        return 0.1 if self._frequency_hz <= 1e9 else 1.0

    def _zero_phase(self, call: Call) -> None:
        call.expect(0)
        self._phase_zero_deg += self._phase_deg
        self._phase_deg = 0.0

    def _set_power(self, call: Call) -> None:
        self._power_dbm = _dbm(call, TYPE_N_DBM)
        self._changed(call)

    def _set_bnc(self, call: Call) -> None:
        self._bnc_dbm = _dbm(call, BNC_DBM)
        self._changed(call)

    def _switch(self, call: Call) -> None:
        call.expect(1)
        self._type_n_on = call.integer(0, 1) == 1
        self._changed(call)

    def _switch_bnc(self, call: Call) -> None:
        call.expect(1)
        self._bnc_on = call.integer(0, 1) == 1
        self._changed(call)

    def _set_offset(self, call: Call) -> None:
        self._offset_v = _within(call.number({"V": 1.0})[0], -1.5, 1.5)

    def _set_rate(self, call: Call) -> None:
        self._rate_hz = _within(call.number(HERTZ)[0], 1e-6, 500e3)

    def _set_deviation(self, call: Call) -> None:
        self._deviation_hz = _within(call.number(HERTZ)[0], 0.0, 32e6)

    def _deviation(self, call: Call) -> str:
        return f"{self._deviation_hz / HERTZ[call.unit(HERTZ, 'HZ')]:.1f}"

    def _option(self, call: Call) -> str:
        # Rear clock, doubler, IQ modulator, rubidium: none fitted [seen: numbers].
        call.expect(1)
        call.integer(1, 4)
        return "0"

    def _timebase(self) -> int:
        external = self.external_reference
        return TIMEBASES.index("external") if external else self._built_in

    def _pop_status(self, call: Call) -> str:
        # Latched until read; what persists is latched again [guess].
        status = self._latched
        if not self.timebase_locked():
            status |= 1 << NO_TIMEBASE_BIT
        self._latched = 0
        return str(status)

    def lose_reference(self) -> None:
        """Let the external reference be lost for a moment: only ``INSR?`` tells."""
        self._latched |= 1 << NO_TIMEBASE_BIT

    def _reset(self, call: Call) -> None:
        self._set_defaults()
        self._changed(call)


def _within(value: float, minimum: float, maximum: float) -> float:
    if not minimum <= value <= maximum:
        raise SrsError(Fault.ILLEGAL_VALUE)
    return value


def _dbm(call: Call, limits_dbm: tuple[float, float]) -> float:
    """Return a level in dBm, given in dBm, volts rms or volts peak to peak."""
    value, unit = call.number(LEVELS)
    if unit in ("RMS", "VPP"):
        volts_rms = value / (2 * math.sqrt(2)) if unit == "VPP" else value
        if volts_rms <= 0.0:
            raise SrsError(Fault.ILLEGAL_VALUE)
        value = 10 * math.log10(volts_rms**2 / _LOAD_OHM / 1e-3)
    return round(_within(value, *limits_dbm), 2)


def _level(call: Call, level_dbm: float) -> str:
    unit = call.unit(LEVELS, "DBM")
    if unit == "DBM":
        return f"{level_dbm:.2f}"
    volts_rms = math.sqrt(1e-3 * 10 ** (level_dbm / 10) * _LOAD_OHM)
    return f"{volts_rms * (2 * math.sqrt(2) if unit == 'VPP' else 1.0):.6f}"
