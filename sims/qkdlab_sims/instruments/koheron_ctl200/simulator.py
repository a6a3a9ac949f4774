"""Simulated Koheron CTL200: current source, cooler, protections, serial terminal.

Commands, units, answers and error bits [seen, pymeasure's driver and its recorded
protocol]; what `tprot`, `lckon` and `ldelay` do [seen, its docstrings]; refusals
without the cooler, limits of what is taken, start-up values, the ramp [guess].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qkdlab_sims.instruments.koheron_ctl200.cooler import Cooler
from qkdlab_sims.instruments.koheron_ctl200.errors import Error
from qkdlab_sims.instruments.koheron_ctl200.source import MAX_CURRENT_MA, CurrentSource
from qkdlab_sims.instruments.koheron_ctl200.terminal import UNKNOWN, Terminal
from qkdlab_sims.instruments.machine import ByteMachine

__all__ = ["Simulator"]

PS_PER_MS = 1_000_000_000
USER_DATA_LIMIT = 31
"""[seen]."""
BOARD_TEMPERATURE_C = 34.5
BAUD = (9600, 460_800)
"""Least and greatest [seen]."""

COOLER_SETTINGS = {
    "rtset": ("set_ohm", 100.0, 1e6),
    "pgain": ("pgain", 0.0, 0.1),
    "igain": ("igain", 0.0, 0.1),
    "dgain": ("dgain", 0.0, 0.1),
    "vtmin": ("min_v", -3.0, 0.0),
    "vtmax": ("max_v", 0.0, 3.0),
}
"""Command -> field of the cooler, limits; gains and voltages [seen]."""
PLAIN_SETTINGS = {
    "ldelay": (10.0, 100_000.0, 500.0),
    "rtmin": (100.0, 1e6, 5_000.0),
    "rtmax": (100.0, 1e6, 20_000.0),
    "lmodgain": (-100_000.0, 100_000.0, 0.0),
    "tmodgain": (-100_000.0, 100_000.0, 0.0),
}
"""Command -> limits, value at power-on."""


class Simulator:
    """One CTL200 with a laser, its thermistor and its cooler.

    ambient_k:    temperature of the surroundings
    noise_ohm:    rms of one reading of the thermistor [guess]
    ramp_ps:      from zero to the full current after the delay [guess]
    needs_cooler: whether the laser refuses to go on while the cooler is off [guess]
    cooler_tau_ps: time constant of the mount without control [guess]

    `photodiode_ma` and `laser_voltage_v` give what is measured at a time; the world
    supplies the former.
    """

    def __init__(
        self,
        *,
        serial: str = "0123456789",
        rng: np.random.Generator | None = None,
        ambient_k: float = 298.15,
        noise_ohm: float = 0.2,
        ramp_ps: int = 10 * PS_PER_MS,
        needs_cooler: bool = True,
        cooler_tau_ps: int = 5_000_000_000_000,
        latency_ps: int = 0,
        firmware: str = "v0.17",
    ) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.photodiode_ma: Callable[[int], float] = lambda now_ps: 0.0
        self.laser_voltage_v: Callable[[int], float] = self._diode_voltage_v
        self.interlock_closed = True
        self.errors = Error(0)
        self.cooler = Cooler(ambient_k=ambient_k, tau_ps=cooler_tau_ps)
        self.source = CurrentSource(ramp_ps)
        self._rng = rng if rng is not None else np.random.default_rng(0)
        self._noise_ohm = noise_ohm
        self._needs_cooler = needs_cooler
        self._identity = {"serial": serial, "version": firmware, "model": "CTL200-0"}
        self._flags = {"tprot": False, "lckon": True}
        self._plain = {name: start for name, (_, _, start) in PLAIN_SETTINGS.items()}
        self._baud = 115_200
        self._user_data = ""
        self.machine = Terminal(self._answer, self._trouble, latency_ps=latency_ps)
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def current_ma(self, now_ps: int) -> float:
        """Return the current through the laser, its ramp included."""
        self._protect(now_ps)
        return self.source.current_ma(now_ps)

    def thermistor_ohm(self, now_ps: int) -> float:
        """Return the true resistance of the thermistor."""
        return self.cooler.resistance_ohm(now_ps)

    def laser_on(self, now_ps: int) -> bool:
        """Return whether the current is switched on, the start delay included."""
        self._protect(now_ps)
        return self.source.on

    def set_interlock(self, closed: bool, now_ps: int) -> None:
        """Open or close the interlock; an open one switches the laser off."""
        self.interlock_closed = closed
        self._protect(now_ps)

    def _diode_voltage_v(self, now_ps: int) -> float:
        current_ma = self.current_ma(now_ps)
        return 0.0 if current_ma == 0.0 else 0.9 + 4e-3 * current_ma

    def _trouble(self, what: str) -> None:
        self.errors |= Error.OVERFLOW if what == "overflow" else Error.BEFORE_PROMPT

    def _answer(self, words: list[str], now_ps: int) -> str:
        self._protect(now_ps)
        name, given = words[0], words[1:]
        if name == "userdata":
            return self._answer_user_data(given)
        if name in self._identity:
            return self._identity[name]
        measured = self._measured(name, now_ps)
        if measured is not None:
            return measured
        if name == "errclr":
            self.errors = Error(0)
            return "ffffffff"
        if name == "save":
            return "config saved"
        return self._answer_setting(name, given, now_ps)

    def _answer_setting(self, name: str, given: list[str], now_ps: int) -> str:
        """Take what is given, if it can be taken, and answer what then holds."""
        value = self._number(given)
        if value is not None and not self._take(name, value, now_ps):
            self.errors |= Error.INVALID
        return self._show(name)

    def _take(self, name: str, value: float, now_ps: int) -> bool:
        """Set something; return whether it can have that value."""
        if name in COOLER_SETTINGS:
            field, minimum, maximum = COOLER_SETTINGS[name]
            if not minimum <= value <= maximum:
                return False
            self.cooler.change(now_ps, **{field: value})
        elif name in PLAIN_SETTINGS:
            minimum, maximum, _ = PLAIN_SETTINGS[name]
            if not minimum <= value <= maximum:
                return False
            self._plain[name] = value
            return True
        elif name == "brate":
            if not BAUD[0] <= value <= BAUD[1]:
                return False
            self._baud = int(value)
            return True
        elif name in ("ilaser", "ilmax"):
            if value < 0.0 or (name == "ilmax" and value > MAX_CURRENT_MA):
                return False
            if name == "ilaser":
                self.source.set_current_ma(value, now_ps)
            else:
                self.source.set_limit_ma(value, now_ps)
        elif name in ("lason", "tecon", *self._flags):
            if value not in (0.0, 1.0):
                return False
            self._switch(name, value == 1.0, now_ps)
        else:
            return True
        self._changed(now_ps)
        return True

    def _show(self, name: str) -> str:
        """Answer what holds; a name that nobody knows is noted."""
        if name in COOLER_SETTINGS:
            return f"{getattr(self.cooler, COOLER_SETTINGS[name][0]):.3f}"
        if name in self._plain:
            return f"{self._plain[name]:.3f}"
        known = {
            "lason": str(int(self.source.on)),
            "tecon": str(int(self.cooler.on)),
            "ilaser": f"{self.source.set_ma:.3f}",
            "ilmax": f"{self.source.limit_ma:.3f}",
            "brate": str(self._baud),
            **{flag: str(int(value)) for flag, value in self._flags.items()},
        }
        if name not in known:
            self.errors |= Error.UNKNOWN
        return known.get(name, UNKNOWN)

    def _answer_user_data(self, given: list[str]) -> str:
        if given[:1] == ["write"] and len(given) == 2:
            self._user_data = given[1][:USER_DATA_LIMIT]
        elif given:
            self.errors |= Error.INVALID
        return self._user_data

    def _measured(self, name: str, now_ps: int) -> str | None:
        """Return the answer to a query of something measured, None for another."""
        if name == "err":
            return f"{int(self.errors):x}"
        if name == "tboard":
            return f"{BOARD_TEMPERATURE_C:.3f}"
        values: dict[str, Callable[[int], float]] = {
            "vlaser": self.laser_voltage_v,
            "itec": self.cooler.current_a,
            "vtec": self.cooler.voltage_v,
            "rtact": self._read_thermistor_ohm,
            "iphd": self.photodiode_ma,
            "ain1": lambda now_ps: 0.0,
            "ain2": lambda now_ps: 0.0,
        }
        if name == "status":
            numbers = [f"{read(now_ps):.3f}" for read in values.values()]
            return " ".join([str(int(self.source.on)), *numbers])
        return f"{values[name](now_ps):.3f}" if name in values else None

    def _read_thermistor_ohm(self, now_ps: int) -> float:
        noise_ohm = self._noise_ohm * float(self._rng.standard_normal())
        return self.cooler.resistance_ohm(now_ps) + noise_ohm

    def _number(self, given: list[str]) -> float | None:
        """Return the one number given; None, and an error noted, for anything else."""
        if not given:
            return None
        try:
            value = float(given[0])
        except ValueError:
            value = math.nan
        if len(given) > 1 or not math.isfinite(value):
            self.errors |= Error.INVALID
            return None
        return value

    def _switch(self, name: str, on: bool, now_ps: int) -> None:
        if name == "tecon":
            self.cooler.change(now_ps, on=on)
            if not on and self._needs_cooler:
                self.source.switch_off(now_ps)
        elif name != "lason":
            self._flags[name] = on
            self._protect(now_ps)
        elif not on:
            self.source.switch_off(now_ps)
        elif not self.source.on and self._may_go_on(now_ps):
            delay_ps = round(self._plain["ldelay"] * PS_PER_MS)
            self.source.switch_on(now_ps, delay_ps)

    def _may_go_on(self, now_ps: int) -> bool:
        if self._flags["lckon"] and not self.interlock_closed:
            self.errors |= Error.ON_WHILE_INTERLOCK
            return False
        if self._needs_cooler and not self.cooler.on:
            return False
        return not self._flags["tprot"] or self._in_window(now_ps)

    def _in_window(self, now_ps: int) -> bool:
        resistance_ohm = self.cooler.resistance_ohm(now_ps)
        if resistance_ohm > self._plain["rtmax"]:
            self.errors |= Error.TOO_COLD
        elif resistance_ohm < self._plain["rtmin"]:
            self.errors |= Error.TOO_HOT
        return self._plain["rtmin"] <= resistance_ohm <= self._plain["rtmax"]

    def _protect(self, now_ps: int) -> None:
        """Switch off what the interlock or the temperature forbids."""
        if not self.source.on:
            return
        if self._flags["lckon"] and not self.interlock_closed:
            self.errors |= Error.INTERLOCK
        elif not self._flags["tprot"] or self._in_window(now_ps):
            return
        self.source.switch_off(now_ps)
        self._changed(now_ps)

    def _changed(self, now_ps: int) -> None:
        if self.on_change is not None:
            self.on_change(now_ps)
