"""The command line of qkdlab with the plug-ins of `quick_bench`.

With QUICK_WIRE=FILE every frame of the classical channel is in FILE before it leaves:
0 from Alice or 1 from Bob, length, frame. With QUICK_LIGHT=FOLDER a bench that is real
is one of two processes that share the light (`quick_light`). With QUICK_KILL=PARTY the
process is killed when that party is about to say that it holds a key.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import quick_bench
import quick_light

from qkdlab.cli.main import main
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.codec import decode
from qkdlab.link.messages import Done


def tap(path: str) -> None:
    """Write down what passes on the wire; what was written survives the process."""
    wire = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    send = MemoryChannel.send

    def tapped(channel: MemoryChannel, data: bytes) -> None:
        way = 0 if "alice" in repr(channel) else 1
        os.write(wire, bytes([way]) + len(data).to_bytes(8, "little") + data)
        send(channel, data)

    MemoryChannel.send = tapped


def die(party: str) -> None:
    """Die before the last word of a party's block leaves."""
    send = MemoryChannel.send

    def deadly(channel: MemoryChannel, data: bytes) -> None:
        if party in repr(channel) and is_done(data):
            os.kill(os.getpid(), signal.SIGKILL)
        send(channel, data)

    MemoryChannel.send = deadly


def is_done(frame: bytes) -> bool:
    """Tell whether a frame ends a block with a key."""
    message = frame[34:]
    closes = frame.startswith(b"\1\1") and not message.startswith(b"{")
    return closes and isinstance(decode(message), Done)


if __name__ == "__main__":
    quick_bench.install()
    if "QUICK_LIGHT" in os.environ:
        quick_light.install(Path(os.environ["QUICK_LIGHT"]))
    if "QUICK_WIRE" in os.environ:
        tap(os.environ["QUICK_WIRE"])
    if "QUICK_KILL" in os.environ:
        die(os.environ["QUICK_KILL"])
    sys.exit(main())
