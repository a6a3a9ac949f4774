"""What a run keeps secret: a secure run's files, and pads that differ."""

from dataclasses import dataclass

import h5py
import pytest
from fake_run import KeyParty, Parameters, configuration, key, started

from qkdlab.errors import (
    AbortCode,
    ConfigError,
    SecurityAbort,
)
from qkdlab.link.effects import Commit
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import PartyResult


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
