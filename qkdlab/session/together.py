"""All parties of an experiment in one process: files, bench, stations, programs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.errors import ConfigError, SecurityAbort
from qkdlab.link.channel import MemoryChannel
from qkdlab.plugins import lookup
from qkdlab.session.files import PartyFiles, make_folder
from qkdlab.session.party import PartySession
from qkdlab.session.result import plain
from qkdlab.session.secrets import RunSecrets
from qkdlab.session.signals import Interrupts
from qkdlab.session.stations import facilities, open_stations
from qkdlab.station.bench import expectation_of, truth_of
from qkdlab.wiring import rules

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.session.experiment import Experiment, Program
    from qkdlab.session.result import PartyOutcome
    from qkdlab.station.bench import Bench

__all__ = ["PARTIES", "Performance", "experiment_of", "facts_of", "performed"]

PARTIES = ("alice", "bob")
"""Who plays, in the order in which light is put out."""


@dataclass(frozen=True)
class Performance:
    """Programs that have ended; stations are safe, files still open.

    facts:   names of the result that the session knows
    aborted: the abort that ended them, or None
    """

    sessions: Mapping[str, PartySession]
    facts: dict[str, Any]
    aborted: SecurityAbort | None

    def outcomes(self) -> dict[str, PartyOutcome]:
        """Return what each party brought home."""
        return {party: session.outcome() for party, session in self.sessions.items()}

    def record(self, name: str, value: Any) -> None:
        """Put a result on record with every party."""
        for session in self.sessions.values():
            session.recorder.result(name, value)


@contextmanager
def performed(
    config: RunConfig,
    folder: Path,
    progress: Report,
    programs: Mapping[str, Program] | None = None,
) -> Iterator[Performance]:
    """Run one program per party, those of the experiment unless others are given.

    Everything goes to the new folder `folder`; on leaving the context the files are
    finished. Raises ConfigError, InstrumentError, ResourceError, PeerLost and
    Interrupted; whatever happens, instruments are made safe and files finished.
    """
    begin_s = time.perf_counter()
    experiment = experiment_of(config)
    secrets = RunSecrets(config)
    make_folder(folder)
    aborted: SecurityAbort | None = None
    with ExitStack() as stack:
        stack.callback(secrets.wipe)
        interrupts = stack.enter_context(Interrupts())
        files = {
            party: stack.enter_context(PartyFiles(folder, party, config, secrets))
            for party in PARTIES
        }
        progress("opening the bench", 0, 1)
        bench: Bench = lookup("qkdlab.benches", config.bench)(config, config.seed)
        stack.callback(bench.close)
        ends = dict(zip(PARTIES, MemoryChannel.pair(bench.clock), strict=True))
        sessions = {
            party: PartySession(
                config,
                party,
                files[party],
                ends[party],
                bench.clock,
                secrets,
                progress,
            )
            for party in PARTIES
        }
        try:
            with open_stations(
                config,
                bench,
                sessions,
                facilities(config, experiment),
                interrupts,
                progress,
            ) as stations:
                for party, program in (programs or experiment.programs).items():
                    session = sessions[party]
                    play = partial(session.run, program, stations[party])
                    bench.clock.spawn(party, play)
                bench.clock.run(interrupts.check)
        except SecurityAbort as abort:
            aborted = abort
            for session in sessions.values():
                session.give_up_keys(abort)
        wall_s = time.perf_counter() - begin_s
        facts = facts_of(config, bench) | {"wall_s": wall_s}
        yield Performance(sessions, facts, aborted)


def experiment_of(config: RunConfig) -> Experiment:
    """Return the experiment of a configuration that can be run.

    Raises ConfigError when the parties are others than can be, and with every rule of
    the wiring that the bench breaks.
    """
    experiment: Experiment = lookup("qkdlab.experiments", config.experiment)
    if sorted(experiment.programs) != sorted(PARTIES):
        raise ConfigError(
            f"experiment {config.experiment}: a run is of {' and '.join(PARTIES)}, "
            f"not of {', '.join(experiment.programs)}"
        )
    missing = [party for party in PARTIES if party not in config.parties]
    if missing:
        raise ConfigError(f"{config.source}: parties: no {' and no '.join(missing)}")
    problems = [p for p in rules.check(config) if p.severity == "error"]
    if problems:
        raise ConfigError(problems)
    return experiment


def facts_of(config: RunConfig, bench: Bench) -> dict[str, Any]:
    """Return what the session itself knows of a run, wall time left out."""
    return {
        "protocol": config.experiment,
        "configuration": config.name,
        "configuration_hash": config.hash,
        "seed": config.seed,
        "duration_s": getattr(config.parameters, "duration_s", None),
        "key_class": config.key_class,
        "expected": plain(expectation_of(bench, config.parameters)),
        "truth": plain(truth_of(bench)),
    }
