"""The slow values of a bench that a person watches (BENCHES, recorded series)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qkdlab.errors import InstrumentError, UsageError
from qkdlab.plugins import driver_spec
from qkdlab.station.names import ParameterName
from qkdlab.station.parameters import Parameter, find_parameter

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.station.open import Station

__all__ = ["SERIES", "Sample", "sample", "series_of", "watched"]

SERIES: dict[str, tuple[str, ...]] = {
    "LaserDriver": ("laser_on", "current_ma", "photodiode_ma", "thermistor_ohm"),
    "PowerMeter": ("power_w",),
    "Attenuator": ("attenuation_db", "shutter_open"),
    "VoltageSource": ("output_on", "voltage_v"),
    "BiasSource": ("enabled", "bias_ua", "voltages_mv", "rates_hz"),
    "Rotator": ("angle_deg",),
    "ClockSource": ("output_on", "frequency_hz", "phase_deg", "timebase"),
    "DelayGenerator": ("timebase",),
    "PatternGenerator": ("ch1.output", "ch2.output"),
    "TimeTagger": ("sync",),
}
"""Parameters by the role that an instrument plays; those that it lacks are left out."""

Sample = dict[str, tuple[Any, str | None]]
"""Value and problem by the name of the series; one of the two is None."""


def watched(config: RunConfig) -> dict[str, list[str]]:
    """Return the instruments that have series, by party."""
    return {
        party: [
            name
            for name, instrument in station.instruments.items()
            if set(driver_spec(instrument.driver).roles) & set(SERIES)
        ]
        for party, station in config.parties.items()
    }


def series_of(
    config: RunConfig, stations: Mapping[str, Station]
) -> Iterator[Parameter]:
    """Yield the series that the instruments of open stations offer."""
    for party, station in stations.items():
        for name, instrument in station.instruments.items():
            driver = config.parties[party].instruments[name].driver
            for role in driver_spec(driver).roles:
                for wanted in SERIES.get(role, ()):
                    if wanted == "shutter_open" and not _has_shutter(instrument):
                        continue
                    text = f"{party}.{name}.{wanted}"
                    try:
                        yield find_parameter(
                            instrument, ParameterName(text, party, name, wanted)
                        )
                    except UsageError:
                        continue


def sample(series: list[Parameter]) -> Sample:
    """Ask for all series once; what an instrument cannot tell is a problem of its own.

    After an instrument has failed, its further series are not asked for.
    """
    taken: Sample = {}
    silent: dict[str, str] = {}
    for parameter in series:
        instrument = parameter.name.rsplit(".", 1)[0]
        if instrument in silent:
            taken[parameter.name] = None, silent[instrument]
            continue
        try:
            taken[parameter.name] = parameter.get(), None
        except InstrumentError as error:
            taken[parameter.name] = None, str(error)
            silent[instrument] = str(error)
    return taken


def _has_shutter(attenuator: Any) -> bool:
    return bool(attenuator.attenuator_capabilities().has_shutter)
