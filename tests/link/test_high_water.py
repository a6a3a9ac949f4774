"""The mark outside of a secret's file: an older copy that was put back is found out."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest

from qkdlab.errors import ResourceError, VerifyError
from qkdlab.link.direction import Direction
from qkdlab.link.pool import PadPool, pool_bytes

FORTH, BACK = Direction
SECRET = random.Random(4).randbytes(pool_bytes(6))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alice.secret"


@pytest.fixture
def mark(path: Path) -> Path:
    return path.with_name("alice.secret.used")


def use(path: Path, *ways: Direction) -> None:
    with PadPool.open(path, "alice") as pool:
        for way in ways:
            pool.take(way)


def create(path: Path) -> None:
    PadPool.create(path, SECRET, "alice").close()


def test_it_stands_beside_the_secret_for_its_owner_alone(
    path: Path, mark: Path
) -> None:
    create(path)
    assert stat.S_IMODE(mark.stat().st_mode) == 0o600
    assert mark.stat().st_size == 56


@pytest.mark.parametrize("way", Direction)
def test_an_older_copy_is_refused(path: Path, way: Direction) -> None:
    create(path)
    before = path.read_bytes()
    use(path, way)
    path.write_bytes(before)
    with pytest.raises(VerifyError, match="older copy was put back"):
        PadPool.open(path, "alice")


def test_an_older_copy_of_a_used_file_is_refused(path: Path) -> None:
    create(path)
    use(path, FORTH, BACK)
    before = path.read_bytes()
    use(path, BACK)
    path.write_bytes(before)
    with pytest.raises(VerifyError, match="older copy was put back"):
        PadPool.open(path, "alice")


def test_pads_that_were_skipped_count(path: Path) -> None:
    create(path)
    before = path.read_bytes()
    with PadPool.open(path, "alice") as pool:
        pool.skip_to(BACK, 3)
    path.write_bytes(before)
    with pytest.raises(VerifyError, match="older copy"):
        PadPool.open(path, "alice")


def test_a_used_secret_without_its_mark_is_refused(path: Path, mark: Path) -> None:
    create(path)
    use(path, FORTH)
    mark.unlink()
    with pytest.raises(VerifyError, match="is missing"):
        PadPool.open(path, "alice")


def test_a_fresh_secret_may_travel_without_its_mark(path: Path, mark: Path) -> None:
    create(path)
    mark.unlink()
    use(path, FORTH)
    assert mark.exists()


def test_a_secret_that_is_ahead_of_its_mark_was_crashed_and_goes_on(
    path: Path, mark: Path
) -> None:
    create(path)
    use(path, FORTH)
    before = mark.read_bytes()
    use(path, FORTH)
    after = mark.read_bytes()
    mark.write_bytes(before)
    use(path)
    assert mark.read_bytes() == after


def test_a_crash_in_the_moment_it_was_made_does_no_harm(path: Path, mark: Path) -> None:
    create(path)
    mark.write_bytes(b"")
    use(path, FORTH)
    assert mark.stat().st_size == 56


@pytest.mark.parametrize("at", range(56))
def test_a_changed_mark_is_refused(path: Path, mark: Path, at: int) -> None:
    create(path)
    data = bytearray(mark.read_bytes())
    data[at] ^= 1
    mark.write_bytes(data)
    with pytest.raises(VerifyError, match="does not belong"):
        PadPool.open(path, "alice")


def test_the_mark_of_another_secret_is_refused(path: Path, mark: Path) -> None:
    create(path)
    other = path.with_name("other")
    PadPool.create(other, SECRET[::-1], "alice").close()
    mark.write_bytes(other.with_name("other.used").read_bytes())
    with pytest.raises(VerifyError, match="does not belong"):
        PadPool.open(path, "alice")


def test_the_mark_of_the_other_party_is_refused(path: Path, mark: Path) -> None:
    create(path)
    other = path.with_name("bob.secret")
    PadPool.create(other, SECRET, "bob").close()
    mark.write_bytes(other.with_name("bob.secret.used").read_bytes())
    with pytest.raises(VerifyError, match="does not belong"):
        PadPool.open(path, "alice")


def test_a_mark_that_is_left_of_an_earlier_secret_stops_a_new_one(
    path: Path, mark: Path
) -> None:
    create(path)
    path.unlink()
    with pytest.raises(ResourceError, match="earlier secret"):
        create(path)
    assert not path.exists()


def test_the_mark_rises_after_the_counter_and_before_the_pad_is_given(
    path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(path)
    seen = []
    with PadPool.open(path, "alice") as pool:

        def fsync(file: int) -> None:
            seen.append((path.read_bytes()[512], mark.read_bytes()[8]))

        monkeypatch.setattr(os, "fsync", fsync)
        pool.take(FORTH)
    assert seen == [(1, 0), (1, 1)]
