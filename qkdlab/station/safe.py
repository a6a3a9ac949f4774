"""A whole bench made safe by hand: every instrument, in the safe order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qkdlab.errors import InstrumentError
from qkdlab.plugins import driver_spec
from qkdlab.station.hands import as_it_stands, new_station
from qkdlab.station.safety import SafeStep, in_safe_order

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.station.bench import Bench

__all__ = ["SafeReport", "make_bench_safe"]


@dataclass(frozen=True, slots=True)
class SafeReport:
    """How one instrument ended; `problem` is None when it is safe."""

    name: str
    problem: str | None


def make_bench_safe(
    config: RunConfig, bench: Bench, parties: Iterable[str], progress: Report
) -> list[SafeReport]:
    """Bring every instrument of `parties` to its safe state, light first.

    An instrument that does not answer hinders no other. The order is that of the whole
    bench, not of one party after the other, and each is made safe before the next is
    opened: what answers late or never does not keep a shutter open. Nothing else is
    written.
    """
    reports: list[SafeReport] = []
    with ExitStack() as stack:
        stations = {party: new_station(party, bench) for party in parties}
        for station in stations.values():
            stack.callback(station.close)
        for entry in in_safe_order(_entries(config, stations)):
            party, _, name = entry.name.partition(".")
            station = stations[party]
            progress(f"opening {entry.name}", 0, 1)
            problem = None
            try:
                station.add(name, as_it_stands(entry.instrument))
            except Exception as error:
                problem = SafeReport(entry.name, str(error))
            # One of which nothing is known but that it is late is told all the same.
            steps = [step for step in station.safe_steps() if step.name == name]
            reports += [_make_safe(replace(step, name=entry.name)) for step in steps]
            if problem is not None and not steps:
                reports.append(problem)
    return reports


def _entries(config: RunConfig, parties: Iterable[str]) -> Iterator[SafeStep]:
    """Yield what is to be opened, its configuration in place of the instrument."""
    for party in parties:
        for name, instrument in config.parties[party].instruments.items():
            roles = tuple(driver_spec(instrument.driver).roles)
            yield SafeStep(f"{party}.{name}", instrument, roles)


def _make_safe(step: SafeStep) -> SafeReport:
    try:
        step.instrument.safe_state()
    except InstrumentError as error:
        return SafeReport(step.name, str(error))
    except Exception as error:
        return SafeReport(step.name, f"{type(error).__name__}: {error}")
    return SafeReport(step.name, None)
