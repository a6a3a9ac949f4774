"""A run file is valid Photon-HDF5, survives its writer, and refuses what it must."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from run_files import make_blocks, make_writer

from qkdlab.bits.array import BitArray
from qkdlab.errors import ResourceError, UsageError, VerifyError
from qkdlab.runfile.chunks import ChunkedColumn
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.schema import CHUNK_TAGS, ROOT
from qkdlab.runfile.verify import verify


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
