"""Alice's mean photon numbers: meter at the tap, attenuator, intervals.

``mu = P_tap x (tap-to-output ratio) x attenuation / (h nu f)`` (BENCHES, calibration
steps 2 and 6). The meter averages over pulses, so each class is sent alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

import numpy as np

from qkdlab.calibration.party import PartyBook
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
]

_PLANCK_J_S = 6.62607015e-34
_LIGHT_M_S = 299_792_458.0


def photon_energy_j(wavelength_nm: float) -> float:
    """Return the energy of one photon."""
    return _PLANCK_J_S * _LIGHT_M_S / (wavelength_nm * 1e-9)


@dataclass(frozen=True, slots=True)
class TapReadings:
    """What the tap meter reads of each class alone, above the modulator's leak.

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
    tap_power_w:    tap power of each class, corrected for the modulator's leak
    leak_w:         tap power at the modulator's null, on which the meter was zeroed
    """

    readings: TapReadings
    mean: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    coverage: float
    attenuation_db: float
    tap_power_w: tuple[float, ...]

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

    The shutter is closed throughout; the attenuator is left at its setting with the
    shutter closed. The modulator at its null still leaks (extinction ratio): the meter
    is zeroed on that leak and the leak is added back from the calibrated extinction.

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
    """Zero the meter at the modulator's null, then read each class sent alone."""
    transmitter.stop()
    meter.zero()
    wanted = [c.mean_photon_number for c in parameters.intensities.ordered()]
    transmissions = {k: wanted[k] / wanted[0] for k in range(len(CLASSES))}
    watts: list[float] = []
    errors_w: list[float] = []
    for index in range(len(CLASSES)):
        settings = np.full(parameters.pattern.header_symbols, index << 2, np.uint8)
        transmitter.upload(
            settings,
            transmissions,
            samples_per_symbol=parameters.pattern.samples_per_symbol,
            symbol_period_ps=parameters.symbol_period_ps,
        )
        transmitter.start()
        clock.sleep_until(
            clock.now_ps() + round(parameters.calibration.settle_s * 1e12)
        )
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
    errors_w = readings.errors_w
    extinction = book.record("modulator_extinction")
    leak = 10 ** (-extinction.value / 10)
    leak_error = leak * np.log(10) / 10 * extinction.uncertainty
    signal_w = readings.watts[0] / (1 - leak)
    power = [p + leak * signal_w for p in readings.watts]
    if min(power) <= 0 or errors_w[0] > 0.05 * signal_w:
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the tap meter sees no steady light",
            {"signal_w": signal_w, "error_w": errors_w[0]},
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
    )
    coverage = parameters.calibration.interval_coverage
    width = NormalDist().inv_cdf(0.5 + coverage / 2)
    record = book.record("pattern_effect")
    pattern = abs(record.value) + width * record.uncertainty
    mean, intervals = [], []
    for p, error in zip(power, errors_w, strict=True):
        own = np.hypot(error, leak_error * signal_w) / p
        # the pattern effect is a bound for neighbours, not noise: added, not squared;
        # it acts on the modulator's full swing, hence on dim classes through sqrt(I)
        effect = pattern * max(1.0, float(np.sqrt(power[0] / p)))
        half = width * float(np.hypot(common, own)) + effect
        value = float(p * factor)
        mean.append(value)
        intervals.append((value * max(0.0, 1 - half), value * (1 + half)))
    return IntensityCalibration(
        readings,
        tuple(mean),
        tuple(intervals),
        coverage,
        float(set_db),
        tuple(float(p) for p in power),
    )
