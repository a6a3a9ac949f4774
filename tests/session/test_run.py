"""A run of two programs on fake instruments: files, result, aborts, errors."""

import json
import os
import signal
import stat
from dataclasses import dataclass

import h5py
import pytest
import station_fakes
from pydantic import BaseModel
from station_fakes import DIARY, FakeBench, block, instrument

import qkdlab.session.together
import qkdlab.station.open
from qkdlab.bits.array import BitArray
from qkdlab.config.models import RunConfig, StationConfig
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentTimeout,
    ResourceError,
    SecurityAbort,
)
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.effects import Commit, KeyBlock, KeyPending, KeyReady
from qkdlab.problems import Position, Problem
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import Experiment, PartyResult
from qkdlab.session.run import run
from qkdlab.session.signals import Interrupted
from qkdlab.wiring.parts import Wiring


class Parameters(BaseModel):
    duration_s: float = 2.0


@dataclass
class KeyParty:
    """Makes one key and is finished."""

    key: KeyBlock
    finished: bool = False

    def handle(self, event):
        self.finished = True
        return [KeyPending(self.key), KeyReady(self.key)]

    def figures(self):
        return {"leaked_bits": 5}


def key(party: str, key_class: str) -> KeyBlock:
    return KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5a" * 8, 64), key_class)


def alice(ctx):
    ctx.recorder.monitor("power_w", 1e-6)
    ctx.conversation.send("hello", n=1)
    ctx.conversation.receive("welcome")
    ctx.clock.sleep_until(1000)
    party = KeyParty(key("alice", ctx.conversation.key_class))
    return PartyResult(ctx.conversation.drive(party))


def bob(ctx):
    ctx.conversation.receive("hello")
    ctx.conversation.send("welcome")
    ctx.recorder.tags(block([1, 2, 3], 0, 10))
    ctx.progress("tags", 1, 2)
    ctx.recorder.result("sync", {"stretch": 1.0})
    party = KeyParty(key("bob", ctx.conversation.key_class))
    return PartyResult(ctx.conversation.drive(party))


class World:
    """What the tests can change: the programs and the broken rules."""

    def __init__(self) -> None:
        self.programs = {"alice": alice, "bob": bob}
        self.problems: list[Problem] = []

    def lookup(self, group: str, name: str):
        if group == "qkdlab.benches":
            return lambda config, seed: FakeBench()
        return Experiment("fake", Parameters, self.programs)


@pytest.fixture
def world(monkeypatch) -> World:
    DIARY.clear()
    world = World()
    specs = station_fakes.SPECS
    monkeypatch.setattr(qkdlab.station.open, "driver_spec", specs.__getitem__)
    monkeypatch.setattr(
        "qkdlab.station.qcodes_station.snapshot",
        lambda instruments: {name: {"parameters": {}} for name in instruments},
    )
    monkeypatch.setattr(qkdlab.session.together, "lookup", world.lookup)
    monkeypatch.setattr(
        qkdlab.session.together.rules, "check", lambda config: world.problems
    )
    return world


def configuration(
    seed: int | None = 7,
    key_class: str = "demonstration",
    facility: bool = False,
    **alice: str,
):
    parties = {
        "alice": StationConfig(instruments={"awg": instrument("awg", **alice)}),
        "bob": StationConfig(instruments={"meter": instrument("meter")}),
    }
    if facility:
        loss = {"attenuator": instrument("attenuator")}
        parties["channel"] = StationConfig(instruments=loss)
    return RunConfig(
        schema_version=1,
        name="fake",
        experiment="fake",
        bench="sim",
        seed=seed,
        key_class=key_class,
        parameters=Parameters(),
        parties=parties,
        wiring=Wiring(parts={}, cables=[]),
        source="fake.yaml",
    )


def silent(what: str, done: float, total: float) -> None:
    pass


def started(world, folder, config=None):
    return run(config or configuration(), folder, silent)


def test_it_ends_with_equal_keys_and_the_figures_of_both(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 0
    assert outcome.result["keys_match"] is True
    assert outcome.result["secret_bits"] == 64
    assert outcome.result["clicks"] == 3
    assert outcome.result["sync"] == {"stretch": 1.0}
    assert outcome.result["leaked_bits"] == 5
    assert outcome.result["seed"] == 7
    assert outcome.result["auth_bits_spent"] > 0
    assert outcome.result["aborted"] is None


def test_the_result_is_on_disk(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    on_disk = json.loads((tmp_path / "run" / "result.json").read_text())
    assert on_disk == outcome.result


def test_each_party_has_a_finished_run_file(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    for party, path in outcome.result["run_files"].items():
        with open_run(path) as file:
            assert file.complete
            assert file.meta["party"] == party
            assert [source for _, source, _ in file.messages()] == [
                "alice-to-bob",
                "bob-to-alice",
            ]
    with open_run(outcome.result["run_files"]["bob"]) as file:
        assert file.n_tags == 3


def test_keys_are_stored_confirmed_under_one_id(world, tmp_path):
    started(world, tmp_path / "run")
    for party in ("alice", "bob"):
        (stored,) = KeyStore(tmp_path / "run" / party / "keys")
        assert stored.key_id == "k-1"
        assert stored.state is KeyState.CONFIRMED


def test_keys_of_class_lab_are_burned(world, tmp_path):
    started(world, tmp_path / "run", configuration(key_class="lab"))
    (stored,) = KeyStore(tmp_path / "run" / "alice" / "keys")
    assert stored.state is KeyState.BURNED


def test_what_is_private_is_readable_by_its_owner_alone(world, tmp_path):
    started(world, tmp_path / "run")
    private = tmp_path / "run" / "alice"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for path in (p for p in private.rglob("*") if p.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_nothing_on_disk_but_pool_journal_and_store_holds_the_key(world, tmp_path):
    started(world, tmp_path / "run")
    for path in (tmp_path / "run").glob("*.*"):
        assert b"\x5a" * 8 not in path.read_bytes()


def test_instruments_are_safe_and_closed_afterwards(world, tmp_path):
    started(world, tmp_path / "run")
    assert DIARY[-4:] == [
        "alice_awg safe",
        "alice_awg closed",
        "bob_meter safe",
        "bob_meter closed",
    ]


def test_a_station_that_nobody_plays_opens_after_all_others_and_is_made_safe_last(
    world, tmp_path
):
    outcome = started(world, tmp_path / "run", configuration(facility=True))
    assert outcome.exit_code == 0
    opened = [line for line in DIARY if line.endswith("constructed")]
    assert opened[-1] == "channel_attenuator constructed"
    assert DIARY[-2:] == ["channel_attenuator safe", "channel_attenuator closed"]


def test_all_light_is_off_before_a_station_that_nobody_plays_opens_its_path(
    world, tmp_path
):
    config = configuration(facility=True)
    shutter = {"shutter": instrument("attenuator")}
    alice = config.parties["alice"].instruments | shutter
    parties = config.parties | {"alice": StationConfig(instruments=alice)}
    started(world, tmp_path / "run", config.model_copy(update={"parties": parties}))
    opening = DIARY.index("channel_attenuator constructed")
    assert "alice_shutter safe" in DIARY[:opening]
    assert "alice_awg safe" not in DIARY[:opening]


def test_a_station_that_nobody_plays_is_on_record_with_every_party(world, tmp_path):
    outcome = started(world, tmp_path / "run", configuration(facility=True))
    for path in outcome.result["run_files"].values():
        with open_run(path) as file:
            assert "channel.attenuator" in file.snapshots()
            lines = {line for _, line, _ in file.io()}
            assert "channel.attenuator.control>" in lines


def test_different_keys_are_found_out(world, tmp_path, monkeypatch):
    other = KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5b" * 8, 64), "demonstration")

    def bad_bob(ctx):
        ctx.conversation.receive("hello")
        ctx.conversation.send("welcome")
        return PartyResult(ctx.conversation.drive(KeyParty(other)))

    world.programs["bob"] = bad_bob
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 4
    assert outcome.result["keys_match"] is False
    assert outcome.result["secret_bits"] == 0


def test_an_abort_is_an_outcome_with_all_that_is_known(world, tmp_path):
    def aborting_bob(ctx):
        ctx.recorder.tags(block([1, 2], 0, 10))
        raise SecurityAbort(AbortCode.SYNC_LOST, "no header found", {"score": 0.1})

    world.programs["bob"] = aborting_bob
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == "sync-lost"
    assert outcome.result["aborted"]["numbers"] == {"score": 0.1}
    assert outcome.result["clicks"] == 2
    assert outcome.result["keys_match"] is None
    with open_run(outcome.result["run_files"]["bob"]) as file:
        assert file.complete
        assert file.results()["run"]["aborted"]["code"] == "sync-lost"


def test_an_instrument_that_fails_ends_the_run_but_loses_no_record(world, tmp_path):
    def failing_bob(ctx):
        ctx.recorder.tags(block([1, 2], 0, 10))
        raise InstrumentTimeout("bob_meter", "no answer")

    world.programs["bob"] = failing_bob
    with pytest.raises(InstrumentTimeout):
        started(world, tmp_path / "run")
    assert "alice_awg safe" in DIARY
    with open_run(tmp_path / "run" / "bob.h5") as file:
        assert file.n_tags == 2
        assert file.results()["error"] == "InstrumentTimeout: bob_meter: no answer"


def test_an_instrument_that_stays_silent_at_the_opening_is_named(world, tmp_path):
    with pytest.raises(InstrumentTimeout, match="alice_awg"):
        started(world, tmp_path / "run", configuration(fail="identify"))
    assert "bob_meter safe" in DIARY


def test_a_signal_ends_the_run_safely(world, tmp_path):
    def endless_alice(ctx):
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            ctx.clock.sleep_until(ctx.clock.now_ps() + 1)

    world.programs["alice"] = endless_alice
    with pytest.raises(Interrupted) as caught:
        started(world, tmp_path / "run")
    assert caught.value.exit_code == 143
    assert "alice_awg safe" in DIARY
    with open_run(tmp_path / "run" / "alice.h5") as file:
        assert file.complete


def test_a_folder_that_holds_something_is_never_written_over(world, tmp_path):
    (tmp_path / "old.txt").write_text("precious")
    with pytest.raises(ResourceError, match="--output"):
        started(world, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_a_bench_that_breaks_a_rule_is_refused_before_anything_is_opened(
    world, tmp_path
):
    place = Position("bb84.yaml", 3, 4)
    world.problems = [
        Problem(place, ("wiring",), "only a warning", "warning"),
        Problem(place, ("wiring", "cables", 3), "30 V into a 2 V input"),
    ]
    with pytest.raises(ConfigError, match="30 V") as caught:
        started(world, tmp_path / "run")
    assert len(caught.value.problems) == 1
    assert DIARY == []
    assert not (tmp_path / "run").exists()


def test_a_configuration_of_other_parties_is_refused(world, tmp_path):
    world.programs = {"alice": alice, "charlie": bob}
    with pytest.raises(ConfigError, match="alice and bob"):
        started(world, tmp_path / "run")


@dataclass
class CommittingParty(KeyParty):
    """Commits a secret on the way to its key."""

    secret: bytes = b"\xa5" * 64

    def handle(self, event):
        return [Commit("outcomes", b"public", self.secret), *super().handle(event)]


def test_what_a_secure_run_leaves_behind_does_not_give_its_outcomes(world, tmp_path):
    def committing(party):
        def program(ctx):
            made = CommittingParty(key(party, ctx.conversation.key_class))
            return PartyResult(ctx.conversation.drive(made))

        return program

    world.programs = {name: committing(name) for name in ("alice", "bob")}
    folder = tmp_path / "run"
    outcome = started(world, folder, configuration(None, "secure"))
    assert outcome.result["secret_bits"] == 64
    left = [p for p in folder.rglob("*") if p.is_file()]
    assert {p.name for p in left if p.parent.name == "bob"} == {
        "pads.bin",
        "pads.bin.used",
    }
    for path in left:
        assert CommittingParty.secret not in path.read_bytes(), path
    with h5py.File(folder / "bob.h5") as file:
        assert "journal" not in file["user/qkdlab"]
    # the same look at a run on record finds them
    folder = tmp_path / "lab"
    started(world, folder, configuration(None, "lab"))
    assert CommittingParty.secret in (folder / "bob" / "journal.bin").read_bytes()


def test_an_abort_of_a_secure_run_leaves_no_journal_either(world, tmp_path):
    class AbortingParty(CommittingParty):
        def handle(self, event):
            raise SecurityAbort(AbortCode.NO_SECRET_KEY, "short")

    def program(ctx):
        return PartyResult(ctx.conversation.drive(AbortingParty(key("x", "secure"))))

    world.programs = {"alice": program, "bob": program}
    outcome = started(world, tmp_path / "run", configuration(None, "secure"))
    assert outcome.exit_code == 3
    assert list((tmp_path / "run").rglob("journal.bin")) == []


@pytest.mark.parametrize(
    ("seed", "repeats", "words"), [(7, False, "seed"), (None, True, "repeat")]
)
def test_a_secure_run_refuses_what_is_not_secure_however_it_was_asked_for(
    world, tmp_path, seed, repeats, words
):
    class Repeating(Parameters):
        settings_repeat: bool = repeats

    config = configuration(seed, "secure")
    config = config.model_copy(update={"parameters": Repeating()})
    with pytest.raises(ConfigError, match=words):
        started(world, tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_other_configurations_of_one_seed_have_other_pads(world, tmp_path):
    pads = set()
    for name in ("demonstration", "lab"):
        started(world, tmp_path / name, configuration(7, name))
        pads.add((tmp_path / name / "alice" / "pads.bin").read_bytes()[4096:])
    assert len(pads) == 2


def test_the_same_seed_gives_the_same_session_and_pads(world, tmp_path):
    runs = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for folder, seed in zip(runs, (7, 7, 8), strict=True):
        started(world, folder, configuration(seed))
    ids = []
    for folder in runs:
        with open_run(folder / "alice.h5") as file:
            ids.append(file.meta["run_id"])
    assert ids[0] == ids[1] != ids[2]
    assert (runs[0] / "alice" / "pads.bin").read_bytes() == (
        runs[1] / "alice" / "pads.bin"
    ).read_bytes()


def test_without_a_seed_every_run_has_its_own_session(world, tmp_path):
    ids = set()
    for name in ("a", "b"):
        started(world, tmp_path / name, configuration(None))
        with open_run(tmp_path / name / "alice.h5") as file:
            ids.add(file.meta["run_id"])
    assert len(ids) == 2
