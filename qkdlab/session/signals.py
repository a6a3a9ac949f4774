"""Signals: noted when they come, acted on where nothing can be torn."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupted", "Interrupts", "interruptible"]

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asked the run to stop.

    No KeyboardInterrupt, which command line libraries take for themselves; like that
    one it passes every ``except Exception``. `exit_code` is 128 plus the signal's
    number: 130 for SIGINT, 143 for SIGTERM.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(f"stopped by {signal.Signals(signum).name}")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise Interrupted at once, wherever they come.

    For what holds no instruments and no files; a run notes them with `Interrupts`
    inside. Outside the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _interrupt) for signum in _WATCHED}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise Interrupted(signum)


class Interrupts:
    """While entered, SIGINT and SIGTERM are only noted; `check` raises.

    So a signal never breaks into a safe state or into the writing of a file, however
    often it is sent. Outside the main thread nothing is changed.

    message: written to stderr when a signal is noted, in bytes
    """

    def __init__(
        self,
        message: bytes = b"qkdlab: stopping; instruments go to their safe state\n",
    ) -> None:
        self._message = message
        self._noted: int | None = None
        self._before: dict[int, Any] = {}

    def check(self) -> None:
        """Raise Interrupted when a signal has been noted."""
        if self._noted is not None:
            raise Interrupted(self._noted)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._note) for s in _WATCHED}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._before = {}

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self._noted is None:
            self._noted = signum
            # A handler may interrupt a print: the message takes the direct way.
            os.write(2, self._message)
