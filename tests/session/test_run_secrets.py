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
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Commit
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import PartyResult
from qkdlab.session.secrets import RunSecrets


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
    assert [p.name for p in left if p.parent.name == "bob"] == []
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


def pads_of(config):
    with RunSecrets(config).tagger() as pool:
        return pool.take(Direction.ALICE_TO_BOB)[1]


def test_other_configurations_of_one_seed_have_other_pads():
    pads = {pads_of(configuration(7, name)) for name in ("demonstration", "lab")}
    assert len(pads) == 2


def test_the_same_seed_gives_the_same_session_and_pads():
    runs = [RunSecrets(configuration(seed)) for seed in (7, 7, 8)]
    assert runs[0].session == runs[1].session != runs[2].session
    pads = [pads_of(configuration(seed)) for seed in (7, 7, 8)]
    assert pads[0] == pads[1] != pads[2]


@pytest.fixture
def pads_drawn(monkeypatch):
    """Return a list that gets the pads of every run that is begun."""
    drawn = []

    class Watched(RunSecrets):
        def __init__(self, config):
            super().__init__(config)
            drawn.append((self, bytes(self._pads)))

    monkeypatch.setattr("qkdlab.session.together.RunSecrets", Watched)
    return drawn


@pytest.mark.parametrize("key_class", ["secure", "lab"])
def test_no_pad_is_ever_in_the_folder_of_a_run(world, tmp_path, pads_drawn, key_class):
    held = []

    def looking(ctx):
        held.extend(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
        return PartyResult({})

    world.programs = dict.fromkeys(("alice", "bob"), looking)
    started(world, tmp_path / "run", configuration(None, key_class))
    held.extend(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    ((secrets, pads),) = pads_drawn
    assert len(held) > 2
    for first in range(0, len(pads), 16):
        assert not any(pads[first : first + 16] in data for data in held)
    assert not any(secrets._pads)


def test_without_a_seed_every_run_has_its_own_session(world, tmp_path):
    ids = set()
    for name in ("a", "b"):
        started(world, tmp_path / name, configuration(None))
        with open_run(tmp_path / name / "alice.h5") as file:
            ids.add(file.meta["run_id"])
    assert len(ids) == 2
