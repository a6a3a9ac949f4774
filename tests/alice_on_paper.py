"""Alice's optics as formulas behind the roles, for steps without a simulated bench.

A laser with a threshold, a Mach-Zehnder with bias and drive, a phase modulator, a
meter with noise, and what Bob's detectors count behind a fixed fibre.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import ndtr

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook, CalibrationRecord
from qkdlab.roles.attenuator import AttenuatorCapabilities
from qkdlab.roles.laser import LaserDriverCapabilities
from qkdlab.roles.voltage import VoltageSourceCapabilities

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
PERIOD_PS = 10_000
SAMPLE_PS = 1000


@dataclass
class Paper:
    """True values, what is set, and the random numbers of the readings."""

    rng: np.random.Generator
    threshold_ma: float = 11.3
    slope: float = 0.02
    null_v: float = 1.4
    dc_v_pi_v: float = 5.1
    rf_v_pi_v: float = 0.79
    pm_v_pi_v: float = 0.81
    leak: float = 3e-4
    peak_w: float = 2e-6
    noise_rel: float = 1e-4
    walk_rad: float = 8e-5
    """Of the modulator's phase, from one reading of the meter to the next."""
    offset_w: float = 2e-12
    start_ps: float = 1234.0
    skew_ps: float = 1700.0
    rise_ps: float = 1130.0
    pulsed: bool = True
    bias_reaches: bool = True
    now_ps: int = 0
    current_ma: float = 0.0
    limit_ma: float = 60.0
    laser_on: bool = False
    cooler_on: bool = False
    clock_on: bool = False
    phase_deg: float = 0.0
    bias_v: float = 0.0
    bias_on: bool = False
    volts: dict[int, Any] = field(default_factory=dict)
    playing: bool = False
    shutter_open: bool = False
    attenuation_db: float = 0.0
    rotation: Any = None

    def __post_init__(self) -> None:
        turn = self.rng.normal(size=(3, 3))
        self.rotation = np.linalg.qr(turn)[0]

    def at_pulses(self, channel: int) -> Any:
        """Volts of a channel when each pulse passes its modulator."""
        if not self.playing:
            return np.zeros(1)
        symbols = self.volts[channel]
        late_ps = self.skew_ps if channel == 2 else 0.0
        t_ps = -self.phase_deg / 360 * PERIOD_PS - self.start_ps - late_ps
        whole, away_ps = divmod(t_ps + PERIOD_PS / 2, PERIOD_PS)
        share = ndtr((away_ps - PERIOD_PS / 2) / self.rise_ps)
        shifted = np.roll(symbols, -int(whole))
        return shifted + share * (np.roll(shifted, -1) - shifted)

    def transmission(self) -> Any:
        """Of the Mach-Zehnder, per pulse."""
        bias_v = self.bias_v if self.bias_on and self.bias_reaches else 0.0
        phase = np.pi * (bias_v - self.null_v) / self.dc_v_pi_v
        phase = phase + np.pi * self.at_pulses(1) / self.rf_v_pi_v
        return self.leak + (1 - self.leak) * 0.5 * (1 - np.cos(phase))

    def tap_w(self) -> float:
        """True power at the tap."""
        shines = self.laser_on and self.clock_on and self.pulsed
        return self.peak_w * float(self.transmission().mean()) if shines else 0.0

    def rates_hz(self) -> list[float]:
        """True rates of Bob's detectors."""
        phase = np.pi * self.at_pulses(2) / self.pm_v_pi_v
        light = self.transmission() * 4e6 * self.shutter_open
        stokes = np.stack([np.cos(phase), np.sin(phase), np.zeros_like(phase)])
        arriving = self.rotation @ stokes
        rates = []
        for axis, share in ((0, 0.8), (1, 0.2)):
            for sign in (1.0, -1.0):
                seen = 0.5 * (1 + sign * arriving[axis]) * share * light
                rates.append(float(np.mean(seen)) + 100.0)
        return rates

    def roles(self) -> dict[str, Any]:
        """What stands behind the roles."""
        return {
            "laser": Laser(self),
            "clock": Clock(self),
            "modulator_bias": Bias(self),
            "tap_meter": Meter(self),
            "transmitter": Transmitter(self),
            "attenuator": Attenuator(self),
            "sync_delay": Delay(self),
        }


@dataclass
class _Part:
    world: Paper

    def safe_state(self) -> None:
        pass


class Laser(_Part):
    def laser_capabilities(self) -> LaserDriverCapabilities:
        return LaserDriverCapabilities(200.0, 0.001)

    def get_current_limit_ma(self) -> float:
        return self.world.limit_ma

    def set_current_ma(self, value_ma: float) -> None:
        assert value_ma <= self.world.limit_ma
        self.world.current_ma = round(value_ma, 3)

    def get_current_ma(self) -> float:
        return self.world.current_ma

    def get_photodiode_ma(self) -> float:
        w = self.world
        above = w.current_ma - w.threshold_ma
        light = w.slope * max(above, 0.0) + 2e-5 * w.current_ma
        if w.clock_on and w.pulsed:
            light += 0.1
        return round(light * w.laser_on + w.rng.normal(0, 2e-4), 3)

    def set_laser_on(self, is_on: bool) -> None:
        assert self.world.cooler_on or not is_on
        # pulses of the clock are hard on a diode without direct current
        assert is_on or not self.world.clock_on
        self.world.laser_on = is_on

    def get_laser_on(self) -> bool:
        return self.world.laser_on

    def set_cooler_on(self, is_on: bool) -> None:
        self.world.cooler_on = is_on

    def set_thermistor_ohm(self, value_ohm: float) -> None:
        assert value_ohm == 10_000.0


class Clock(_Part):
    def set_frequency_hz(self, value_hz: float) -> None:
        assert value_hz == 1e12 / PERIOD_PS

    def set_power_dbm(self, value_dbm: float) -> None:
        assert value_dbm == 13.0

    def set_phase_deg(self, value_deg: float) -> None:
        self.world.phase_deg = value_deg

    def set_output_on(self, is_on: bool) -> None:
        assert self.world.laser_on or not is_on
        self.world.clock_on = is_on

    def get_output_on(self) -> bool:
        return self.world.clock_on

    def get_timebase(self) -> str:
        return "internal"


class Bias(_Part):
    def voltage_capabilities(self) -> VoltageSourceCapabilities:
        return VoltageSourceCapabilities(-10.1, 10.1, 1e-5)

    def set_voltage_v(self, value_v: float) -> None:
        self.world.bias_v = value_v

    def set_output_on(self, is_on: bool) -> None:
        self.world.bias_on = is_on


class Meter(_Part):
    def set_wavelength_nm(self, value_nm: float) -> None:
        assert value_nm == 1550.12

    def zero(self) -> None:
        assert self.world.tap_w() == 0.0, "zeroed with the light on"

    def settling_time_s(self) -> float:
        return 0.0

    def read_power_w(self, n_readings: int = 1) -> list[float]:
        w = self.world
        w.null_v += w.rng.normal(0, w.walk_rad) / np.pi * w.dc_v_pi_v
        true_w = w.tap_w()
        noise_w = w.rng.normal(0, w.noise_rel * true_w + 1e-12, n_readings)
        return [true_w + w.offset_w + float(n) for n in noise_w]


class Transmitter(_Part):
    def upload(self, settings: Any, transmissions: Any, **given: Any) -> None:
        bright_v = given.get("intensity_v")
        if bright_v is None:
            levels_v = np.zeros(4)
            for index, share in transmissions.items():
                levels_v[index] = (
                    self.world.rf_v_pi_v * np.arccos(1 - 2 * share) / np.pi
                )
            bright_v = levels_v[settings >> 2 & 3]
        self.world.volts = {1: bright_v, 2: given["polarization_v"]}

    def start(self) -> None:
        self.world.playing = True

    def stop(self) -> None:
        self.world.playing = False


class Attenuator(_Part):
    def attenuator_capabilities(self) -> AttenuatorCapabilities:
        return AttenuatorCapabilities(0.0, 60.0, 0.001, True)

    def set_shutter_open(self, is_open: bool) -> None:
        self.world.shutter_open = is_open

    def set_attenuation_db(self, value_db: float) -> None:
        self.world.attenuation_db = value_db


class Delay(_Part):
    def set_external_trigger(self, threshold_v: float) -> None:
        assert 0.5 < threshold_v < 2.5

    def set_pulse(self, output: str, delay_ps: int, width_ps: int) -> None:
        assert output == "AB"

    def set_level(self, output: str, amplitude_v: float) -> None:
        assert amplitude_v == 1.0


class Bob:
    """The other end of the conversation: counts whenever a phase was set."""

    def __init__(self, world: Paper, count_s: float) -> None:
        self.world, self.count_s = world, count_s

    def send(self, kind: str, **fields: Any) -> None:
        assert kind == "phase-set"

    def receive(self, kind: str) -> dict[str, Any]:
        if kind == "detectors-on":
            return {}
        assert kind == "phase-counted"
        means = np.array(self.world.rates_hz()) * self.count_s
        counts = self.world.rng.poisson(means) / self.count_s
        return {"rates_hz": [counts.tolist()]}


def record(quantity: str, value: float, uncertainty: float = 0.0) -> CalibrationRecord:
    return CalibrationRecord(
        party="alice",
        quantity=quantity,
        value=value,
        unit="1",
        uncertainty=uncertainty,
        time=START,
        valid_for_s=1e6,
        source="paper",
    )


def context(world: Paper, parameters: Any, *records: CalibrationRecord) -> Any:
    """Return what Alice's halves need."""
    certificates = {
        "tap_to_output_ratio": 9e-3,
        "meter_scale": 1.0,
        "attenuator_scale": 1.0,
        "pattern_effect": 0.0,
        "state_effect": 0.0,
    }
    known = [record(name, value) for name, value in certificates.items()]

    def sleep_until(t_ps: int) -> None:
        world.now_ps = max(world.now_ps, t_ps)

    clock = SimpleNamespace(now_ps=lambda: world.now_ps, sleep_until=sleep_until)
    return SimpleNamespace(
        party="alice",
        parameters=parameters,
        roles=world.roles(),
        calibration=PartyBook(CalibrationBook([*known, *records]), "alice", START),
        clock=clock,
        conversation=Bob(world, parameters.calibration.source.skew_count_s),
        progress=lambda *_: None,
    )
