"""What a run of class secure leaves, and what a thief can make of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import attacker
import h5py
import numpy as np
import pytest

from qkdlab.errors import UsageError
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.protocols.symbols import value_of
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.verify import verify
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.timetags.block import TagBlock

pytestmark = [pytest.mark.xdist_group("quick"), pytest.mark.timeout(600)]
PARTIES = ("alice", "bob")


def loot(run: Any, folder: Path) -> list[bytes]:
    """Copy all that a thief could get into `folder`; return the keys, now burned."""
    shutil.copytree(run.folder, folder / "run")
    for config in run.folder.parent.glob("*.yaml"):
        shutil.copy(config, folder)
    with (folder / "wire.bin").open("wb") as file:
        for way, frame in run.wire:
            file.write(bytes([way]) + len(frame).to_bytes(8, "little") + frame)
    keys = []
    for party in PARTIES:
        store = KeyStore(folder / "run" / party / "keys")
        for key in store:
            keys.append(key.bits.to_bytes())
            if key.state is not KeyState.BURNED:
                store.advance(key.key_id, KeyState.BURNED)
    return [key for key in keys if key]


def attacked(folder: Path) -> dict[str, Any]:
    """Let the attacker's program loose on a folder."""
    done = subprocess.run(
        [sys.executable, attacker.__file__, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def stolen_secure(secure_run: Any, tmp_path_factory: Any) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("stolen_secure")
    return folder, loot(secure_run, folder)


@pytest.fixture(scope="module")
def stolen_lab(lab_run: Any, tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("stolen_lab")
    loot(lab_run, folder)
    return folder


@pytest.fixture(scope="module")
def on_secure(stolen_secure: tuple[Path, list[bytes]]) -> dict[str, Any]:
    return attacked(stolen_secure[0])


@pytest.fixture(scope="module")
def on_lab(stolen_lab: Path) -> dict[str, Any]:
    return attacked(stolen_lab)


def sifted_of(run: Any, heard: attacker.Heard) -> np.ndarray:
    """Return Alice's true sifted bits."""
    return value_of(run.sent[heard.slot[heard.key]])


def test_a_secure_run_ends_in_equal_keys(secure_run: Any) -> None:
    assert secure_run.exit_code == 0
    assert secure_run.result["keys_match"] is True
    assert secure_run.result["secret_bits"] > 0
    assert secure_run.result["seed"] is None


def test_no_series_of_a_secure_run_tells_what_one_detector_counted(
    secure_run: Any, lab_run: Any
) -> None:
    for run, is_told in ((secure_run, False), (lab_run, True)):
        with open_run(run.folder / "bob.h5") as file:
            names = set(file.monitors())
        assert {"total_tag_rate_hz", "snspd_voltage_mv/3"} <= names
        assert ("tag_rate_hz/0" in names) is is_told


def test_the_attacker_fails_on_a_secure_run(
    on_secure: dict[str, Any], stolen_secure: tuple[Path, list[bytes]]
) -> None:
    assert on_secure["sifted"] is None
    assert on_secure["final"] == []
    assert len(stolen_secure[1]) == 2
    # 7 ways and some dozens of guesses at 6 sigma
    assert all(way["sigmas"] < 6 for way in on_secure["ways"].values())


def test_no_guess_on_a_secure_run_knows_anything_of_the_sifted_bits(
    secure_run: Any, stolen_secure: tuple[Path, list[bytes]]
) -> None:
    heard = attacker.hear(stolen_secure[0])
    truth = sifted_of(secure_run, heard)
    for name, way in attacker.WAYS.items():
        for guess in way(stolen_secure[0], heard):
            right = np.mean(guess[heard.key] == truth)
            assert abs(2 * right - 1) * np.sqrt(truth.size) < 6, name


def test_the_attacker_succeeds_on_a_lab_run(
    lab_run: Any, on_lab: dict[str, Any], stolen_lab: Path
) -> None:
    heard = attacker.hear(stolen_lab)
    truth = sifted_of(lab_run, heard)
    packed = np.frombuffer(b64decode(on_lab["sifted"]), np.uint8)
    assert np.array_equal(np.unpackbits(packed)[: truth.size], truth)
    with open_run(lab_run.folder / "alice.h5") as file:
        digest = file.key_blocks()["block-0"]["key_sha256"]
    assert digest in {digest_of(lab_run, b64decode(k)) for k in on_lab["final"]}


def digest_of(run: Any, bits: bytes) -> str:
    """Return the digest that the run has on record for its key, of other bits."""
    from qkdlab.bits.array import BitArray
    from qkdlab.link.effects import KeyBlock
    from qkdlab.session.result import key_digest

    length, key_id = run.result["secret_bits"], run.result["key_id"]
    return key_digest(KeyBlock(key_id, 0, BitArray.from_bytes(bits, length), "lab"))


@pytest.mark.parametrize("way", sorted(set(attacker.WAYS) - {"seed"}))
def test_every_way_alone_succeeds_on_a_lab_run(on_lab: Any, way: str) -> None:
    # a share of a few hundredths is wrong where Bob's bits or detectors are read
    assert on_lab["ways"][way]["sigmas"] > 50
    assert on_lab["ways"][way]["agreement"] > 0.9


def test_a_seed_alone_gives_every_bit(blocks_run: Any, tmp_path: Path) -> None:
    loot(blocks_run, tmp_path)
    with open_run(blocks_run.folder / "alice.h5") as file:
        sent = file.settings("block-0")
    heard = attacker.hear(tmp_path)
    guess = next(attacker.by_seed(tmp_path, heard))
    assert np.array_equal(guess, value_of(sent[heard.slot]))


@pytest.mark.parametrize("party", PARTIES)
def test_nothing_secret_is_on_record(secure_run: Any, party: str) -> None:
    folder = secure_run.folder
    assert verify(folder / f"{party}.h5") == []
    with open_run(folder / f"{party}.h5") as file:
        assert list(file.file["/user/qkdlab/settings"]) == []
        assert list(file.io()) == []
        assert list(file.random_bits()) == []
        assert file.journal() == b""
        assert "key_sha256" not in file.key_blocks()["block-0"]
        assert file.config()["seed"] is None
    assert not (folder / party / "journal.bin").exists()


def test_tags_are_slots_and_bases(secure_run: Any) -> None:
    with h5py.File(secure_run.folder / "bob.h5") as file:
        t = file["/photon_data/timestamps"][()]
        ch = file["/photon_data/detectors"][()]
    assert t.size > 1000
    assert not np.any(t % 10_000)
    assert set(ch.tolist()) == {0, 1}


def test_no_pads_lie_in_the_folder(secure_run: Any) -> None:
    beside = {p.name for p in secure_run.folder.rglob("*") if p.is_file()}
    keys = {name for name in beside if name.endswith(".key")}
    assert beside - keys <= {"alice.h5", "bob.h5", "result.json", "store.mac"}


@pytest.mark.parametrize("run", ["secure_run", "lab_run", "blocks_run"])
def test_everything_is_for_its_owner_alone(
    run: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(run).folder
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_of_class_secure_takes_nothing_secret(tmp_path: Path) -> None:
    writer = RunFileWriter(
        tmp_path / "a.h5",
        party="alice",
        config={},
        config_hash="",
        key_class="secure",
        run_id="00",
        mode="sim",
    )
    from qkdlab.bits.array import BitArray

    no = np.zeros(1, np.int64)
    tags = TagBlock(no, np.zeros(1, np.uint8), 0, 10)
    for refused in (
        lambda: writer.tags(tags),
        lambda: writer.io(0, "awg>", b"x"),
        lambda: writer.settings("block-0", np.zeros(3, np.uint8)),
        lambda: writer.random_bits(0, "secret/pattern", BitArray.zeros(64)),
        lambda: writer.slots(no, np.array([2], np.uint8)),
    ):
        with pytest.raises(UsageError, match=r"secure"):
            refused()
    writer.abandon()
