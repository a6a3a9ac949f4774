"""A key that one party has and of which the other has not said the last word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import quick_bench
import quick_main
from pydantic import BaseModel
from station_fakes import instrument

from qkdlab.bits.array import BitArray
from qkdlab.config.models import RunConfig, StationConfig
from qkdlab.errors import UsageError
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.effects import Commit, KeyBlock
from qkdlab.session.files import PartyFiles
from qkdlab.session.journal import records_of
from qkdlab.session.secrets import RunSecrets
from qkdlab.wiring.parts import Wiring

pytestmark = [pytest.mark.xdist_group("quick"), pytest.mark.timeout(300)]
PARTIES = ("alice", "bob")
SECRET = b"\xa5" * 40


class Parameters(BaseModel):
    """None."""


@pytest.fixture(scope="module", params=PARTIES)
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Kill a run of class secure before a party says that it holds the key."""
    folder = tmp_path_factory.mktemp("killed")
    config = quick_bench.config_file(folder, "secure")
    process = subprocess.run(
        [sys.executable, quick_main.__file__, "run", str(config), "--quiet",
         "--output", str(folder / "run")],
        env={**os.environ, "QUICK_KILL": request.param,
             "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=240,
        check=False,
    )  # fmt: skip
    assert process.returncode == -9
    return Path(folder / "run")


@pytest.mark.parametrize("party", PARTIES)
def test_a_crash_before_the_last_word_leaves_a_key_that_is_pending(
    killed: Path, party: str
) -> None:
    store = KeyStore(killed / party / "keys")
    (key,) = store
    assert key.state is KeyState.PENDING
    assert len(key.bits) == key.length > 0
    with pytest.raises(UsageError):
        store.export(key.key_id)


@pytest.mark.parametrize("party", PARTIES)
def test_a_secure_run_that_was_killed_leaves_no_secret_in_its_journal(
    killed: Path, party: str
) -> None:
    (record,) = records_of((killed / party / "journal.bin").read_bytes())
    assert int.from_bytes(record.data[:8], "little") == 0
    assert not record.secret
    if party == "bob":
        # the number of his slots, and nothing of what he found in them
        assert record.label == "outcomes"
        assert len(record.data) == 16


def files(folder: Path, key_class: str) -> PartyFiles:
    station = StationConfig(instruments={"awg": instrument("awg")})
    config = RunConfig(
        schema_version=1,
        name="fake",
        experiment="fake",
        bench="sim",
        seed=None,
        key_class=key_class,
        parameters=Parameters(),
        parties={"alice": station},
        wiring=Wiring(parts={}, cables=[]),
        source="fake.yaml",
    )
    folder.mkdir()
    return PartyFiles(folder, "alice", config, RunSecrets(config))


def a_key(key_class: str = "demonstration") -> KeyBlock:
    return KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5a" * 8, 64), key_class)


def state(folder: Path) -> KeyState:
    (stored,) = KeyStore(folder / "alice" / "keys")
    return stored.state


@pytest.mark.parametrize("key_class", ["secure", "lab", "demonstration"])
def test_a_key_is_pending_on_disk_as_soon_as_it_is_held(
    tmp_path: Path, key_class: str
) -> None:
    with files(tmp_path / "run", key_class) as kept:
        kept.hold(a_key(key_class))
        assert state(tmp_path / "run") is KeyState.PENDING
        assert kept.keys == []
    assert state(tmp_path / "run") is KeyState.PENDING


def test_the_last_word_confirms_it(tmp_path: Path) -> None:
    with files(tmp_path / "run", "demonstration") as kept:
        key = a_key()
        kept.hold(key)
        kept.confirm(key)
        assert kept.keys == [key]
        # what ends the next block is not the end of this key
        kept.give_up()
    assert state(tmp_path / "run") is KeyState.CONFIRMED


def test_an_abort_burns_what_is_pending(tmp_path: Path) -> None:
    key = a_key()
    with files(tmp_path / "run", "demonstration") as kept:
        kept.hold(key)
        kept.give_up()
    assert state(tmp_path / "run") is KeyState.BURNED
    assert key.bits == BitArray.zeros(64)


def test_tampering_burns_what_is_pending_too(tmp_path: Path) -> None:
    with files(tmp_path / "run", "demonstration") as kept:
        kept.hold(a_key())
        kept.burn_keys()
    assert state(tmp_path / "run") is KeyState.BURNED


def test_a_word_without_a_tag_burns_the_newest_key_alone(tmp_path: Path) -> None:
    first, second = a_key(), KeyBlock("k-2", 1, a_key().bits[:], "demonstration")
    with files(tmp_path / "run", "demonstration") as kept:
        for key in (first, second):
            kept.hold(key)
            kept.confirm(key)
        kept.burn_keys(newest=1)
        assert kept.keys == [first]
    states = {k.key_id: k.state for k in KeyStore(tmp_path / "run" / "alice" / "keys")}
    assert states == {"k-1": KeyState.CONFIRMED, "k-2": KeyState.BURNED}


def test_at_the_end_no_key_is_left_in_memory(tmp_path: Path) -> None:
    confirmed, pending = a_key(), KeyBlock("k-2", 1, a_key().bits[:], "demonstration")
    with files(tmp_path / "run", "demonstration") as kept:
        kept.hold(confirmed)
        kept.confirm(confirmed)
        kept.hold(pending)
    assert confirmed.bits == pending.bits == BitArray.zeros(64)


def test_a_secure_run_never_writes_what_is_secret_of_a_commit(tmp_path: Path) -> None:
    with files(tmp_path / "run", "secure") as kept:
        kept.commit(Commit("outcomes", b"in public", SECRET))
        journal = (tmp_path / "run" / "alice" / "journal.bin").read_bytes()
        assert b"in public" in journal
        for path in (tmp_path / "run").rglob("*"):
            assert path.is_dir() or SECRET not in path.read_bytes()


def test_a_run_on_record_writes_it(tmp_path: Path) -> None:
    with files(tmp_path / "run", "lab") as kept:
        kept.commit(Commit("outcomes", b"in public", SECRET))
        journal = (tmp_path / "run" / "alice" / "journal.bin").read_bytes()
        (record,) = records_of(journal)
        assert (record.data, record.secret) == (b"in public" + SECRET, True)
