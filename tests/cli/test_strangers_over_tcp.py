"""Strangers who connect to a party that listens: two real processes still make keys."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from quick_parties import DEADLINE_S, port_of, start

from qkdlab.cli.main import main

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.timeout(300)]


def test_two_processes_meet_though_strangers_come_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {party: str(tmp_path / f"{party}.secret") for party in ("alice", "bob")}
    assert main(["secret", *secrets.values(), "--pads", "200"]) == 0
    with ExitStack() as stack:
        alice = start(tmp_path, "alice", "--listen", "0", "--secret", secrets["alice"])
        stack.enter_context(alice)
        stack.callback(alice.kill)
        port = port_of(alice)
        strangers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", int(port))))
            for _ in range(3)
        ]
        strangers[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
        strangers[1].close()
        bob = start(tmp_path, "bob", "--connect", port, "--secret", secrets["bob"])
        stack.enter_context(bob)
        stack.callback(bob.kill)
        said = [process.communicate(timeout=DEADLINE_S) for process in (alice, bob)]
        assert [alice.returncode, bob.returncode] == [0, 0], said
    results = [json.loads(out) for out, _ in said]
    assert results[0]["key_ids"] == results[1]["key_ids"] != []
    assert "somebody was turned away" in said[0][1]
