"""Power fails at any write to the pads' files: no pad ever covers two messages.

A disk keeps what was synchronised before the failure, and of what was written since
whatever it likes. Parties meet, talk in phases while the line loses frames, and one of
them dies in the middle of a system call; its files are then what the disk kept, and the
two meet again.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from link.two_ends import Wire

from qkdlab.errors import SecurityAbort, VerifyError
from qkdlab.link.direction import Direction
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake
from qkdlab.link.high_water import mark_path
from qkdlab.link.pad_file import COUNTER_AT, counter
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel

SECRET = random.Random(21).randbytes(pool_bytes(60))
WAYS = dict(zip(("alice", "bob"), Direction, strict=True))
PEER = {"alice": "bob", "bob": "alice"}


class Died(BaseException):
    """The power failed."""


@dataclass
class Disk:
    """What is safe of each file (by inode), and what was written since.

    left: system calls until the power fails; None for never
    tears: whether a write may be kept in part
    """

    dice: random.Random
    tears: bool = False
    left: int | None = None
    safe: dict[int, bytes] = field(default_factory=dict)
    since: dict[int, list[tuple[int, bytes]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def pwrite(self, file: int, data: bytes, at: int) -> int:
        self._know(file)
        self.since[os.fstat(file).st_ino].append((at, bytes(data)))
        self._tick()
        return PWRITE(file, data, at)

    def fsync(self, file: int) -> None:
        self._tick()
        inode = os.fstat(file).st_ino
        self.safe[inode] = _whole(file)
        self.since[inode].clear()

    def fail(self, path) -> None:
        """Leave of a file what the disk kept."""
        inode = path.stat().st_ino
        kept = bytearray(self.safe[inode])
        for at, data in self.since.pop(inode, []):
            if self.dice.random() < 0.5:
                end = self.dice.randrange(len(data) + 1) if self.tears else len(data)
                kept[at : at + end] = data[:end]
        path.write_bytes(kept)
        self.safe[inode] = bytes(kept)

    def _know(self, file: int) -> None:
        """Take a file as safe that was made before the disk was watched."""
        inode = os.fstat(file).st_ino
        if inode not in self.safe:
            self.safe[inode] = _whole(file)

    def _tick(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Died


PWRITE = os.pwrite


def _whole(file: int) -> bytes:
    """Return what is in an open file, also in one for writing only."""
    path = Path(f"/proc/self/fd/{file}")
    return path.read_bytes() if path.is_file() else b""


def talk(tmp_path, dice: random.Random, disk: Disk) -> tuple[int, bool]:
    """Play a few lives of a pair; return how many messages left, and whether it lives.

    Raises AssertionError when a pad covers two messages.
    """
    paths = {party: tmp_path / party for party in WAYS}
    for party, path in paths.items():
        PadPool.create(path, SECRET, party).close()
    spent: set[tuple[Direction, int]] = set()
    for _ in range(5):
        pools, dead = {}, None
        disk.left = None
        try:
            for party, path in paths.items():
                pools[party] = PadPool.open(path, party)
        except VerifyError:
            assert disk.tears
            return len(spent), False
        try:
            disk.left = dice.randrange(30) if dice.random() < 0.8 else None
            dead = _session(pools, dice, spent, disk)
        finally:
            disk.left = None
            for pool in pools.values():
                os.close(pool._file)
                os.close(pool._mark._file)
        if dead is not None:
            disk.fail(paths[dead])
            disk.fail(mark_path(paths[dead]))
    return len(spent), True


def _session(pools, dice, spent, disk) -> str | None:
    """Greet, then talk over a line that loses frames; return who died."""
    who = "alice"
    try:
        halves = {
            party: Handshake(
                Greeting.of(party, "bb84", "c0ffee", pools[party]),
                PEER[party],
                pools[party],
            )
            for party in WAYS
        }
        heard = {}
        for who in WAYS:
            heard[who] = halves[who].take(halves[PEER[who]].said)
        for who in WAYS:
            halves[who].take(heard[PEER[who]])
        wires = {party: Wire() for party in WAYS}
        ends = {
            party: SealedChannel(
                wires[party],
                direction=way,
                session=halves[party].session,
                configuration=bytes(32),
                pool=pools[party],
            )
            for party, way in WAYS.items()
        }
        for _ in range(dice.randrange(1, 9)):
            sender = who = dice.choice(list(WAYS))
            ends[sender].send(dice.randbytes(5), end_of_phase=True)
            frame = wires[sender].outbox.popleft()
            pad = (WAYS[sender], int.from_bytes(frame[10:18], "little"))
            assert pad not in spent, f"{pad} covers two messages"
            spent.add(pad)
            if dice.random() < 0.3:
                return dice.choice((sender, None))
            who = PEER[sender]
            wires[who].inbox.append(frame)
            assert ends[who].receive(0.0) is not None
    except Died:
        return who
    return None


def play(folder: Path, monkeypatch, case: int, **options) -> tuple[int, bool]:
    """Play a case; see `talk`."""
    dice = random.Random(case)
    disk = Disk(dice, **options)
    monkeypatch.setattr(os, "pwrite", disk.pwrite)
    monkeypatch.setattr(os, "fsync", disk.fsync)
    here = folder / str(case)
    here.mkdir()
    try:
        return talk(here, dice, disk)
    except BaseException as error:
        error.add_note(f"hostile case {case}")
        raise


def play_all(folder, monkeypatch, cases: int, **options) -> tuple[int, int]:
    """Play cases; return how many messages left, and how many pairs live on."""
    found = [play(folder, monkeypatch, case, **options) for case in range(cases)]
    return sum(left for left, _ in found), sum(lives for _, lives in found)


def test_no_pad_is_used_twice_and_the_pair_lives_on(tmp_path, monkeypatch):
    messages, alive = play_all(tmp_path, monkeypatch, 120)
    assert alive == 120
    assert messages > 600


def test_torn_writes_may_end_a_pair_and_never_use_a_pad_twice(tmp_path, monkeypatch):
    messages, alive = play_all(tmp_path, monkeypatch, 120, tears=True)
    assert 30 < alive < 120
    assert messages > 300


@pytest.mark.slow
@pytest.mark.parametrize("tears", [False, True])
def test_no_pad_is_used_twice_in_many_lives(tmp_path, monkeypatch, tears):
    play_all(tmp_path, monkeypatch, 5000, tears=tears)


def test_a_pool_that_does_not_wait_for_the_disk_is_caught(tmp_path, monkeypatch):
    def advance(self, direction, end):
        self._next[direction] = end
        os.pwrite(self._file, counter(end), COUNTER_AT[direction])

    monkeypatch.setattr(PadPool, "_advance", advance)
    complaints = set()
    for case in range(100):
        try:
            play(tmp_path, monkeypatch, case)
        except AssertionError as error:
            complaints.add(str(error))
        except SecurityAbort as abort:
            complaints.add(abort.reason.partition(":")[0])
    assert any("covers two messages" in words for words in complaints)
    assert "an older copy of a pre-shared secret was put back" in complaints
