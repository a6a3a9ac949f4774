"""A run file is valid Photon-HDF5, survives its writer, and refuses what it must."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from qkdlab.bits.array import BitArray
from qkdlab.errors import ResourceError, UsageError, VerifyError
from qkdlab.runfile.chunks import ChunkedColumn
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.schema import CHUNK_TAGS, ROOT
from qkdlab.runfile.verify import verify
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.timetags.block import TagBlock

STEP = 20_000_000_000


def make_writer(path: Path, key_class: str = "demonstration") -> RunFileWriter:
    return RunFileWriter(
        path,
        party="bob",
        config={"name": "test", "n": 1},
        config_hash="00" * 32,
        key_class=key_class,
        run_id="run-1",
        mode="sim",
    )


def make_blocks(n_blocks: int, n_tags: int, seed: int = 1) -> list[TagBlock]:
    rng = np.random.default_rng(seed)
    blocks = []
    for i in range(n_blocks):
        t = np.sort(rng.integers(i * STEP, (i + 1) * STEP, n_tags))
        ch = rng.integers(0, 4, n_tags).astype(np.uint8)
        lost = ((i * STEP + 5, i * STEP + 9),) if i == 1 else ()
        blocks.append(TagBlock(t, ch, i * STEP, (i + 1) * STEP, lost, i))
    return blocks


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    writer = make_writer(tmp_path / "bob.h5")
    for block in make_blocks(3, 120_000):
        writer.tags(block)
    writer.monitor("dark_rate_hz/0", 99.5, 7)
    writer.monitor("dark_rate_hz/0", 100.5, 8)
    writer.settings("pattern", np.arange(100, dtype=np.uint8))
    writer.message(5, ">", b"first")
    writer.message(6, "<", b"second")
    writer.result("sync", {"stretch": 1e-6})
    writer.log(3, "a line")
    writer.snapshot("tagger", {"parameters": {}})
    return writer.finish()


def test_tags_come_back_block_by_block(finished: Path) -> None:
    with open_run(finished) as run:
        for got, put in zip(run.blocks(), make_blocks(3, 120_000), strict=True):
            assert np.array_equal(got.t, put.t)
            assert np.array_equal(got.ch, put.ch)
            assert (got.t_begin, got.t_end) == (put.t_begin, put.t_end)
            assert got.lost == put.lost


def test_many_small_rows_come_back_in_whole_chunks_and_the_rest(
    tmp_path: Path,
) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    messages = [(i, "<>"[i % 2], bytes([i % 251]) * (i % 700)) for i in range(2_500)]
    for message in messages:
        writer.message(*message)
        writer.monitor("rate_hz", message[0] / 7, message[0])
    path = writer.finish()
    assert verify(path) == []
    with open_run(path) as run:
        assert list(run.messages()) == messages
        assert run.monitors()["rate_hz"][1].tolist() == [i / 7 for i in range(2_500)]


@pytest.mark.parametrize("noisy", [False, True])
def test_chunks_packed_here_are_those_of_the_library(
    tmp_path: Path, noisy: bool
) -> None:
    rng = np.random.default_rng(1)
    rows = np.sort(rng.integers(0, 1 << 40, 1_000))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        column = ChunkedColumn(file, "x", "<i8", 256, noisy=noisy)
        column.append(rows)
        column.flush_rest()
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["x"][()], rows)
        assert [file["x"].id.get_chunk_info(i).filter_mask for i in range(4)] == [0] * 4


def test_cue_times_are_those_of_the_first_tag_of_each_chunk(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    blocks = make_blocks(5, CHUNK_TAGS // 2 + 1)
    for block in blocks:
        writer.tags(block)
    path = writer.finish()
    t = np.concatenate([block.t for block in blocks])
    with open_run(path) as run:
        assert run.cue_ps().tolist() == t[::CHUNK_TAGS].tolist()


def test_everything_else_comes_back(finished: Path) -> None:
    with open_run(finished) as run:
        assert run.config() == {"name": "test", "n": 1}
        assert run.results() == {"sync": {"stretch": 1e-6}}
        assert list(run.messages()) == [(5, ">", b"first"), (6, "<", b"second")]
        assert run.monitors()["dark_rate_hz/0"][1].tolist() == [99.5, 100.5]
        assert run.settings("pattern").tolist() == list(range(100))
        assert run.log() == ["a line"]
        assert run.meta["party"] == "bob"


def test_a_finished_file_verifies(finished: Path) -> None:
    assert verify(finished) == []


def validate(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import phconvert
        import tables

        with tables.open_file(str(path)) as file:
            phconvert.hdf5.assert_valid_photon_hdf5(file, strict_description=True)


def test_phconvert_finds_the_file_valid(finished: Path) -> None:
    validate(finished)


def test_phconvert_finds_a_file_without_tags_valid(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "alice.h5")
    writer.settings("pattern", np.zeros(10, np.uint8))
    validate(writer.finish())


def test_phconvert_would_catch_a_group_of_ours_at_the_root(finished: Path) -> None:
    with h5py.File(finished, "a") as file:
        file.create_group("qkd")
    with pytest.raises(Exception, match="qkd"):
        validate(finished)


def test_only_standard_filters_are_used(finished: Path) -> None:
    found = set()

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            pipeline = node.id.get_create_plist()
            found.update(
                pipeline.get_filter(i)[0] for i in range(pipeline.get_nfilters())
            )

    with h5py.File(finished) as file:
        file.visititems(visit)
    assert found <= {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}


def test_changed_tags_are_found(finished: Path) -> None:
    with h5py.File(finished, "a") as file:
        file["/photon_data/detectors"][7] ^= 1
    assert "are not those that were recorded" in verify(finished)[0]


def test_the_file_has_its_name_only_when_finished(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    assert not (tmp_path / "bob.h5").exists()
    assert (tmp_path / "bob.h5.part").exists()
    writer.finish()
    assert not (tmp_path / "bob.h5.part").exists()


def test_only_whole_chunks_are_on_disk_before_the_end(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    for block in make_blocks(4, 100_000):
        writer.tags(block)
    writer.abandon()
    with open_run(tmp_path / "bob.h5.part") as run:
        assert run.n_tags == CHUNK_TAGS
        assert not run.complete
    assert "not finished" in verify(tmp_path / "bob.h5.part")[0]


@pytest.mark.parametrize(
    "write",
    [
        lambda writer: writer.tags(make_blocks(1, 10)[0]),
        lambda writer: writer.settings("pattern", np.zeros(1, np.uint8)),
        lambda writer: writer.io(0, "tagger.stream1<", b"x"),
    ],
    ids=["tags", "settings", "traffic"],
)
def test_a_secure_file_takes_no_key_material(tmp_path: Path, write) -> None:
    writer = make_writer(tmp_path / "bob.h5", "secure")
    with pytest.raises(UsageError, match="class secure"):
        write(writer)
    writer.abandon()


def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(b"no HDF5 here")
    with pytest.raises(VerifyError, match="is no HDF5 file"):
        open_run(path)
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["data"] = [1]
    with pytest.raises(VerifyError, match="no run file of qkdlab"):
        open_run(tmp_path / "y.h5")


def test_a_missing_file_points_to_its_part(tmp_path: Path) -> None:
    make_writer(tmp_path / "bob.h5").abandon()
    with pytest.raises(ResourceError, match=r"bob\.h5\.part"):
        open_run(tmp_path / "bob.h5")


def test_a_later_schema_is_refused(finished: Path) -> None:
    with h5py.File(finished, "a") as file:
        file[ROOT].attrs["schema_version"] = 99
    with pytest.raises(VerifyError, match="later qkdlab"):
        open_run(finished)


SCRIPT = """
import os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_runfile import make_blocks, make_writer
from qkdlab.errors import ResourceError
{limit}
writer = make_writer(Path(sys.argv[1]) / "bob.h5")
writer.settings("pattern", make_blocks(1, 1000)[0].ch)
print("ready", flush=True)
try:
    for block in make_blocks(8, 150_000):
        writer.tags(block)
    {then}
except ResourceError as error:
    print(error)
    {otherwise}
"""
FULL = (
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (11_000_000, 11_000_000))"
)


def run_script(
    tmp_path: Path, *, limit: str = "", then: str = "pass", otherwise: str = "pass"
) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(limit=limit, then=then, otherwise=otherwise)
    return subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)],
        check=False, timeout=120, capture_output=True, text=True,
    )  # fmt: skip


def test_kill_leaves_the_whole_chunks(tmp_path: Path) -> None:
    run_script(tmp_path, then="os.kill(os.getpid(), signal.SIGKILL)")
    with open_run(tmp_path / "bob.h5.part") as run:
        assert run.n_tags == 8 * 150_000 // CHUNK_TAGS * CHUNK_TAGS
        want = np.concatenate([b.t for b in make_blocks(8, 150_000)])
        got = run.file["/photon_data/timestamps"][: run.n_tags]
        assert np.array_equal(got, want[: run.n_tags])


def test_kill_leaves_whole_blocks_and_settings(tmp_path: Path) -> None:
    run_script(tmp_path, then="os.kill(os.getpid(), signal.SIGKILL)")
    with open_run(tmp_path / "bob.h5.part") as run:
        found = list(run.blocks())
        assert len(found) >= 4
        for got, put in zip(found, make_blocks(8, 150_000), strict=False):
            assert np.array_equal(got.t, put.t)
        assert run.settings("pattern").size == 1000


@pytest.mark.parametrize("delay_s", [0.02, 0.05, 0.11])
def test_kill_at_any_moment_leaves_a_readable_file(tmp_path, delay_s) -> None:
    script = SCRIPT.format(limit="", then="pass", otherwise="pass")
    folder = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), folder],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay_s)
        process.kill()
    with open_run(tmp_path / "bob.h5.part") as run:
        assert run.n_tags % CHUNK_TAGS == 0
        for got, put in zip(run.blocks(), make_blocks(8, 150_000), strict=False):
            assert np.array_equal(got.t, put.t)


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    said = run_script(tmp_path, limit=FULL, otherwise="writer.abandon()").stdout
    assert said.count("\n") == 2
    assert "bob.h5.part: File too large: 9738608 bytes more are needed" in said
    assert "free space" in said


def test_a_full_disk_does_not_crash_the_program(tmp_path: Path) -> None:
    done = run_script(tmp_path, limit=FULL, otherwise="writer.abandon()")
    assert done.returncode == 0
    assert done.stderr == ""


def test_on_a_full_disk_the_file_is_finished_with_all_that_was_taken(tmp_path) -> None:
    run_script(tmp_path, limit=FULL, otherwise="writer.finish()")
    assert verify(tmp_path / "bob.h5") == []
    with open_run(tmp_path / "bob.h5") as run:
        found = list(run.blocks())
    assert 1 <= len(found) < 8
    for got, put in zip(found, make_blocks(8, 150_000), strict=False):
        assert np.array_equal(got.t, put.t)


def test_an_abandoned_part_on_a_full_disk_is_readable(tmp_path: Path) -> None:
    run_script(tmp_path, limit=FULL, otherwise="writer.abandon()")
    with open_run(tmp_path / "bob.h5.part") as run:
        assert run.n_tags >= CHUNK_TAGS
        assert not run.complete


def test_space_taken_in_advance_is_given_back(finished: Path) -> None:
    assert finished.stat().st_size < 2_000_000


def test_a_disk_without_space_at_the_start_is_said(tmp_path, monkeypatch) -> None:
    def refuse(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(ResourceError, match="No space left on device: 8388608 bytes"):
        make_writer(tmp_path / "bob.h5")
    assert not (tmp_path / "bob.h5.part").exists()


def without_allocation(fd: int, offset: int, length: int) -> None:
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def test_a_file_system_that_cannot_allocate_is_fine(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", without_allocation)
    assert verify(make_writer(tmp_path / "bob.h5").finish()) == []


def test_a_file_system_that_cannot_allocate_may_be_full(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", without_allocation)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ResourceError, match="No space left on device"):
        make_writer(tmp_path / "bob.h5")


def test_an_existing_part_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "bob.h5.part").write_bytes(b"precious")
    with pytest.raises(ResourceError, match="exists already"):
        make_writer(tmp_path / "bob.h5")
    assert (tmp_path / "bob.h5.part").read_bytes() == b"precious"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot be made"):
        make_writer(tmp_path / "none" / "bob.h5")


def test_settings_of_one_name_are_all_kept(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "alice.h5")
    for value in (1, 2):
        writer.settings("pattern", np.array([value], np.uint8))
    with open_run(writer.finish()) as run:
        assert run.settings("pattern").tolist() == [1]
        assert run.settings("pattern.2").tolist() == [2]


def test_a_later_result_replaces_an_earlier_one(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    writer.result("qber", 0.1)
    writer.result("qber", 0.2)
    with open_run(writer.finish()) as run:
        assert run.results() == {"qber": 0.2}


def test_the_journal_is_folded_in(tmp_path: Path) -> None:
    (tmp_path / "journal.bin").write_bytes(b"committed")
    writer = make_writer(tmp_path / "bob.h5")
    with open_run(writer.finish(tmp_path / "journal.bin")) as run:
        assert run.journal() == b"committed"


def test_a_secure_file_holds_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.bin").write_bytes(b"committed")
    writer = make_writer(tmp_path / "bob.h5", "secure")
    path = writer.finish(tmp_path / "journal.bin")
    with open_run(path) as run:
        assert run.journal() == b""
    assert b"committed" not in path.read_bytes()


@pytest.mark.parametrize("value", [b"\x01\x02", BitArray.zeros(8)])
def test_a_result_is_never_bits(tmp_path: Path, value) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    with pytest.raises(TypeError):
        writer.result("key", value)
    writer.abandon()


def test_traffic_comes_back(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    writer.io(4, "tagger.control>", b"*IDN?")
    writer.io(5, "tagger.control<", b"\x00" * 300_000)
    with open_run(writer.finish()) as run:
        assert list(run.io()) == [
            (4, "tagger.control>", b"*IDN?"),
            (5, "tagger.control<", b"\x00" * 300_000),
        ]


@pytest.mark.parametrize(
    ("where", "name"),
    [("config", "config"), ("settings/pattern", "settings/pattern"),
     ("classical/bytes", "classical/bytes"), ("tags/coverage", "tags/coverage")],
)  # fmt: skip
def test_a_change_beside_the_tags_is_found(finished: Path, where, name) -> None:
    with h5py.File(finished, "a") as file:
        node = file[f"{ROOT}/{where}"]
        if where == "config":
            node[()] = np.bytes_(node[()].replace(b"1", b"2"))
        else:
            rows = node[()]
            rows.view(np.uint8)[0] ^= 1
            node[...] = rows
    assert f"'{name}' is not what was recorded" in verify(finished)


def test_something_taken_away_is_found(finished: Path) -> None:
    with h5py.File(finished, "a") as file:
        del file[f"{ROOT}/settings/pattern"]
    assert verify(finished) == ["'settings/pattern' is missing"]


def test_a_file_that_is_being_written_is_said_so(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from qkdlab.errors import ResourceError\n"
        "from qkdlab.runfile.reader import open_run\n"
        "try:\n"
        "    open_run(sys.argv[1])\n"
        "except ResourceError as error:\n"
        "    print(error)\n"
    )
    writer = make_writer(tmp_path / "bob.h5")
    part = str(tmp_path / "bob.h5.part")
    done = subprocess.run(
        [sys.executable, "-c", code, part],
        check=False, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    writer.abandon()
    assert "is still being written" in done.stdout
