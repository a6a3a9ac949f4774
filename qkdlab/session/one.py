"""`play_one`: one party of an experiment in a process of its own (MAP, sequence 2).

The other party is met over TCP. A party opens its own station only: facility stations
are left as they are. `qkdlab sim` sets those of its bench; elsewhere a person does
(``qkdlab set``).
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.errors import (
    AbortCode,
    ConfigError,
    QkdlabError,
    ResourceError,
    SecurityAbort,
)
from qkdlab.link.reception import GREETING_S
from qkdlab.session.credentials import Credentials
from qkdlab.session.files import PartyFiles, make_folder
from qkdlab.session.meeting import Guest, Meeting, leaving, meet
from qkdlab.session.party import PartySession
from qkdlab.session.result import build_result, write_result
from qkdlab.session.run import Outcome
from qkdlab.session.secrets import PeerSecrets
from qkdlab.session.signals import Interrupts
from qkdlab.session.stations import open_stations
from qkdlab.session.together import PARTIES, experiment_of, facts_of

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.session.experiment import PartyContext, PartyResult, Program
    from qkdlab.station.bench import Bench

__all__ = ["play_one"]

NO_CREDENTIALS = Credentials()
_MET, _FINISHED = "met", "finished"
_LAST_WORDS_S = 30.0


def play_one(
    config: RunConfig,
    party: str,
    bench: Bench,
    folder: Path,
    meeting: Meeting,
    progress: Report,
    *,
    credentials: Credentials = NO_CREDENTIALS,
) -> Outcome:
    """Play one party to the end; write everything of it to the new folder `folder`.

    bench:  in host time; it is closed at the end
    credentials: how the party shows who it is; without any the pads are no secret,
                 which a run of class secure refuses

    To end without key is an outcome, too. Raises ConfigError, UsageError,
    InstrumentError, ResourceError, PeerLost, PeerVersionError, SecurityAbort when the
    parties do not fit together, and Interrupted; whatever happens, instruments are
    made safe, the other party is told, and files are finished.
    """
    begin_s = time.perf_counter()
    aborted: SecurityAbort | None = None
    with ExitStack() as stack:
        stack.callback(bench.close)
        program = _program(config, party)
        peer = next(other for other in PARTIES if other != party)
        pool, contact = credentials.open(config, party, peer, stack)
        make_folder(folder)
        interrupts = stack.enter_context(Interrupts())
        channel, session_id = meet(
            meeting,
            bench.clock,
            Guest(party, peer, config.experiment, config.hash, pool, contact),
            interrupts.check,
            progress,
        )
        stack.enter_context(leaving(channel))
        secrets = PeerSecrets(config, session_id, pool, contact)
        files = stack.enter_context(PartyFiles(folder, party, config, secrets))
        session = PartySession(
            config, party, files, channel, bench.clock, secrets, progress
        )
        try:
            # The other party need not wait until the files are finished.
            with leaving(channel):
                bench.clock.spawn(party, partial(_authenticate, session))
                bench.clock.run(interrupts.check)
                with open_stations(
                    config, bench, {party: session}, (), interrupts, progress
                ) as stations:
                    play = partial(
                        session.run, _to_the_end(program, session), stations[party]
                    )
                    bench.clock.spawn(party, play)
                    bench.clock.run(interrupts.check)
        except SecurityAbort as abort:
            aborted = abort
            session.give_up_keys(abort)
        wall_s = time.perf_counter() - begin_s
        facts = facts_of(config, bench) | {"wall_s": wall_s}
        result = build_result({party: session.outcome()}, facts, aborted)
        failed: QkdlabError | None = aborted
        if aborted is None:
            try:
                claimable_bits = result["claimable_secret_bits"]
                kept = credentials.keep(party, files, claimable_bits)
                result["net_secret_bits"] -= kept
            except ResourceError as error:
                failed = error
        session.recorder.result("run", result)
    write_result(folder, result)
    return Outcome(result, failed)


def _program(config: RunConfig, party: str) -> Program:
    experiment = experiment_of(config)
    if party not in experiment.programs:
        raise ConfigError(f"experiment {config.experiment}: no program for {party}")
    return experiment.programs[party]


def _authenticate(session: PartySession) -> None:
    """Exchange a first authenticated word, which covers both greetings.

    Before it anybody could have greeted, and nothing is switched on (SECURITY rule 8).
    Where the parties' secrets stand is known by then; see `qkdlab.link.handshake`.
    Whoever greets well and then says nothing is given no longer than a greeting takes.
    """
    speaks_first = session.party != PARTIES[0]
    try:
        if speaks_first:
            session.conversation.send(_MET)
        session.conversation.receive(_MET, patience_s=GREETING_S)
        if not speaks_first:
            session.conversation.send(_MET)
    except SecurityAbort as abort:
        session.conversation.leave(abort)
        raise


def _to_the_end(program: Program, session: PartySession) -> Program:
    """Return a program that ends when both parties know that they end alike.

    The first party speaks last, and listens until the other has gone: what is wrong
    with its last message, it still hears.
    """

    def play(ctx: PartyContext[Any]) -> PartyResult:
        result = program(ctx)
        leaked_bits = ctx.conversation.figures.get("leaked_bits")
        mine = {"key_ids": session.key_ids, "leaked_bits": leaked_bits}
        speaks_last = session.party == PARTIES[0]
        if not speaks_last:
            ctx.conversation.send(_FINISHED, **mine)
        if ctx.conversation.receive(_FINISHED) != mine:
            raise SecurityAbort(
                AbortCode.LEDGER_MISMATCH, "the parties end with different ledgers"
            )
        if speaks_last:
            ctx.conversation.send(_FINISHED, **mine)
            session.hear_out(_LAST_WORDS_S)
        return result

    return play
