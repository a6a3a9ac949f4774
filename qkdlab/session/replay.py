"""`replay`: key blocks of a finished run once more, from its run files alone.

No bench, no clock, no driver. What is unchanged gives the same messages, ledgers and
keys, or the first difference is named. With changed parameters it is a re-analysis: new
counts and a new length, never stored as key (SECURITY rule 12).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.config.load import load_resolved
from qkdlab.errors import AbortCode, SecurityAbort, UsageError, VerifyError
from qkdlab.link.totals import total_figures
from qkdlab.link.transcript import Transcript, is_plain
from qkdlab.plugins import lookup
from qkdlab.randomness import Randomness, RecordedRandomness, SeededRandomness
from qkdlab.runfile.verified import VerifiedRun
from qkdlab.session.compare import first_difference, first_message_difference
from qkdlab.session.exchange import Side, exchange
from qkdlab.session.recorded import RecordedBlock
from qkdlab.session.recorder import block_name
from qkdlab.session.result import key_digest, plain

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.runfile.reader import RunFile
    from qkdlab.session.experiment import ReplayProgram

__all__ = ["Replayed", "replay"]

_PARTIES = ("alice", "bob")
RE_ANALYSIS = "re-analysis"
_HASH = "config_hash"
_FRESH_SEED = 0
"""Of what a re-analysis has to draw anew; it makes no key, so it need not be secret."""


@dataclass(frozen=True)
class Replayed:
    """What a replay gave.

    result:     for people and programs
    difference: the first one from the run; None when there is none, or in a re-analysis
    """

    result: dict[str, Any]
    difference: str | None


@dataclass(frozen=True)
class _Again:
    """One block gone through again, to its end."""

    sides: Mapping[str, Side]
    aborted: SecurityAbort | None

    def figures(self) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for side in self.sides.values():
            known |= plain(side.party.figures())
        told = None
        if self.aborted is not None:
            told = {"code": self.aborted.code.value, "reason": self.aborted.reason}
        return {**known, "aborted": told, "transcript_sha256": self.transcript}

    @cached_property
    def transcript(self) -> str:
        hashing = Transcript()
        for direction, said in self.messages():
            hashing.add(direction, said)
        return hashing.sha256

    def messages(self) -> Iterator[tuple[str, bytes]]:
        ways = ("alice-to-bob", "bob-to-alice")
        for way, side in zip(ways, self.sides.values(), strict=False):
            yield from ((way, said) for said in side.said)

    def key_sha256(self) -> str | None:
        digests = {key_digest(s.key) for s in self.sides.values() if s.key is not None}
        return digests.pop() if len(digests) == 1 else None


def replay(folder: Path, changes: Sequence[str], progress: Report) -> Replayed:
    """Go through the key blocks of the run in `folder` once more.

    changes: ``a.b=c`` as after ``--set``; none for the run as it was

    The originals are only read. Raises VerifyError when they are damaged, do not belong
    together or are of class secure, UsageError when the experiment keeps too little, or
    `changes` ask for what the record cannot give, ConfigError, ResourceError.
    """
    begin_s = time.perf_counter()
    with ExitStack() as stack:
        files = {
            party: stack.enter_context(VerifiedRun(folder / f"{party}.h5"))
            for party in _PARTIES
        }
        runs = {party: file.run for party, file in files.items()}
        _refuse_others(runs)
        config, changed = _configuration(runs["alice"], changes)
        programs = lookup("qkdlab.experiments", config.experiment).replays
        if not programs:
            raise UsageError(f"experiment {config.experiment} offers no replay")
        blocks, difference = [], None
        names = sorted(runs["alice"].key_blocks(), key=_number)
        randomness = {p: _randomness(run, p, changed) for p, run in runs.items()}
        for done, name in enumerate(names):
            progress("key block", done, len(names))
            records = {
                party: _record(file, config, changed, name, randomness[party])
                for party, file in files.items()
            }
            again = _go_through(programs, records)
            blocks.append(again.figures() | {"block": _number(name)})
            if not changed and difference is None:
                difference = _difference(again, runs, records)
        run_wall_s = runs["alice"].results().get("run", {}).get("wall_s")
        meta = runs["alice"].meta
    wall_s = time.perf_counter() - begin_s
    label = RE_ANALYSIS if changed else "replay"
    result = total_figures(blocks) | {
        "label": label,
        "level": "tags",
        "run_id": meta["run_id"],
        "key_class": label if changed else meta["key_class"],
        "changes": list(changes),
        "claimable_secret_bits": 0,
        "blocks": blocks,
        "identical": None if changed else difference is None,
        "difference": difference,
        "wall_s": wall_s,
        "run_wall_s": run_wall_s,
    }
    return Replayed(dict(plain(result)), difference)


def _refuse_others(runs: Mapping[str, RunFile]) -> None:
    """Raise VerifyError unless these are the two files of one run, with its keys."""
    for party, run in runs.items():
        if run.meta["party"] != party:
            raise VerifyError(
                f"{run.path}: is the file of {run.meta['party']}, not of {party}"
            )
        if run.meta["key_class"] == "secure":
            raise VerifyError(
                f"{run.path}: a run of class secure keeps nothing from which it could "
                "be replayed"
            )
    alice, bob = (runs[party] for party in _PARTIES)
    for name in ("run_id", _HASH, "key_class"):
        if alice.meta[name] != bob.meta[name]:
            raise VerifyError(
                f"{bob.path}: is of another run than {alice.path} ({name} differs)"
            )
    if sorted(alice.key_blocks()) != sorted(bob.key_blocks()):
        raise VerifyError(f"{bob.path}: has other key blocks than {alice.path}")
    if not alice.key_blocks():
        raise VerifyError(f"{alice.path}: has no key block on record")


def _configuration(run: RunFile, changes: Sequence[str]) -> tuple[RunConfig, bool]:
    """Return the recorded configuration with changes, and whether they change it."""
    where = f"{run.path} (configuration on record)"
    recorded = load_resolved(run.config(), where)
    # A later version may know more settings; what was set must mean the same.
    difference = first_difference(run.config(), recorded.resolved())
    if difference is not None:
        raise VerifyError(
            f"{run.path}: this version of qkdlab reads its configuration differently "
            f"({difference}); replay it with qkdlab {run.meta['qkdlab']}"
        )
    if not changes:
        return recorded, False
    config = load_resolved(run.config(), where, overrides=changes)
    return config, config.resolved() != recorded.resolved()


def _randomness(run: RunFile, party: str, changed: bool) -> Randomness:
    seeded = run.config().get("seed") is not None
    recorded = RecordedRandomness(run.random_bits(), seeded)
    if not changed:
        return recorded
    return SeededRandomness(_FRESH_SEED, f"{RE_ANALYSIS} {party}")


def _record(
    file: VerifiedRun,
    config: RunConfig,
    changed: bool,
    name: str,
    randomness: Randomness,
) -> RecordedBlock:
    run = file.run
    facts = run.key_blocks()[name]
    return RecordedBlock(
        number=_number(name),
        parameters=config.parameters,
        session=bytes.fromhex(run.meta["run_id"]),
        configuration=bytes.fromhex(config.hash if changed else run.meta[_HASH]),
        key_class=config.key_class,
        facts=facts,
        settings=run.settings(name) if run.has_settings(name) else None,
        tags_read=file.blocks(facts["first_tag_block"], facts["end_tag_block"]),
        randomness=randomness,
    )


def _go_through(
    programs: Mapping[str, ReplayProgram], records: Mapping[str, RecordedBlock]
) -> _Again:
    try:
        sides = {party: programs[party](records[party]) for party in _PARTIES}
    except SecurityAbort as abort:
        return _Again({}, abort)
    except LookupError as error:
        raise _not_on_record(error) from None
    try:
        exchange(sides["alice"], sides["bob"])
    except LookupError as error:
        raise _not_on_record(error) from None
    aborts = [side.aborted for side in sides.values() if side.aborted is not None]
    own = [abort for abort in aborts if abort.code is not AbortCode.PEER_ABORTED]
    return _Again(sides, next(iter([*own, *aborts]), None))


def _not_on_record(error: LookupError) -> VerifyError:
    return VerifyError(f"the replay departs from the run: {error.args[0]}")


def _difference(
    again: _Again, runs: Mapping[str, RunFile], records: Mapping[str, RecordedBlock]
) -> str | None:
    """Name the first difference between a block and its record."""
    for party, record in records.items():
        told = record.fact("figures")
        where = f"key block {record.number}, {party}"
        code = (told["aborted"] or {}).get("code")
        if code == AbortCode.PEER_ABORTED:
            continue
        if code != (again.aborted.code.value if again.aborted else None):
            return f"{where}: ended with {code}, the replay with {again.aborted}"
        if code is not None:
            # How far both came before a notice crossed their messages is chance.
            continue
        if told["transcript_sha256"] != again.transcript:
            recorded = _messages(runs[party], record)
            found = first_message_difference(recorded, list(again.messages()))
            return f"{where}: {found or 'the record contradicts its own hash'}"
        figures = again.figures() | {"block": record.number}
        found = first_difference(told, figures)
        if found is not None:
            return f"{where}: {found}"
        if record.facts.get("key_sha256") != again.key_sha256():
            return f"{where}: the keys differ"
    return None


def _messages(run: RunFile, record: RecordedBlock) -> list[tuple[str, bytes]]:
    first, end = record.fact("first_message"), record.fact("end_message")
    said = [(way, data) for _, way, data in run.messages()][first:end]
    return [(way, data) for way, data in said if not is_plain(data)]


def _number(name: str) -> int:
    return int(name.removeprefix(block_name(0)[:-1]))
