from __future__ import annotations

import os
import random
import stat

import pytest

from qkdlab.errors import (
    AbortCode,
    ResourceError,
    SecurityAbort,
    UsageError,
    VerifyError,
)
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


@pytest.mark.parametrize("index", [0, 2, 3])
def test_no_pad_but_the_next_can_be_named(index):
    pool = PadPool.memory(SECRET)
    pool.take_at(FORTH, 0)
    assert pool.take_at(FORTH, index) is None
    assert pool.spent(FORTH) == 1


def test_the_last_pad_can_be_named_and_none_after_it():
    pool = PadPool.memory(SECRET)
    pool.skip_to(FORTH, 3)
    assert pool.look_at(FORTH, 3) is not None
    pool.take_at(FORTH, 3)
    assert pool.look_at(FORTH, 4) is None


def test_looking_at_a_pad_spends_nothing():
    pool = PadPool.memory(SECRET)
    pad = pool.look_at(FORTH, 0)
    assert pool.spent(FORTH) == 0
    assert pool.take_at(FORTH, 0) == pad
    assert pool.look_at(FORTH, 0) is None


def test_skipped_pads_are_gone_from_the_disk(path):
    pads = [PadPool.memory(SECRET)._pad(FORTH, index) for index in range(2)]
    with PadPool.create(path, SECRET, "alice") as pool:
        pool.skip_to(FORTH, 2)
    assert not any(pad in path.read_bytes() for pad in pads)
    with PadPool.open(path, "alice") as pool:
        assert pool.spent(FORTH) == 2


def test_skipping_never_goes_back():
    pool = PadPool.memory(SECRET)
    pool.skip_to(FORTH, 3)
    pool.skip_to(FORTH, 1)
    assert pool.spent(FORTH) == 3


def test_the_greeting_key_is_no_pad_and_no_hash_key():
    flipped = bytearray(SECRET)
    flipped[31] ^= 1
    pool, other = PadPool.memory(SECRET), PadPool.memory(bytes(flipped))
    assert pool.greeting_code(b"text") != other.greeting_code(b"text")
    for way in (FORTH, BACK):
        assert pool.hash_key(way) == other.hash_key(way)
        assert [pool.take(way) for _ in range(4)] == [other.take(way) for _ in range(4)]


def test_bits_spent_count_both_directions():
    pool = PadPool.memory(SECRET)
    pool.take(FORTH)
    pool.take_at(BACK, 0)
    assert pool.bits_spent == 256


def test_a_reopened_pool_goes_on_where_it_was(path):
    with PadPool.create(path, SECRET, "alice") as pool:
        first = pool.take(FORTH)[1]
    with PadPool.open(path, "alice") as pool:
        index, second = pool.take(FORTH)
    assert index == 1
    assert first != second


def test_a_crash_after_spending_never_gives_the_pad_again(path):
    pool = PadPool.create(path, SECRET, "alice")
    taken = pool.take(FORTH)[1]
    os.close(pool._file)  # the process dies without closing anything
    with PadPool.open(path, "alice") as again:
        rest = [again.take(FORTH)[1] for _ in range(3)]
    assert taken not in rest


def test_the_mark_is_on_disk_before_the_pad_is_given(path, monkeypatch):
    pool = PadPool.create(path, SECRET, "alice")
    seen = []

    def fsync(file):
        seen.append(path.read_bytes()[512:520])

    monkeypatch.setattr(os, "fsync", fsync)
    index, _ = pool.take(FORTH)
    pool.close()
    # once for the counter, once more for the mark outside of the file
    assert seen == [(index + 1).to_bytes(8, "little")] * 2


def test_a_disk_that_fails_gives_no_pad(path, monkeypatch):
    pool = PadPool.create(path, SECRET, "alice")

    def fsync(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ResourceError, match="No space left"):
        pool.take(FORTH)
    monkeypatch.undo()
    assert pool.take(FORTH)[0] == 1
    pool.close()


def test_spent_pads_are_overwritten_on_disk(path):
    with PadPool.create(path, SECRET, "alice") as pool:
        pad = pool.take(FORTH)[1]
    assert pad not in path.read_bytes()


def test_the_file_is_for_its_owner_alone(path):
    PadPool.create(path, SECRET, "alice").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_refused(path):
    PadPool.create(path, SECRET, "alice").close()
    path.chmod(0o640)
    with pytest.raises(ResourceError, match="chmod 600"):
        PadPool.open(path, "alice")


def test_two_processes_cannot_share_a_pool(path):
    with (
        PadPool.create(path, SECRET, "alice"),
        pytest.raises(ResourceError, match="another"),
    ):
        PadPool.open(path, "alice")


def test_an_existing_pool_is_never_overwritten(path):
    PadPool.create(path, SECRET, "alice").close()
    with pytest.raises(ResourceError, match="exists"):
        PadPool.create(path, SECRET, "alice")


def test_a_missing_file_is_named(path):
    with pytest.raises(ResourceError, match=str(path)):
        PadPool.open(path, "alice")


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
    PadPool.create(path, SECRET, "alice").close()
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(VerifyError):
        PadPool.open(path, "alice")


def test_a_secret_without_a_pad_is_refused(path):
    with pytest.raises(ResourceError, match="96 bytes"):
        PadPool.create(path, bytes(95), "alice")


def test_printing_a_pool_shows_numbers_only():
    pool = PadPool.memory(SECRET)
    pool.take(FORTH)
    assert repr(pool) == "PadPool(alice-to-bob 3, bob-to-alice 4 of 4 pads left)"


def test_a_full_disk_leaves_no_half_written_pool(path, monkeypatch):
    def fsync(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ResourceError, match="No space left"):
        PadPool.create(path, SECRET, "alice")
    assert not path.exists()


def test_the_file_of_the_other_party_is_refused(path):
    PadPool.create(path, SECRET, "alice").close()
    with pytest.raises(UsageError, match="secret of alice"):
        PadPool.open(path, "bob")


def test_a_file_of_nobody_is_refused(path):
    PadPool.create(path, SECRET, "alice").close()
    data = bytearray(path.read_bytes())
    data[16:21] = b"carol"
    path.write_bytes(data)
    with pytest.raises(VerifyError, match="damaged"):
        PadPool.open(path, "alice")


def test_a_file_of_the_first_format_is_refused_with_a_word_why(path):
    path.write_bytes(b"QKDPADS1" + bytes(8000))
    path.chmod(0o600)
    with pytest.raises(VerifyError, match=r"format 1.*qkdlab secret"):
        PadPool.open(path, "alice")


def test_a_closed_pool_knows_no_pad_and_no_key():
    pool = PadPool.memory(SECRET)
    pool.close()
    with pytest.raises(SecurityAbort):
        pool.take(FORTH)
    assert pool.look_at(FORTH, 0) is None
    assert pool.hash_key(FORTH) == b""
