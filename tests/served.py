"""`qkdlab sim` as a real process, for tests that reach it from outside."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

DEADLINE_S = 120.0
"""From the start to the ready line: a first run compiles."""
STOP_S = 20.0


def own_loopback() -> str:
    """Return a loopback address that no other server of these tests has.

    So a server can have the ports of the real instruments, whatever runs beside it.
    """
    pick = random.Random(os.urandom(8))
    return (
        f"127.{pick.randrange(1, 255)}.{pick.randrange(256)}.{pick.randrange(1, 255)}"
    )


class Served:
    """The served instruments of a configuration, by ``party.instrument``."""

    def __init__(self, config: str | Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qkdlab", "sim", str(config), "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            self.line = self._ready_line()
        except BaseException:
            self.process.kill()
            raise
        self.devices = {d["name"]: d for d in json.loads(self.line)["instruments"]}

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def address(self, device: str, way: str, endpoint: str = "control") -> str:
        """Return an address as the ready line gives it."""
        return str(self.devices[device]["endpoints"][endpoint][way])

    def host_and_port(
        self, device: str, endpoint: str = "control", way: str = "tcp"
    ) -> tuple[str, int]:
        """Return where a device listens."""
        address = self.address(device, way, endpoint).removeprefix("tcp://")
        host, _, port = address.rpartition(":")
        return host, int(port)

    def stop(self, signum: int = signal.SIGINT) -> tuple[int, str]:
        """End the server; return its exit code and what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            out, err = self.process.communicate(timeout=STOP_S)
        finally:
            self.process.kill()
        assert out == b"", "something beside the ready line"
        return self.process.returncode, err.decode()

    def _ready_line(self) -> str:
        assert self.process.stdout is not None
        file = self.process.stdout.fileno()
        line = b""
        end_s = time.monotonic() + DEADLINE_S
        while not line.endswith(b"\n"):
            if not select.select([file], [], [], max(0.0, end_s - time.monotonic()))[0]:
                raise TimeoutError("no ready line")
            piece = os.read(file, 1 << 16)
            if not piece:
                assert self.process.stderr is not None
                raise RuntimeError(self.process.stderr.read().decode())
            line += piece
        return line.decode()
