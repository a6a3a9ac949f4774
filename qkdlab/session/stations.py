"""The stations of a run: opened before the programs, safe after them.

Besides the parties that play there may be facility stations: parties of the
configuration for which the experiment has no program (a channel with its attenuator).
They are opened last, when the light of all other stations is off: what their options
set may open the path to detectors under bias. They are made safe last, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from qkdlab.session.signals import Interrupts
from qkdlab.station.open import open_station
from qkdlab.transport.recording import Traffic, Witness

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.session.experiment import Experiment
    from qkdlab.session.party import PartySession
    from qkdlab.station.bench import Bench
    from qkdlab.station.open import Station

__all__ = ["facilities", "open_stations"]


def facilities(config: RunConfig, experiment: Experiment) -> tuple[str, ...]:
    """Return the parties of a configuration that no program plays."""
    return tuple(p for p in config.parties if p not in experiment.programs)


@contextmanager
def open_stations(
    config: RunConfig,
    bench: Bench,
    sessions: Mapping[str, PartySession],
    unplayed: Iterable[str],
    interrupts: Interrupts,
    progress: Report,
) -> Iterator[dict[str, Station]]:
    """Open the stations of all `sessions` and of `unplayed`; leave them all safe.

    Yields the stations of the sessions. What passes on a facility's lines, and how its
    instruments stand, goes on record with every session. A signal ends the opening
    between two instruments.
    """

    def opening(what: str, done: float, total: float) -> None:
        interrupts.check()
        progress(what, done, total)

    opened: dict[str, Station] = {}
    with ExitStack() as facilities_stack, ExitStack() as stack:
        # A stack is left in reverse: the first party's light goes off first.
        for party in reversed(list(sessions)):
            traffic = sessions[party].recorder.traffic
            station = open_station(config, party, bench, opening, traffic)
            opened[party] = stack.enter_context(station)
        for party in sessions:
            _darken(opened[party])
        for name in unplayed:
            witness = _witness(name, sessions)
            station = open_station(config, name, bench, opening, witness)
            opened[name] = facilities_stack.enter_context(station)
        interrupts.check()
        _record_snapshots(opened, sessions)
        yield {party: opened[party] for party in sessions}
        _record_snapshots(opened, sessions)


def _darken(station: Station) -> None:
    """Close the light's way out of a station, however it was left."""
    for step in station.safe_steps():
        if step.plays("Attenuator", "Shutter"):
            step.instrument.safe_state()


def _record_snapshots(
    stations: Mapping[str, Station], sessions: Mapping[str, PartySession]
) -> None:
    for name, station in stations.items():
        if name in sessions:
            sessions[name].record_snapshots(station)
            continue
        for session in sessions.values():
            session.record_snapshots(station, prefix=f"{name}.")


def _witness(name: str, sessions: Mapping[str, PartySession]) -> Witness:
    """Return what puts a facility's traffic on record with everybody."""

    def see(traffic: Traffic) -> None:
        named = replace(traffic, line=f"{name}.{traffic.line}")
        for session in sessions.values():
            session.recorder.traffic(named)

    return see
