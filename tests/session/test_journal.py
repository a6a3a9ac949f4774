"""What was committed is known exactly, whatever killed the writer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.errors import ResourceError
from qkdlab.session.journal import Journal, JournalRecord, records_of


def read(path: Path) -> list[JournalRecord]:
    return list(records_of(path.read_bytes()))


RECORDS = st.lists(
    st.tuples(st.text(max_size=20), st.binary(max_size=200), st.booleans()), max_size=6
)


@settings(max_examples=30, deadline=None)
@given(records=RECORDS)
def test_records_come_back_in_order(records, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.bin"
    with Journal(path) as journal:
        for label, data, secret in records:
            journal.append(label, data, secret=secret)
    assert [(r.label, r.data, r.secret) for r in read(path)] == records


@settings(max_examples=30, deadline=None)
@given(records=RECORDS, cut=st.integers(0, 2000))
def test_a_cut_file_gives_its_whole_records(records, cut, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.bin"
    with Journal(path) as journal:
        for label, data, secret in records:
            journal.append(label, data, secret=secret)
    whole = path.read_bytes()
    keep = max(17, len(whole) - cut)
    path.write_bytes(whole[:keep])
    found = [(r.label, r.data, r.secret) for r in read(path)]
    assert found == records[: len(found)]
    sizes = [10 + len(label.encode()) + len(data) for label, data, _ in records]
    fits = sum(17 + sum(sizes[: i + 1]) <= keep for i in range(len(sizes)))
    assert len(found) == fits


def test_a_record_is_whole_on_disk_when_the_disk_is_synchronised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.bin"
    seen: list[bytes] = []
    with Journal(path) as journal:
        monkeypatch.setattr(os, "fsync", lambda fd: seen.append(path.read_bytes()))
        journal.append("outcomes", b"secret", secret=True)
        (at_sync,) = seen
    assert at_sync == path.read_bytes()
    assert at_sync.endswith(b"outcomessecret")


def test_a_damaged_record_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    with Journal(path) as journal:
        journal.append("first", b"kept", secret=False)
        journal.append("second", b"hit", secret=False)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert [r.label for r in read(path)] == ["first"]


def test_a_journal_goes_on_after_its_last_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    with Journal(path) as journal:
        journal.append("first", b"1", secret=False)
    with path.open("ab") as file:
        file.write(b"\x09\x00\x00")
    with Journal(path) as journal:
        journal.append("second", b"2", secret=True)
    assert [r.label for r in read(path)] == ["first", "second"]


def test_the_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.bin") as journal:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    path.write_bytes(b"something else entirely")
    with pytest.raises(ResourceError, match="no journal"):
        Journal(path)


def test_kill_leaves_every_returned_append(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from qkdlab.session.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for i in range(20):\n"
        "    journal.append(f'{i}', bytes(1000), secret=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    assert [r.label for r in read(path)] == [str(i) for i in range(20)]


def test_a_full_disk_keeps_what_was_written_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from qkdlab.errors import ResourceError\n"
        "from qkdlab.session.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.append('kept', bytes(1000), secret=False)\n"
        "try:\n"
        "    journal.append('lost', bytes(5000), secret=False)\n"
        "except ResourceError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=True, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert "journal.bin: cannot write" in done.stdout
    assert "free space" in done.stdout
    assert [r.label for r in read(path)] == ["kept"]


def test_a_destroyed_journal_is_overwritten_before_it_is_removed(
    tmp_path: Path,
) -> None:
    path, second_name = tmp_path / "journal.bin", tmp_path / "link"
    journal = Journal(path)
    journal.append("outcomes", b"\x5a" * 3_000_000, secret=True)
    second_name.hardlink_to(path)
    size = second_name.stat().st_size
    journal.destroy()
    assert not path.exists()
    assert second_name.read_bytes() == bytes(size)


def test_a_journal_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.bin")
    journal.path.unlink()
    with pytest.raises(ResourceError, match="remove it by hand"):
        journal.destroy()
