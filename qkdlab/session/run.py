"""`run`: all parties of an experiment in one process (MAP, sequence 1)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.errors import ConfigError, QkdlabError, SecurityAbort
from qkdlab.link.channel import MemoryChannel
from qkdlab.plugins import lookup
from qkdlab.progress import Report
from qkdlab.session.files import PartyFiles, make_folder
from qkdlab.session.party import PartySession
from qkdlab.session.result import audit, build_result, plain, write_result
from qkdlab.session.secrets import RunSecrets
from qkdlab.session.signals import Interrupts
from qkdlab.station.bench import expectation_of, truth_of
from qkdlab.station.open import open_station
from qkdlab.wiring import rules

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.session.experiment import Experiment
    from qkdlab.station.bench import Bench
    from qkdlab.station.open import Station

__all__ = ["Outcome", "run"]

_PARTIES = ("alice", "bob")


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    result: the result of README, "Result of a run"
    error:  an abort or a failed audit; None when all went well
    """

    result: dict[str, Any]
    error: QkdlabError | None

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return 0 if self.error is None else self.error.exit_code


def run(config: RunConfig, folder: Path, progress: Report) -> Outcome:
    """Run an experiment; write everything to the new folder `folder`.

    To end without key is an outcome, too. Raises ConfigError, InstrumentError,
    ResourceError, PeerLost and Interrupted; whatever happens, instruments are made
    safe and files finished.
    """
    begin_s = time.perf_counter()
    experiment = _experiment(config)
    _refuse_broken_rules(config)
    secrets = RunSecrets(config)
    make_folder(folder)
    aborted: SecurityAbort | None = None
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        files = {
            party: stack.enter_context(PartyFiles(folder, party, config, secrets))
            for party in _PARTIES
        }
        progress("opening the bench", 0, 1)
        bench: Bench = lookup("qkdlab.benches", config.bench)(config, config.seed)
        stack.callback(bench.close)
        ends = dict(zip(_PARTIES, MemoryChannel.pair(bench.clock), strict=True))
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
            for party in _PARTIES
        }
        try:
            _run_programs(experiment, config, bench, sessions, interrupts, progress)
        except SecurityAbort as abort:
            aborted = abort
        outcomes = {party: session.outcome() for party, session in sessions.items()}
        facts = _facts(config, bench) | {"wall_s": time.perf_counter() - begin_s}
        result = build_result(outcomes, facts, aborted)
        for session in sessions.values():
            session.recorder.result("run", result)
    write_result(folder, result)
    return Outcome(result, aborted or audit(outcomes))


def _experiment(config: RunConfig) -> Experiment:
    experiment: Experiment = lookup("qkdlab.experiments", config.experiment)
    for names, what in (
        (config.parties, f"{config.source}: parties"),
        (experiment.programs, f"experiment {config.experiment}"),
    ):
        if sorted(names) != sorted(_PARTIES):
            raise ConfigError(
                f"{what}: a run in one process is of {' and '.join(_PARTIES)}, "
                f"not of {', '.join(names)}"
            )
    return experiment


def _refuse_broken_rules(config: RunConfig) -> None:
    problems = [p for p in rules.check(config) if p.severity == "error"]
    if problems:
        raise ConfigError([str(p) for p in problems])


def _run_programs(
    experiment: Experiment,
    config: RunConfig,
    bench: Bench,
    sessions: Mapping[str, PartySession],
    interrupts: Interrupts,
    progress: Report,
) -> None:
    """Open all stations, run one program per party, leave all stations safe."""

    def opening(what: str, done: float, total: float) -> None:
        interrupts.check()
        progress(what, done, total)

    stations: dict[str, Station] = {}
    with ExitStack() as stack:
        # A stack is left in reverse: Alice's light goes off before Bob's bias.
        for party in reversed(_PARTIES):
            witness = sessions[party].recorder.traffic
            stations[party] = stack.enter_context(
                open_station(config, party, bench, opening, witness)
            )
            sessions[party].record_snapshots(stations[party])
        interrupts.check()
        for party in _PARTIES:
            program = experiment.programs[party]
            bench.clock.spawn(
                party, partial(sessions[party].run, program, stations[party])
            )
        bench.clock.run(interrupts.check)
        for party, station in stations.items():
            sessions[party].record_snapshots(station)


def _facts(config: RunConfig, bench: Bench) -> dict[str, Any]:
    """Return what the session itself knows of the run."""
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
