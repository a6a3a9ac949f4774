"""kill -9 at any moment: files, journal, pads and keys that are left make sense."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import quick_bench
import quick_main

from qkdlab.cli.main import main
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.codec import Message, decode
from qkdlab.link.direction import Direction
from qkdlab.link.messages import (
    Amplification,
    Hello,
    ReconciliationStart,
    SettingsBatch,
    SettingsEnd,
    SlotBatch,
    SlotListEnd,
    VerificationTag,
)
from qkdlab.runfile.verify import examine
from qkdlab.session.journal import JournalRecord, records_of

pytestmark = [pytest.mark.xdist_group("quick"), pytest.mark.timeout(900)]
PARTIES = ("alice", "bob")
WAYS = (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE)
DEADLINE_S = 240
BLOCKS = 2
CLOSING = b"\x01\x01"


@dataclass
class Killed:
    """What a run that was killed left behind."""

    folder: Path
    wire: Path
    ended: bool

    def frames(self) -> Iterator[tuple[Direction, bytes]]:
        """Yield the whole frames that left."""
        data, at = self.wire.read_bytes() if self.wire.exists() else b"", 0
        while at + 9 <= len(data):
            end = at + 9 + int.from_bytes(data[at + 1 : at + 9], "little")
            if end > len(data):
                return
            yield WAYS[data[at]], data[at + 9 : end]
            at = end

    def said(self) -> Iterator[tuple[int, Message]]:
        """Yield block and message of what the parties of key blocks said."""
        block = -1
        for way, frame in self.frames():
            body = frame[34:] if frame.startswith(CLOSING) else frame[10:]
            if frame[1] > 1 or body.startswith(b"{"):
                continue
            message = decode(body)
            if isinstance(message, Hello) and way is Direction.ALICE_TO_BOB:
                block += 1
            yield block, message

    def pads(self) -> list[tuple[Direction, int]]:
        """Return direction and number of every pad that covers a message."""
        return [
            (way, int.from_bytes(frame[10:18], "little"))
            for way, frame in self.frames()
            if frame.startswith(CLOSING)
        ]

    def journal(self, party: str) -> list[JournalRecord]:
        path = self.folder / party / "journal.bin"
        return list(records_of(path.read_bytes())) if path.exists() else []


def started(folder: Path, config: Path) -> tuple[subprocess.Popen[bytes], Killed]:
    wire = folder / "wire.bin"
    process = subprocess.Popen(
        [sys.executable, quick_main.__file__, "run", str(config), "--quiet",
         "--json", "--output", str(folder / "run"),
         "--set", f"parameters.blocks={BLOCKS}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "QUICK_WIRE": str(wire),
             "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return process, Killed(folder / "run", wire, False)


@pytest.fixture(scope="module")
def whole_s(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float, float]:
    """Run once to the end; return the configuration, and how long what took.

    Seconds to the first file, and from there to the end.
    """
    folder = tmp_path_factory.mktemp("whole")
    config = quick_bench.config_file(folder, "demonstration")
    process, left = started(folder, config)
    begin = time.monotonic()
    try:
        while not left.folder.exists() and process.poll() is None:
            assert time.monotonic() - begin < DEADLINE_S
            time.sleep(0.01)
        first = time.monotonic()
        assert process.wait(timeout=DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait(timeout=30)
    check(Killed(left.folder, left.wire, True))
    return config, first - begin, time.monotonic() - first


def killed(folder: Path, config: Path, wait: float, journal: bool) -> Killed:
    """Kill a run `wait` seconds after its first file, or after the first commit."""
    process, left = started(folder, config)
    begin = time.monotonic()
    milestone = left.folder / "bob" / "journal.bin"
    size = 17 if journal else -1
    try:
        while process.poll() is None:
            assert time.monotonic() - begin < DEADLINE_S
            if milestone.exists() and milestone.stat().st_size > size:
                break
            time.sleep(0.002)
        time.sleep(wait)
    finally:
        process.kill()
        left.ended = process.wait(timeout=30) == 0
    return left


def check(left: Killed) -> None:
    files_verify_to_their_last_whole_chunk(left)
    what_left_was_committed_before(left)
    no_pad_covers_two_messages(left)
    no_public_bits_are_used_twice(left)
    keys_are_whole_or_absent(left)


def files_verify_to_their_last_whole_chunk(left: Killed) -> None:
    for party in PARTIES:
        final = left.folder / f"{party}.h5"
        part = left.folder / f"{party}.h5.part"
        for path in (final, part):
            if path.exists():
                found = examine(path)
                assert found.damage == [], path
                assert found.complete is (path == final) or found.complete
                assert main(["verify", str(path), "--json"]) == 0
                assert main(["info", str(path), "--json"]) == 0
        if left.ended:
            assert final.exists()


def what_left_was_committed_before(left: Killed) -> None:
    committed = {
        (record.label, int.from_bytes(record.data[:8], "little"))
        for party in PARTIES
        for record in left.journal(party)
    }
    for block, message in left.said():
        if isinstance(message, SlotBatch | SlotListEnd):
            assert ("outcomes", block) in committed
        if isinstance(message, SettingsBatch | SettingsEnd):
            assert ("settings disclosed", block) in committed


def no_pad_covers_two_messages(left: Killed) -> None:
    used = left.pads()
    assert len(set(used)) == len(used)
    # those that are not spent ended with the process; a key may be half written
    names = {path.name for path in left.folder.rglob("*") if path.is_file()}
    files = {"alice.h5", "bob.h5", "alice.h5.part", "bob.h5.part"}
    left_over = {n for n in names - files if not n.endswith((".key", ".key.new"))}
    assert left_over <= {"journal.bin", "store.mac", "result.json"}


def no_public_bits_are_used_twice(left: Killed) -> None:
    drawn = []
    for _, message in left.said():
        match message:
            case ReconciliationStart(seed):
                drawn.append(bytes(seed))
            case VerificationTag(key, _):
                drawn.append(key.to_bytes())
            case Amplification(seed=seed):
                drawn.append(seed.to_bytes())
    assert len(set(drawn)) == len(drawn)


def keys_are_whole_or_absent(left: Killed) -> None:
    lengths = {m.key_id: m.length for _, m in left.said()
               if isinstance(m, Amplification)}  # fmt: skip
    for party in PARTIES:
        if not (left.folder / party / "keys").exists():
            continue
        keys = list(KeyStore(left.folder / party / "keys"))
        for key in keys:
            assert key.state in (KeyState.PENDING, KeyState.CONFIRMED)
            assert len(key.bits) == key.length == lengths[key.key_id]
        if left.ended:
            assert len(keys) == BLOCKS
        assert not list((left.folder / party / "keys").glob("*.new"))


def moments(first: int, n: int, whole_s: float) -> list[tuple[bool, float]]:
    """Return n moments: whether counted from the first commit, and seconds.

    Drawn from the whole run, and as many again from its second half, where the parties
    distil; moments after the end are a run that was not killed.
    """
    found = []
    for seed in range(first, first + n):
        chance = random.Random(seed)
        late = bool(seed % 2)
        found.append((late, chance.random() * whole_s * (0.6 if late else 1.0)))
    return found


def run_killed(tmp_path: Path, whole: tuple[Path, float, float], first: int, n: int):
    config, _, whole_s = whole
    for number, (journal, wait) in enumerate(moments(first, n, whole_s)):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(killed(folder, config, wait, journal))


def test_four_moments(tmp_path: Path, whole_s: tuple[Path, float, float]) -> None:
    run_killed(tmp_path, whole_s, 100, 4)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 50, 10))
def test_fifty_moments(
    tmp_path: Path, whole_s: tuple[Path, float, float], first: int
) -> None:
    run_killed(tmp_path, whole_s, first, 10)
