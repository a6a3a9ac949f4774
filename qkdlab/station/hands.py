"""Stations for a person at the bench: instruments as they stand, left as they stand.

Nothing is written on opening, and nothing is made safe on leaving: whoever works at
the bench answers for it. Only the instruments that are asked for are opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook
from qkdlab.errors import UsageError
from qkdlab.plugins import lookup
from qkdlab.station.attached import attach
from qkdlab.station.bench import RealBench
from qkdlab.station.open import Station, warn_if_unverified
from qkdlab.station.safety import make_safe, report_failures

if TYPE_CHECKING:
    from qkdlab.config.models import InstrumentConfig, RunConfig
    from qkdlab.progress import Report
    from qkdlab.station.bench import Bench

__all__ = [
    "as_it_stands",
    "bench_of",
    "new_station",
    "open_hands_on",
    "safe_on_error",
]


@contextmanager
def bench_of(config: RunConfig, addresses: Path | None) -> Iterator[Bench]:
    """Give the bench of a configuration, or the one at an addresses file.

    Raises ConfigError and ResourceError.
    """
    if addresses is not None:
        bench: Bench = attach(addresses)
    else:
        bench = lookup("qkdlab.benches", config.bench)(config, config.seed)
    try:
        yield bench
    finally:
        bench.close()


@contextmanager
def open_hands_on(
    config: RunConfig,
    bench: Bench,
    wanted: Mapping[str, Collection[str]],
    progress: Report,
) -> Iterator[dict[str, Station]]:
    """Open instruments by party, in the order of the configuration; close them again.

    wanted: names of instruments by party; parties without any are left out

    Raises InstrumentError and ConfigError.
    """
    with ExitStack() as stack:
        stations: dict[str, Station] = {}
        for party, station_config in config.parties.items():
            if not wanted.get(party):
                continue
            station = stations[party] = new_station(party, bench)
            stack.callback(station.close)
            for name, instrument in station_config.instruments.items():
                if name in wanted[party]:
                    progress(f"{party}: opening {name}", 0, 1)
                    spec = station.add(name, as_it_stands(instrument))
                    if isinstance(bench, RealBench):
                        warn_if_unverified(party, name, spec)
        yield stations


@contextmanager
def safe_on_error(stations: Mapping[str, Station]) -> Iterator[None]:
    """Make open instruments safe, light first, when an error ends the context.

    A signal is no error, for whoever stops the work is at the bench, nor is a wrong
    use. What could not be made safe is added to the error as notes.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        steps = [step for s in stations.values() for step in s.safe_steps()]
        report_failures("bench", make_safe(steps), error)
        raise


def new_station(party: str, bench: Bench) -> Station:
    """Return a station that has no instruments yet, and knows no calibration."""
    return Station(
        party, bench, PartyBook(CalibrationBook([]), party, datetime.now(UTC))
    )


def as_it_stands(config: InstrumentConfig) -> InstrumentConfig:
    """Return an instrument's configuration without what is written on opening.

    Options marked ``apply_on_open`` get their defaults, which leave the instrument as
    it is.
    """
    return config.model_copy(update={"options": _without_writing(config.options)})


def _without_writing(options: BaseModel) -> BaseModel:
    changed: dict[str, Any] = {}
    for name, field in type(options).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("apply_on_open"):
            changed[name] = field.get_default(call_default_factory=False)
        else:
            changed[name] = _each(getattr(options, name))
    return options.model_copy(update=changed)


def _each(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _without_writing(value)
    if isinstance(value, list):
        return [_each(item) for item in value]
    return value
