"""How two processes end when one has no disk, no port, or is told to stop."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from quick_parties import DEADLINE_S, port_of, start, until

from qkdlab.runfile.reader import open_run

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.timeout(300)]

Play = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Start a party; whoever still lives in the end is killed."""
    with ExitStack() as stack:

        def started(party: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
            process = start(tmp_path, party, *arguments, **more)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code, and the line that says why."""
    _, err = process.communicate(timeout=DEADLINE_S)
    assert "Traceback" not in err
    return process.returncode, err.splitlines()[-1]


def test_a_party_that_is_terminated_says_so_and_the_other_has_lost_it(
    play: Play, tmp_path: Path
) -> None:
    many = ("--set", "parameters.blocks=1000")
    alice = play("alice", "--listen", "0", *many)
    bob = play("bob", "--connect", port_of(alice), *many)
    until(alice, "reconcile")
    alice.send_signal(signal.SIGTERM)
    code, told = end(alice)
    assert (code, told) == (143, "qkdlab: stopped by SIGTERM")
    code, told = end(bob)
    assert code == 6
    assert "was stopped" in told
    for party in ("alice", "bob"):
        with open_run(tmp_path / party / f"{party}.h5") as file:
            assert file.complete


def test_a_full_disk_at_one_party_is_named_and_the_other_has_lost_it(
    play: Play, tmp_path: Path
) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    many = ("--set", "parameters.blocks=1000")
    alice = play("alice", "--listen", "0", *many)
    bob = play("bob", "--connect", port_of(alice), *many, preexec_fn=small_disk)
    code, told = end(bob)
    assert code == 5
    assert str(tmp_path / "bob") in told
    assert "free space" in told
    code, told = end(alice)
    assert code == 6
    with open_run(tmp_path / "alice" / "alice.h5") as file:
        assert file.complete


def test_a_port_that_is_taken_ends_a_party_before_it_opens_anything(
    play: Play,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, told = end(play("alice", "--listen", port))
    assert code == 5
    assert port in told
