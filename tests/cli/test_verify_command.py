"""`qkdlab verify` and `info`: finished files, unfinished ones, damage, the journal."""

import json
import shutil

import h5py
import numpy as np
import pytest

from qkdlab.cli.main import main
from qkdlab.runfile.schema import CHUNK_TAGS, ROOT
from qkdlab.runfile.tags import CHUNK_HASHES
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.session.journal import Journal
from qkdlab.timetags.block import TagBlock

CHUNKS, REST, BLOCK = 3, 1000, 20_000


def writer(folder, key_class="lab"):
    return RunFileWriter(
        folder / "bob.h5",
        party="bob",
        config={"name": "made up"},
        config_hash="00",
        key_class=key_class,
        run_id="11",
        mode="sim",
    )


def filled(folder):
    """Return a writer with three chunks of tags and a rest."""
    made = writer(folder)
    n = CHUNKS * CHUNK_TAGS + REST
    rng = np.random.default_rng(3)
    t = np.cumsum(rng.integers(1, 1000, n))
    ch = rng.integers(0, 4, n).astype(np.uint8)
    begin = 0
    for start in range(0, n, BLOCK):
        mine = slice(start, min(start + BLOCK, n))
        end = int(t[mine][-1]) + 1
        made.tags(TagBlock(t[mine], ch[mine], begin, end))
        begin = end
    return made


@pytest.fixture
def finished(tmp_path):
    made = filled(tmp_path)
    return made.finish()


@pytest.fixture
def unfinished(tmp_path):
    """A run that was cut: whole chunks are written, the rest was in memory."""
    made = filled(tmp_path)
    private = tmp_path / "bob"
    private.mkdir()
    with Journal(private / "journal.bin") as journal:
        journal.append("outcomes", (7).to_bytes(8, "little") + b"secret", secret=True)
        journal.append("settings disclosed", (7).to_bytes(8, "little"), secret=False)
    with (private / "journal.bin").open("ab") as file:
        file.write(b"\x40\x00\x00\x00cut")
    made.abandon()
    return made.part


def told(path, capsys, command="verify", code=0):
    assert main([command, str(path), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_finished_file_is_whole(finished, capsys):
    assert told(finished, capsys) == {
        "file": str(finished),
        "complete": True,
        "tags": CHUNKS * CHUNK_TAGS + REST,
        "damage": [],
    }
    assert main(["verify", str(finished)]) == 0
    assert "whole" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (5, f"tags 0 to {CHUNK_TAGS - 1}"),
        (CHUNK_TAGS, f"tags {CHUNK_TAGS} to {2 * CHUNK_TAGS - 1}"),
        (
            CHUNKS * CHUNK_TAGS + 1,
            f"tags {CHUNKS * CHUNK_TAGS} to {CHUNKS * CHUNK_TAGS + REST - 1}",
        ),
    ],
)
@pytest.mark.parametrize("column", ["timestamps", "detectors"])
def test_damage_is_told_to_its_chunk(finished, capsys, row, what, column):
    with h5py.File(finished, "a") as file:
        file[f"/photon_data/{column}"][row] ^= 1
    assert told(finished, capsys, code=4)["damage"] == [
        f"{what} are not those that were recorded"
    ]
    assert main(["verify", str(finished)]) == 4
    assert what in capsys.readouterr().err


def test_a_chunk_that_cannot_be_read_is_told(finished, capsys):
    with h5py.File(finished) as file:
        info = file["/photon_data/timestamps"].id.get_chunk_info(1)
    with finished.open("r+b") as raw:
        raw.seek(info.byte_offset)
        raw.write(bytes(200))
    (line,) = told(finished, capsys, code=4)["damage"]
    assert line == f"tags {CHUNK_TAGS} to {2 * CHUNK_TAGS - 1} cannot be read"


def test_hashes_that_were_made_to_fit_do_not(finished, capsys):
    with h5py.File(finished, "a") as file:
        hashes = file[CHUNK_HASHES]
        hashes[0] = hashes[1]
    found = told(finished, capsys, code=4)["damage"]
    assert "'tags/chunk_sha256' is not what was recorded" in found


def test_an_unfinished_file_verifies_to_its_last_whole_chunk(unfinished, capsys):
    found = told(unfinished, capsys)
    assert found["complete"] is False
    assert found["tags"] == CHUNKS * CHUNK_TAGS
    assert found["damage"] == []
    assert main(["verify", str(unfinished)]) == 0
    assert "unfinished" in capsys.readouterr().out


def test_damage_in_an_unfinished_file_is_told(unfinished, capsys):
    with h5py.File(unfinished, "a") as file:
        file["/photon_data/detectors"][2 * CHUNK_TAGS + 3] ^= 1
    (line,) = told(unfinished, capsys, code=4)["damage"]
    assert line.startswith(f"tags {2 * CHUNK_TAGS} to")


def test_info_tells_what_the_party_of_an_unfinished_run_committed(unfinished, capsys):
    described = told(unfinished, capsys, "info")
    assert described["complete"] == 0
    assert described["committed"] == [
        {"label": "outcomes", "block": 7, "bytes": 14},
        {"label": "settings disclosed", "block": 7, "bytes": 8},
    ]
    assert "secret" not in json.dumps(described)


def test_info_tells_the_journal_of_a_finished_run(tmp_path, capsys):
    made = writer(tmp_path)
    with Journal(tmp_path / "journal.bin") as journal:
        journal.append("outcomes", (3).to_bytes(8, "little"), secret=True)
    path = made.finish(tmp_path / "journal.bin")
    (record,) = told(path, capsys, "info")["committed"]
    assert record == {"label": "outcomes", "block": 3, "bytes": 8}


def test_something_else_is_refused(tmp_path, capsys):
    path = tmp_path / "bob.h5"
    path.write_bytes(b"no HDF5")
    assert main(["verify", str(path)]) == 4
    assert main(["verify", str(tmp_path / "none.h5")]) == 5


def test_a_part_has_its_name_only_once_it_opens(tmp_path):
    made = writer(tmp_path)
    assert made.part.exists()
    assert not (tmp_path / "bob.h5.new").exists()
    copy = shutil.copy(made.part, tmp_path / "copy.h5")
    with h5py.File(copy, "r") as file:
        assert file[ROOT].attrs["complete"] == 0
    made.abandon()
