"""The console: settings, the measurement, zeroing.

Commands and defaults from the vendor's command lists [seen] and the PM100D manual
chapter 6 [doc]; what neither says is marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.scpi import (
    DECIBEL,
    WATT,
    Call,
    Later,
    ScpiError,
    ScpiMachine,
    boolean,
    choice,
    number,
)
from qkdlab_sims.instruments.scpi.registers import (
    RegisterGroup,
    add_register_groups,
)
from qkdlab_sims.instruments.thorlabs_pm100d.noise import FilteredNoise
from qkdlab_sims.instruments.thorlabs_pm100d.sensor import (
    CURRENT_RANGES_A,
    FAST_LAG_PS,
    MAX_WAVELENGTH_NM,
    MIN_WAVELENGTH_NM,
    SLOW_LAG_PS,
    Sensor,
)

__all__ = ["Simulator"]

SAMPLE_PS = 3_000_000_000
"""One elementary sample takes about 3 ms [doc]."""
MAX_AVERAGE = 10_000
OVER_RANGE = 9.9e37
NANOMETRE = {"NM": 1.0, "UM": 1e3, "M": 1e9}
POWER_FLAGS = 1 + 16 + 32
"""Power sensor, responsivity settable, wavelength settable [doc]."""
QUEUE_DEPTH = 30
INPUT_LIMIT_BYTES = 240
"""[seen] "about 240 characters"."""
_REMEMBERED_LAGS = 35.0
"""Time constants behind which a low-pass has forgotten all but 1e-15."""
_SILENT_GROUPS = ("QUEStionable", "MEASurement", "AUXillary")
_READY = 512
"""A measurement has ended [guess]: a client filters this bit of OPERation before it
fetches a value [code]."""


def _no_light(t0_ps: int, t1_ps: int, lag_ps: float) -> float:
    return 0.0


class Simulator:
    """PM100D on USBTMC: one response a query, no response to a command.

    serial, sensor_serial: of console and sensor
    light:          set by the world: average over an interval of time of the power in
                    W behind a first-order low-pass with a time constant in ps; the
                    world knows what light there was before
    scale_error, light_wavelength_nm, dark_current_a, noise_of_range: see `Sensor`
    zero_ps:        how long zeroing takes [guess]
    keep_unread:    the manual warns that an unread response runs into the next; the
                    newer command lists speak of error -410 and its loss (the default)
    quoted_sensor:  ``SYST:SENS:IDN?`` with quotes (PM100D2 [seen]) or without
    """

    def __init__(
        self,
        *,
        serial: str = "P0000001",
        sensor_serial: str = "210101101",
        rng: np.random.Generator | None = None,
        scale_error: float = 0.0,
        light_wavelength_nm: float = 1550.12,
        dark_current_a: float = 0.4e-9,
        noise_of_range: float = 2e-5,
        zero_ps: int = 2_000_000_000_000,
        keep_unread: bool = False,
        quoted_sensor: bool = False,
    ) -> None:
        self.light: Callable[[int, int, float], float] = _no_light
        rng = np.random.default_rng(0) if rng is None else rng
        self._noise = FilteredNoise(rng, SAMPLE_PS)
        self.sensor = Sensor(
            scale_error=scale_error,
            light_wavelength_nm=light_wavelength_nm,
            dark_current_a=dark_current_a,
            noise_of_range=noise_of_range,
        )
        self._sensor_serial = sensor_serial
        self._zero_ps = zero_ps
        longest_ps = max(SAMPLE_PS * MAX_AVERAGE, zero_ps)
        self._look_back_ps = longest_ps + round(_REMEMBERED_LAGS * SLOW_LAG_PS)
        self._quote = '"' if quoted_sensor else ""
        self._zeroing = False
        self._zero_ticket = 0
        self._measurement = 0
        self._value: float | None = None
        self._done_ps: int | None = None
        self.machine = ScpiMachine(
            f"THORLABS,PM100D,{serial},2.7.0",
            queue_depth=QUEUE_DEPTH,
            limit_bytes=INPUT_LIMIT_BYTES,
            discard_unread=not keep_unread,
        )
        self.machine.on_reset = lambda call: self._set_defaults()
        self._set_defaults()
        self._add_commands()
        # The groups by the command list [seen]; no client that was read looks at any
        # bit but this one of OPERation, and for its meaning [guess].
        groups = {name: RegisterGroup(lambda now_ps: 0) for name in _SILENT_GROUPS}
        groups["OPERation"] = RegisterGroup(self._operation)
        add_register_groups(self.machine, groups)
        self.endpoints: dict[str, ByteMachine] = {"control": self.machine}

    def settle(self, now_ps: int) -> int:
        """Take the readings that are due, fetched or not; see `LooksBack`."""
        self.machine.act(now_ps)
        return now_ps - self._look_back_ps

    def _set_defaults(self) -> None:
        self.wavelength_nm = 1550.0
        self.average = 1
        self.auto_range = True
        self.range_a = CURRENT_RANGES_A[-1]
        self.unit = "W"
        self.quantity = "POW"
        self.filtered = False
        self.loss_db = 0.0
        self.reference_w = 0.0
        self.is_relative = False
        self._abort()

    def _add_commands(self) -> None:
        add = self.machine.commands.add
        correction = "[SENSe]:CORRection"
        add(correction + ":WAVelength", do=self._set_wavelength, ask=self._wavelength)
        add(
            correction + "[:LOSS][:INPut][:MAGNitude]",
            do=self._set_loss,
            ask=lambda call: f"{self.loss_db:.8E}",
        )
        add(correction + ":POWer[:PDIode][:RESPonse]", ask=self._responsivity)
        zero = correction + ":COLLect:ZERO"
        add(zero + "[:INITiate]", do=self._zero)
        add(zero + ":ABORt", do=self._abort_zero)
        add(zero + ":STATe", ask=lambda call: str(int(self._zeroing)))
        add(zero + ":MAGNitude", ask=lambda call: f"{self.sensor.zero_a:.8E}")
        add("[SENSe]:AVERage[:COUNt]", do=self._set_average, ask=self._average)
        power = "[SENSe]:POWer[:DC]"
        add(power + ":RANGe[:UPPer]", do=self._set_range, ask=self._range)
        add(
            power + ":RANGe:AUTO",
            do=self._set_auto_range,
            ask=lambda call: str(int(self.auto_range)),
        )
        add(power + ":UNIT", do=self._set_unit, ask=lambda call: self.unit)
        add(
            power + ":REFerence",
            do=self._set_reference,
            ask=lambda call: f"{self.reference_w:.8E}",
        )
        add(
            power + ":REFerence:STATe",
            do=self._set_relative,
            ask=lambda call: str(int(self.is_relative)),
        )
        add(
            "INPut[:PDIode]:FILTer[:LPASs][:STATe]",
            do=self._set_filter,
            ask=lambda call: str(int(self.filtered)),
        )
        add("CONFigure", ask=lambda call: self.quantity)
        for quantity in ("POWer", "CURRent"):
            node = f"[:{quantity}]" if quantity == "POWer" else f":{quantity}"
            short = choice(quantity, (quantity,))
            add(f"CONFigure[:SCALar]{node}", do=self._configuring(short))
            add(f"MEASure[:SCALar]{node}", ask=self._measuring(short))
        add("INITiate[:IMMediate]", do=self._initiate)
        add("ABORt", do=lambda call: self._abort())
        add("READ", ask=self._read)
        add("FETCh", ask=self._fetch)
        add("SYSTem:SENSor:IDN", ask=self._sensor_identity)
        add("SYSTem:VERSion", ask=lambda call: "1999.0")

    # Settings

    def _set_wavelength(self, call: Call) -> None:
        value_nm = number(
            call.only(),
            NANOMETRE,
            minimum=MIN_WAVELENGTH_NM,
            maximum=MAX_WAVELENGTH_NM,
        )
        if not MIN_WAVELENGTH_NM <= value_nm <= MAX_WAVELENGTH_NM:
            raise ScpiError(-222)
        self.wavelength_nm = value_nm

    def _wavelength(self, call: Call) -> str:
        value_nm = call.or_limit(
            self.wavelength_nm, minimum=MIN_WAVELENGTH_NM, maximum=MAX_WAVELENGTH_NM
        )
        return f"{value_nm:.8E}"

    def _set_loss(self, call: Call) -> None:
        value_db = number(call.only(), DECIBEL, minimum=-60, maximum=60, default=0)
        if abs(value_db) > 60:
            raise ScpiError(-222)
        self.loss_db = value_db

    def _responsivity(self, call: Call) -> str:
        return f"{self.sensor.responsivity_a_w(self.wavelength_nm):.8E}"

    def _set_average(self, call: Call) -> None:
        value = round(number(call.only(), minimum=1, maximum=MAX_AVERAGE, default=1))
        if not 1 <= value <= MAX_AVERAGE:
            raise ScpiError(-222)
        self.average = value

    def _average(self, call: Call) -> str:
        return str(self.average)

    def _watts(self, current_a: float) -> float:
        factor = 10 ** (self.loss_db / 10)
        return current_a * factor / self.sensor.responsivity_a_w(self.wavelength_nm)

    def _set_range(self, call: Call) -> None:
        low_w, high_w = map(self._watts, (CURRENT_RANGES_A[0], CURRENT_RANGES_A[-1]))
        value_w = number(call.only(), WATT, minimum=low_w, maximum=high_w)
        if not 0 <= value_w <= high_w * (1 + 1e-6):
            raise ScpiError(-222)
        self.range_a = self.sensor.range_for(value_w / self._watts(1.0) * (1 - 1e-9))
        self.auto_range = False

    def _range(self, call: Call) -> str:
        low_w, high_w = map(self._watts, (CURRENT_RANGES_A[0], CURRENT_RANGES_A[-1]))
        value_w = call.or_limit(
            self._watts(self.range_a), minimum=low_w, maximum=high_w
        )
        return f"{value_w:.8E}"

    def _set_auto_range(self, call: Call) -> None:
        self.auto_range = boolean(call.only())

    def _set_unit(self, call: Call) -> None:
        self.unit = choice(call.only(), ("W", "DBM"))

    def _set_reference(self, call: Call) -> None:
        self.reference_w = number(call.only(), WATT, minimum=0.0, maximum=1.0)

    def _set_relative(self, call: Call) -> None:
        self.is_relative = boolean(call.only())

    def _set_filter(self, call: Call) -> None:
        self.filtered = boolean(call.only())

    # Measurement

    def _configuring(self, quantity: str) -> Callable[[Call], None]:
        def do(call: Call) -> None:
            self._abort()
            self.quantity = quantity

        return do

    def _measuring(self, quantity: str) -> Callable[[Call], Later]:
        def ask(call: Call) -> Later:
            self.quantity = quantity
            return self._read(call)

        return ask

    def _initiate(self, call: Call) -> None:
        self._abort()
        self._measurement += 1
        ticket = self._measurement
        begin_ps, end_ps = call.now_ps, call.now_ps + SAMPLE_PS * self.average
        self._done_ps = end_ps
        self.machine.pending_ps = max(self.machine.pending_ps, end_ps)

        def finish() -> None:
            if ticket == self._measurement and self._done_ps is not None:
                self._value = self._measure(begin_ps, end_ps)

        self.machine.schedule(end_ps, finish)

    def _operation(self, now_ps: int) -> int:
        return _READY * (self._done_ps is not None and now_ps >= self._done_ps)

    def _abort(self) -> None:
        self._done_ps = None
        self._value = None

    def _read(self, call: Call) -> Later:
        self._initiate(call)
        return self._fetch(call)

    def _fetch(self, call: Call) -> Later:
        if self._done_ps is None:
            raise ScpiError(-230)
        return Later(max(call.now_ps, self._done_ps), self._formatted)

    def _formatted(self) -> str:
        value = OVER_RANGE if self._value is None else self._value
        return f"{value:.8E}"

    def _current_a(
        self, begin_ps: int, end_ps: int, range_a: float | None = None
    ) -> float:
        """Return the average current through the low-pass, zero not yet removed."""
        lag_ps = SLOW_LAG_PS if self.filtered else FAST_LAG_PS
        return self.sensor.current_a(
            self.light(begin_ps, end_ps, lag_ps),
            self._noise.mean(begin_ps, end_ps, lag_ps),
            range_a=range_a,
        )

    def _measure(self, begin_ps: int, end_ps: int) -> float:
        range_a = None if self.auto_range else self.range_a
        current_a = self._current_a(begin_ps, end_ps, range_a)
        limit_a = CURRENT_RANGES_A[-1] if self.auto_range else self.range_a
        if abs(current_a) > limit_a:
            return OVER_RANGE
        current_a -= self.sensor.zero_a
        if self.quantity == "CURR":
            return current_a
        watts = self._watts(current_a)
        if self.is_relative:
            watts -= self.reference_w
        if self.unit == "W":
            return watts
        return 10 * math.log10(watts / 1e-3) if watts > 0 else -OVER_RANGE

    # Zeroing

    def _zero(self, call: Call) -> None:
        self._zeroing = True
        self._zero_ticket += 1
        ticket = self._zero_ticket
        begin_ps, end_ps = call.now_ps, call.now_ps + self._zero_ps
        self.machine.pending_ps = max(self.machine.pending_ps, end_ps)

        def finish() -> None:
            if ticket != self._zero_ticket or not self._zeroing:
                return
            self._zeroing = False
            if not self.sensor.try_zero(self._current_a(begin_ps, end_ps)):
                self.machine.status.note(
                    ScpiError(-200, "Execution error; zero too bright")
                )

        self.machine.schedule(end_ps, finish)

    def _abort_zero(self, call: Call) -> None:
        self._zeroing = False

    def _sensor_identity(self, call: Call) -> str:
        q = self._quote
        return (
            f"{q}S155C{q},{q}{self._sensor_serial}{q},{q}05-Oct-2026{q},1,2,"
            f"{POWER_FLAGS}"
        )
