"""A run file in use is compared meanwhile, and nothing that is damaged goes unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qkdlab.errors import UsageError, VerifyError
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.schema import CHUNK_TAGS, ROOT
from qkdlab.runfile.verified import VerifiedRun
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.timetags.block import TagBlock

STEP_PS = 20_000_000_000
SIZES = (0, 100_000, CHUNK_TAGS, 5, 2 * CHUNK_TAGS + 7, 0, 60_000)


def make_writer(path: Path) -> RunFileWriter:
    return RunFileWriter(
        path,
        party="bob",
        config={"name": "test"},
        config_hash="00" * 32,
        key_class="demonstration",
        run_id="run-1",
        mode="sim",
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    rng = np.random.default_rng(1)
    writer = make_writer(tmp_path_factory.mktemp("run") / "bob.h5")
    for i, size in enumerate(SIZES):
        begin, end = i * STEP_PS, (i + 1) * STEP_PS
        t = np.sort(rng.integers(begin, end, size))
        ch = rng.integers(0, 4, size).astype(np.uint8)
        writer.tags(TagBlock(t, ch, begin, end, (), i))
    writer.settings("pattern", np.arange(100, dtype=np.uint8))
    return writer.finish().read_bytes()


@pytest.fixture
def path(whole: bytes, tmp_path: Path) -> Path:
    (tmp_path / "bob.h5").write_bytes(whole)
    return tmp_path / "bob.h5"


def change(path: Path, what: Callable[[Any], None]) -> None:
    with h5py.File(path, "a") as file:
        what(file)


def change_a_setting(file: Any) -> None:
    file[f"{ROOT}/settings/pattern"][3] ^= 1


def change_a_late_tag(file: Any) -> None:
    file["/photon_data/detectors"][2 * CHUNK_TAGS + 9] ^= 1


def nobody_compares() -> bool:
    return not any(t.name.startswith("verify ") for t in threading.enumerate())


def read(path: Path, end: int, seen: list[TagBlock]) -> None:
    """Read the blocks to before `end`, then run into something."""
    with VerifiedRun(path) as file:
        seen.extend(file.blocks(0, end))
        raise UsageError("something odd")


def test_blocks_are_those_of_the_file(path: Path) -> None:
    with VerifiedRun(path) as file, open_run(path) as run:
        found = [*file.blocks(0, 3), *file.blocks(3, len(SIZES))]
        for got, put in zip(found, run.blocks(), strict=True):
            assert np.array_equal(got.t, put.t)
            assert np.array_equal(got.ch, put.ch)
            assert (got.t_begin, got.t_end) == (put.t_begin, put.t_end)
    assert [len(block) for block in found] == list(SIZES)
    assert nobody_compares()


def test_a_file_that_nobody_reads_is_compared_all_the_same(path: Path) -> None:
    with VerifiedRun(path):
        pass
    change(path, change_a_late_tag)
    with (
        pytest.raises(VerifyError, match=r"bob\.h5: tags 524288 to .* not those"),
        VerifiedRun(path),
    ):
        pass
    assert nobody_compares()


def test_no_damaged_tag_is_ever_given(path: Path) -> None:
    change(path, change_a_late_tag)
    seen: list[TagBlock] = []
    with pytest.raises(VerifyError, match="tags 524288 to 786431 are not those"):
        read(path, len(SIZES), seen)
    assert [len(block) for block in seen] == list(SIZES[:4])


def test_damage_comes_before_whatever_it_led_to(path: Path) -> None:
    change(path, change_a_setting)
    with pytest.raises(VerifyError, match="'settings/pattern' is not what was"):
        read(path, 2, [])
    assert nobody_compares()


def test_what_is_raised_over_a_whole_file_goes_on(path: Path) -> None:
    with pytest.raises(UsageError, match="something odd"):
        read(path, 2, [])


def test_an_interrupt_does_not_wait_for_the_rest(path: Path) -> None:
    change(path, change_a_late_tag)
    with pytest.raises(KeyboardInterrupt), VerifiedRun(path):
        raise KeyboardInterrupt
    assert nobody_compares()


def test_what_goes_wrong_in_the_thread_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("qkdlab.runfile.verified.examine", fail)
    with pytest.raises(OSError, match="disk is gone"), VerifiedRun(path) as file:
        list(file.blocks(0, 2))


@pytest.mark.parametrize("first", [0, 1, 2])
def test_tags_that_have_been_given_are_not_given_again(path: Path, first: int) -> None:
    with VerifiedRun(path) as file:
        list(file.blocks(4, 5))
        with pytest.raises(VerifyError, match="no such tags"):
            list(file.blocks(first, 3))


def test_an_unfinished_file_is_refused(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "bob.h5")
    writer.abandon()
    with (
        pytest.raises(VerifyError, match="was not finished"),
        VerifiedRun(tmp_path / "bob.h5.part"),
    ):
        pass
