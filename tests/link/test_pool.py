from __future__ import annotations

import os
import random
import stat

import pytest

from qkdlab.errors import AbortCode, ResourceError, SecurityAbort, VerifyError
from qkdlab.link.direction import Direction
from qkdlab.link.pool import PadPool, pool_bytes

FORTH, BACK = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
SECRET = random.Random(3).randbytes(pool_bytes(4))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pads"


def test_two_copies_give_the_same_pads_in_the_same_order():
    sender, receiver = PadPool.memory(SECRET), PadPool.memory(SECRET)
    for _ in range(4):
        index, pad = sender.take(FORTH)
        assert receiver.take_at(FORTH, index) == pad


def test_no_pad_comes_twice_in_any_direction():
    pool = PadPool.memory(SECRET)
    pads = [pool.take(way)[1] for way in (FORTH, BACK) for _ in range(4)]
    assert len(set(pads)) == 8


def test_hash_keys_differ_by_direction():
    pool = PadPool.memory(SECRET)
    assert pool.hash_key(FORTH) != pool.hash_key(BACK)


def test_an_empty_pool_aborts():
    pool = PadPool.memory(SECRET)
    for _ in range(4):
        pool.take(FORTH)
    with pytest.raises(SecurityAbort) as caught:
        pool.take(FORTH)
    assert caught.value.code is AbortCode.POOL_EMPTY


def test_a_direction_that_is_empty_leaves_the_other_alone():
    pool = PadPool.memory(SECRET)
    for _ in range(4):
        pool.take(FORTH)
    assert pool.remaining(BACK) == 4


def test_a_pad_spent_by_the_peer_cannot_be_named_again():
    pool = PadPool.memory(SECRET)
    pool.take_at(FORTH, 1)
    assert pool.take_at(FORTH, 1) is None
    assert pool.take_at(FORTH, 0) is None


def test_a_pad_too_far_ahead_is_not_spent():
    pool = PadPool.memory(random.Random(1).randbytes(pool_bytes(200)))
    assert pool.take_at(FORTH, 100) is None
    assert pool.remaining(FORTH) == 200


def test_looking_at_a_pad_spends_nothing():
    pool = PadPool.memory(SECRET)
    pad = pool.look_at(FORTH, 2)
    assert pool.spent(FORTH) == 0
    assert pool.take_at(FORTH, 2) == pad
    assert pool.look_at(FORTH, 2) is None


def test_bits_spent_count_both_directions():
    pool = PadPool.memory(SECRET)
    pool.take(FORTH)
    pool.take_at(BACK, 0)
    assert pool.bits_spent == 256


def test_a_reopened_pool_goes_on_where_it_was(path):
    with PadPool.create(path, SECRET) as pool:
        first = pool.take(FORTH)[1]
    with PadPool.open(path) as pool:
        index, second = pool.take(FORTH)
    assert index == 1
    assert first != second


def test_a_crash_after_spending_never_gives_the_pad_again(path):
    pool = PadPool.create(path, SECRET)
    taken = pool.take(FORTH)[1]
    os.close(pool._file)  # the process dies without closing anything
    with PadPool.open(path) as again:
        rest = [again.take(FORTH)[1] for _ in range(3)]
    assert taken not in rest


def test_the_mark_is_on_disk_before_the_pad_is_given(path, monkeypatch):
    pool = PadPool.create(path, SECRET)
    seen = []

    def fsync(file):
        seen.append(path.read_bytes()[512:520])

    monkeypatch.setattr(os, "fsync", fsync)
    index, _ = pool.take(FORTH)
    pool.close()
    assert seen == [(index + 1).to_bytes(8, "little")]


def test_a_disk_that_fails_gives_no_pad(path, monkeypatch):
    pool = PadPool.create(path, SECRET)

    def fsync(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ResourceError, match="No space left"):
        pool.take(FORTH)
    monkeypatch.undo()
    assert pool.take(FORTH)[0] == 1
    pool.close()


def test_spent_pads_are_overwritten_on_disk(path):
    with PadPool.create(path, SECRET) as pool:
        pad = pool.take(FORTH)[1]
    assert pad not in path.read_bytes()


def test_the_file_is_for_its_owner_alone(path):
    PadPool.create(path, SECRET).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_refused(path):
    PadPool.create(path, SECRET).close()
    path.chmod(0o640)
    with pytest.raises(ResourceError, match="chmod 600"):
        PadPool.open(path)


def test_two_processes_cannot_share_a_pool(path):
    with PadPool.create(path, SECRET), pytest.raises(ResourceError, match="another"):
        PadPool.open(path)


def test_an_existing_pool_is_never_overwritten(path):
    PadPool.create(path, SECRET).close()
    with pytest.raises(ResourceError, match="exists"):
        PadPool.create(path, SECRET)


def test_a_missing_file_is_named(path):
    with pytest.raises(ResourceError, match=str(path)):
        PadPool.open(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"something else entirely",
        lambda data: data[:-1],
        lambda data: data[:513] + b"\x01" + data[514:],  # counter and its check differ
        lambda data: data[:8] + b"\x09" + data[9:],  # more pads than there are
    ],
)
def test_a_damaged_or_foreign_file_is_refused(path, spoil):
    PadPool.create(path, SECRET).close()
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(VerifyError):
        PadPool.open(path)


def test_a_secret_without_a_pad_is_refused(path):
    with pytest.raises(ResourceError, match="64 bytes"):
        PadPool.create(path, bytes(63))


def test_printing_a_pool_shows_numbers_only():
    pool = PadPool.memory(SECRET)
    pool.take(FORTH)
    assert repr(pool) == "PadPool(alice-to-bob 3, bob-to-alice 4 of 4 pads left)"


def test_a_full_disk_leaves_no_half_written_pool(path, monkeypatch):
    def fsync(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ResourceError, match="No space left"):
        PadPool.create(path, SECRET)
    assert not path.exists()
