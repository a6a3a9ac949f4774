"""The DataLinkTargetService: the host program through which timestamps arrive.

Commands like those of a shell, answers in JSON (port 6060, REQ/REP); a stream is a
PAIR socket that gets binary blocks and, at its end, an empty message (vendor samples
[code]). What it does when asked twice for one channel is [guess]. Files of
``start-save`` are kept in memory, never written.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.machine import MessageOutbox

__all__ = ["DataLink", "StreamPort"]

_S = 1_000_000_000_000
_FLAGS = ("--with-ref-index",)


class _Refused(Exception):
    """A command that the service cannot obey; carries the description."""


@dataclass
class _Acquisition:
    """One channel's way from the unit to a socket or file."""

    channel: int
    with_ref_index: bool
    filename: str | None = None
    as_text: bool = False
    n_recordings: int = 0
    begun_ps: int = 0
    sent: list[tuple[int, int]] = field(default_factory=list)
    """(when, how many timestamps)."""

    def note_sent(self, due_ps: int, n_stamps: int, now_ps: int) -> None:
        self._heard(now_ps)
        self.sent.append((due_ps, n_stamps))

    def status(self, now_ps: int) -> dict[str, Any]:
        last_ps, total = self._heard(now_ps)
        return {
            "acquisitions_count": self.n_recordings,
            "inactivity": (now_ps - last_ps) / _S,
            "timestamps_count": total,
        }

    def _heard(self, now_ps: int) -> tuple[int, int]:
        """Make one entry of all that arrived by `now_ps`, and return it."""
        heard = [(due, n) for due, n in self.sent if due <= now_ps]
        last_ps = heard[-1][0] if heard else self.begun_ps
        total = sum(n for _, n in heard)
        self.sent = [(last_ps, total), *self.sent[len(heard) :]]
        return self.sent[0]


class StreamPort:
    """The PAIR socket of one channel; what a client says there is ignored."""

    def __init__(self, next_message_ps: Callable[[], int | None]) -> None:
        self.outbox = MessageOutbox()
        self._next_message_ps = next_message_ps

    def feed(self, message: bytes, now_ps: int) -> None:
        """Ignore a message."""

    def take(self, now_ps: int) -> list[bytes]:
        """Give all messages that may be heard by `now_ps`."""
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next message is due, or the unit flushes next."""
        queued_ps = self.outbox.next_wake_ps()
        return queued_ps if queued_ps is not None else self._next_message_ps()


class DataLink:
    """The service's command port and its streams, by channel 1 to 4."""

    def __init__(
        self, streams: dict[int, StreamPort], *, latency_ps: int, response_ps: int
    ) -> None:
        self.saved: dict[str, bytes] = {}
        self._streams = streams
        self._latency_ps = latency_ps
        self._response_ps = response_ps
        self._outbox = MessageOutbox()
        self._active: dict[str, _Acquisition] = {}

    def feed(self, message: bytes, now_ps: int) -> None:
        """Take a command; every one is answered."""
        try:
            answer = self._obey(message.decode("utf-8", "replace"), now_ps)
        except (_Refused, ValueError) as error:
            answer = {"error": {"description": str(error)}}
        self._outbox.put(json.dumps(answer).encode(), now_ps + self._response_ps)

    def take(self, now_ps: int) -> list[bytes]:
        """Give all answers that may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next answer is due."""
        return self._outbox.next_wake_ps()

    def deliver(
        self,
        channel: int,
        stamps: NDArray[np.uint64],
        index: NDArray[np.uint64],
        now_ps: int,
    ) -> None:
        """Pass a block of timestamps on to whoever listens to the channel."""
        for acquisition in self._of_channel(channel):
            due_ps = now_ps + self._latency_ps
            acquisition.note_sent(due_ps, stamps.size, now_ps)
            columns = (stamps, index) if acquisition.with_ref_index else (stamps,)
            if acquisition.filename is None:
                block = np.column_stack(columns).astype("<u8", copy=False).tobytes()
                self._streams[channel].outbox.put(block, due_ps)
            else:
                self.saved[acquisition.filename] += _file_block(
                    columns, acquisition.as_text
                )

    def recording_ended(self, now_ps: int) -> None:
        """Note the end of a recording on every channel."""
        del now_ps
        for acquisition in self._active.values():
            acquisition.n_recordings += 1

    def is_streaming(self, channel: int) -> bool:
        """Return whether a stream of the channel is open."""
        return any(a.filename is None for a in self._of_channel(channel))

    def _of_channel(self, channel: int) -> list[_Acquisition]:
        return [a for a in self._active.values() if a.channel == channel]

    def _obey(self, text: str, now_ps: int) -> Any:
        words = shlex.split(text)
        command = words[0] if words else ""
        options = _options(words[1:])
        match command:
            case "list":
                return list(self._active)
            case "status":
                return self._find(options).status(now_ps)
            case "stop":
                acquisition = self._find(options)
                del self._active[options["--id"]]
                if acquisition.filename is None:
                    port = self._streams[acquisition.channel]
                    port.outbox.put(b"", now_ps)
                return {"status": acquisition.status(now_ps)}
            case "start-stream":
                if not 1 <= int(_need(options, "--stream-port")) <= 65535:
                    raise _Refused("stream port out of range")
                return self._begin(options, now_ps, None)
            case "start-save":
                filename = _need(options, "--filename")
                if options.get("--format") not in ("bin", "ascii"):
                    raise _Refused("format must be bin or ascii")
                self.saved[filename] = b""
                return self._begin(options, now_ps, filename)
            case _:
                raise _Refused(f"unknown command {command!r}")

    def _begin(
        self, options: dict[str, str], now_ps: int, filename: str | None
    ) -> dict[str, str]:
        channel = int(_need(options, "--channel"))
        if not 1 <= channel <= 4:
            raise _Refused("channel must be 1 to 4")
        name = f"{_need(options, '--address')}:{5555 + channel}"
        if name in self._active:
            raise _Refused(f"acquisition {name} is already active")
        self._active[name] = _Acquisition(
            channel,
            "--with-ref-index" in options,
            filename,
            options.get("--format") == "ascii",
            begun_ps=now_ps,
        )
        return {"id": name}

    def _find(self, options: dict[str, str]) -> _Acquisition:
        name = _need(options, "--id")
        if name not in self._active:
            raise _Refused(f"no acquisition {name}")
        return self._active[name]


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            raise _Refused(f"unexpected {word!r}")
        options[word] = "" if word in _FLAGS else next(rest, "")
    return options


def _need(options: dict[str, str], name: str) -> str:
    if not options.get(name):
        raise _Refused(f"{name} is missing")
    return options[name]


def _file_block(columns: tuple[NDArray[np.uint64], ...], as_text: bool) -> bytes:
    if not as_text:
        return np.column_stack(columns).astype("<u8", copy=False).tobytes()
    rows = zip(*(c.tolist() for c in columns), strict=True)
    return "".join(";".join(map(str, row)) + "\n" for row in rows).encode("ascii")
