"""A run file is valid Photon-HDF5, survives its writer, and refuses what it must."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from qkdlab.errors import ResourceError, UsageError, VerifyError
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
    assert verify(finished) == ["the tags are not those that were recorded"]


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
try:
    for block in make_blocks(8, 150_000):
        writer.tags(block)
except ResourceError as error:
    print(error)
    writer.abandon()
{end}
"""


def run_script(tmp_path: Path, limit: str, end: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(limit=limit, end=end), str(tmp_path),
         str(Path(__file__).parent)],
        check=False, timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def test_kill_leaves_the_whole_chunks(tmp_path: Path) -> None:
    run_script(tmp_path, "", "os.kill(os.getpid(), signal.SIGKILL)")
    with open_run(tmp_path / "bob.h5.part") as run:
        assert run.n_tags == 8 * 150_000 // CHUNK_TAGS * CHUNK_TAGS
        want = np.concatenate([b.t for b in make_blocks(8, 150_000)])
        got = run.file["/photon_data/timestamps"][: run.n_tags]
        assert np.array_equal(got, want[: run.n_tags])


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    limit = (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))"
    )
    said = run_script(tmp_path, limit, "")
    assert said.count("\n") == 1
    assert "bob.h5.part: cannot write the run file" in said
    assert "free space" in said
