"""What is left of a run file when its writer is killed, or the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import run_files
from run_files import make_blocks, make_writer

from qkdlab.errors import ResourceError
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.schema import CHUNK_TAGS
from qkdlab.runfile.verify import verify

SCRIPT = """
import os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from run_files import make_blocks, make_writer
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
    helpers = str(Path(run_files.__file__).parent)
    return subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), helpers],
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
    folder = str(Path(run_files.__file__).parent)
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
