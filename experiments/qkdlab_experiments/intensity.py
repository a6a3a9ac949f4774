"""Alice's mean photon numbers: meter at the tap, attenuator, intervals.

``mu = P_tap x (tap-to-output ratio) x attenuation / (h nu f)`` (BENCHES, calibration
steps 2 and 6). The meter averages over pulses, so each class is sent alone. It was
zeroed with the laser off, so what the modulator leaks is part of each class.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.clock import Clock
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, PowerMeter, Transmitter
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = [
    "IntensityCalibration",
    "TapReadings",
    "calibrate_intensities",
    "evaluate",
    "measure_classes",
    "photon_energy_j",
    "recorded_levels",
]

_PLANCK_J_S = 6.62607015e-34
_LIGHT_M_S = 299_792_458.0


def photon_energy_j(wavelength_nm: float) -> float:
    """Return the energy of one photon."""
    return _PLANCK_J_S * _LIGHT_M_S / (wavelength_nm * 1e-9)


@dataclass(frozen=True, slots=True)
class TapReadings:
    """What the tap meter reads of each class alone.

    watts:         means of the readings, signal, decoy, vacuum
    errors_w:      their standard errors
    transmissions: modulator transmission asked for, relative to its greatest
    """

    watts: tuple[float, ...]
    errors_w: tuple[float, ...]
    transmissions: dict[int, float]


@dataclass(frozen=True, slots=True)
class IntensityCalibration:
    """Mean photon numbers at Alice's output, signal, decoy, vacuum.

    readings:       what they rest on
    mean:           best values
    intervals:      (lo, hi) that hold the true value with probability `coverage`
    attenuation_db: what the attenuator was set to
    """

    readings: TapReadings
    mean: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    coverage: float
    attenuation_db: float

    @property
    def transmissions(self) -> dict[int, float]:
        """Return the modulator transmission of each class, relative to its greatest."""
        return self.readings.transmissions


def calibrate_intensities(
    transmitter: Transmitter,
    attenuator: Attenuator,
    meter: PowerMeter,
    book: PartyBook,
    parameters: Bb84Parameters,
    clock: Clock,
    wavelength_nm: float,
) -> IntensityCalibration:
    """Measure every class at the tap, then set the attenuator for the signal.

    The laser shines; the shutter is closed throughout, and the attenuator left at its
    setting.

    Raises SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when the attenuator cannot reach
    the signal's mean photon number, or the readings scatter too much.
    """
    attenuator.set_shutter_open(False)
    meter.set_wavelength_nm(wavelength_nm)
    readings = measure_classes(transmitter, meter, parameters, clock)
    return evaluate(readings, attenuator, book, parameters, wavelength_nm)


def measure_classes(
    transmitter: Transmitter,
    meter: PowerMeter,
    parameters: Bb84Parameters,
    clock: Clock,
) -> TapReadings:
    """Read each class sent alone, in all four states alike."""
    transmissions = _relative(parameters)
    watts: list[float] = []
    errors_w: list[float] = []
    for index in range(len(CLASSES)):
        # All four states: what the phase modulator does to the power averages out.
        states = np.arange(parameters.pattern.header_symbols) % 4
        settings = (states | (index << 2)).astype(np.uint8)
        transmitter.upload(
            settings,
            transmissions,
            samples_per_symbol=parameters.pattern.samples_per_symbol,
            symbol_period_ps=parameters.symbol_period_ps,
        )
        transmitter.start()
        rest_s = parameters.calibration.settle_s + meter.settling_time_s()
        clock.sleep_until(clock.now_ps() + round(rest_s * 1e12))
        readings = meter.read_power_w(parameters.calibration.meter_readings)
        transmitter.stop()
        watts.append(fmean(readings))
        errors_w.append(stdev(readings) / len(readings) ** 0.5)
    return TapReadings(tuple(watts), tuple(errors_w), transmissions)


def evaluate(
    readings: TapReadings,
    attenuator: Attenuator,
    book: PartyBook,
    parameters: Bb84Parameters,
    wavelength_nm: float,
) -> IntensityCalibration:
    """Set the attenuator for the signal and state what each class then is.

    Raises as `calibrate_intensities`.
    """
    dark = book.record("meter_offset_w")
    power = [watts - dark.value for watts in readings.watts]
    errors_w = [float(np.hypot(error, dark.uncertainty)) for error in readings.errors_w]
    if min(power) <= 0 or errors_w[0] > 0.05 * power[0]:
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the tap meter sees no steady light",
            {"signal_w": power[0], "error_w": errors_w[0]},
        )
    ratio, scale = book.record("tap_to_output_ratio"), book.record("meter_scale")
    per_watt = ratio.value / scale.value
    per_watt /= photon_energy_j(wavelength_nm) * 1e12 / parameters.symbol_period_ps
    wanted = parameters.intensities.signal.mean_photon_number
    decibel = book.record("attenuator_scale")
    limits = attenuator.attenuator_capabilities()
    ask_db = 10 * np.log10(power[0] * per_watt / wanted) / decibel.value
    if not limits.min_db <= ask_db <= limits.max_db:
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the attenuator cannot reach the signal's mean photon number",
            {"needed_db": float(ask_db), "max_db": limits.max_db},
        )
    attenuator.set_attenuation_db(float(ask_db))
    set_db = attenuator.get_attenuation_db()
    factor = per_watt * 10 ** (-set_db * decibel.value / 10)
    common = np.sqrt(
        (ratio.uncertainty / ratio.value) ** 2
        + (scale.uncertainty / scale.value) ** 2
        + (np.log(10) / 10 * set_db * decibel.uncertainty) ** 2
        + (np.log(10) / 10 * limits.resolution_db / np.sqrt(12)) ** 2
        + (np.log(10) / 10 * limits.repeatability_db) ** 2
    )
    coverage = parameters.calibration.interval_coverage
    width = coverage_factor(coverage)
    pattern = _bound(book.record("pattern_effect"), width)
    # what follows the state is in no reading of the mean: the interval of a class is
    # to hold each of its states
    state = _bound(book.record("state_effect"), width)
    mean, intervals = [], []
    for p, error in zip(power, errors_w, strict=True):
        # the pattern effect is a bound for neighbours, not noise: added, not squared;
        # it acts on the modulator's full swing, hence on dim classes through sqrt(I)
        effect = pattern * max(1.0, float(np.sqrt(power[0] / p)))
        half = width * float(np.hypot(common, error / p)) + effect + state
        value = float(p * factor)
        mean.append(value)
        intervals.append((value * max(0.0, 1 - half), value * (1 + half)))
    return IntensityCalibration(
        readings,
        tuple(mean),
        tuple(intervals),
        coverage,
        float(set_db),
    )


def _bound(record: CalibrationRecord, width: float) -> float:
    """Return what an effect does at most; it is no noise."""
    return abs(record.value) + width * record.uncertainty


def recorded_levels(
    book: PartyBook, parameters: Bb84Parameters
) -> IntensityCalibration:
    """Return the calibration that the records of step 6 stand for.

    Raises as `PartyBook.record`.
    """
    coverage = parameters.calibration.interval_coverage
    width = coverage_factor(coverage)
    power = [book.record(f"tap_power_w_{name}") for name in CLASSES]
    photons = [book.record(f"mean_photon_number_{name}") for name in CLASSES]
    readings = TapReadings(
        tuple(one.value for one in power),
        tuple(one.uncertainty for one in power),
        _relative(parameters),
    )
    halves = [width * one.uncertainty for one in photons]
    return IntensityCalibration(
        readings,
        tuple(one.value for one in photons),
        tuple(
            (max(0.0, one.value - half), one.value + half)
            for one, half in zip(photons, halves, strict=True)
        ),
        coverage,
        book.value("attenuation_db"),
    )


def _relative(parameters: Bb84Parameters) -> dict[int, float]:
    """Return the modulator transmission of each class, relative to the signal's."""
    wanted = [c.mean_photon_number for c in parameters.intensities.ordered()]
    return {k: wanted[k] / wanted[0] for k in range(len(CLASSES))}
