"""A run file that is compared with its hashes in a thread while it is used."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import VerifyError
from qkdlab.runfile.reader import RunFile, Tags, open_run
from qkdlab.runfile.schema import CHUNK_TAGS
from qkdlab.runfile.verify import UNFINISHED, examine
from qkdlab.timetags.block import TagBlock

__all__ = ["VerifiedRun"]

_AHEAD = 24
"""Chunks of tags, 2.4 MB each, that may wait to be used."""


class VerifiedRun:
    """A finished run file, open for reading; a context manager.

    Each chunk of tags is read once, and compared before anybody sees it. All else may
    be used before it is compared, so nothing that came of it may be told inside the
    context: leaving it waits for the comparison and raises VerifyError, in the place of
    whatever else was raised, when anything in the file is not what was recorded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.Thread(target=self._examine, name=f"verify {path}")
        self._moved = threading.Condition()
        self._ready: deque[tuple[int, Tags]] = deque()
        self._in_use: list[tuple[int, Tags]] = []
        self._wanted = True
        self._given_up = False
        self._ended = False
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        """Open the file and begin to compare it.

        Raises as `open_run`, and VerifyError when the run was not finished.
        """
        self.run: RunFile = open_run(self._path)
        if not self.run.complete:
            self.run.close()
            raise VerifyError(f"{self._path}: {UNFINISHED}")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._moved:
            self._wanted = False
            # whoever interrupts the program does not wait for the rest
            self._given_up = kind is not None and not issubclass(kind, Exception)
            self._moved.notify_all()
        self._thread.join()
        self.run.close()
        if self._failure is not None and not self._given_up:
            raise self._failure from None

    def blocks(self, first: int, end: int) -> Iterator[TagBlock]:
        """Yield blocks of tags, as `RunFile.blocks`; in order, each once.

        Raises VerifyError at tags that are not those that were recorded.
        """
        return self.run.blocks(first, end, self._rows)

    def _rows(self, begin: int, end: int) -> Tags:
        parts = []
        for number in range(begin // CHUNK_TAGS, -(-end // CHUNK_TAGS)):
            t, ch = self._chunk(number)
            start = number * CHUNK_TAGS
            part = slice(max(0, begin - start), end - start)
            parts.append((t[part], ch[part]))
        if len(parts) == 1:
            return parts[0]
        none: Tags = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        t, ch = (np.concatenate(column) for column in zip(none, *parts, strict=True))
        return t, ch

    def _chunk(self, number: int) -> Tags:
        """Return a chunk; the last two stay at hand."""
        while not self._in_use or self._in_use[-1][0] < number:
            with self._moved:
                self._moved.wait_for(lambda: self._ready or self._ended)
                if not self._ready:
                    break
                self._in_use = [*self._in_use[-1:], self._ready.popleft()]
                self._moved.notify_all()
        for found, tags in self._in_use:
            if found == number:
                return tags
        raise VerifyError(f"{self._path}: has no such tags as its key blocks name")

    def _examine(self) -> None:
        """Compare the file (in the thread)."""
        try:
            damage = examine(self._path, take=self._take).damage
            if damage:
                raise VerifyError(f"{self._path}: {damage[0]}")
        except Exception as error:
            self._failure = error
        with self._moved:
            self._ended = True
            self._moved.notify_all()

    def _take(self, number: int, t: NDArray[Any], ch: NDArray[Any]) -> None:
        """Hand a chunk on as it was recorded (in the thread)."""
        with self._moved:
            self._moved.wait_for(lambda: not self._wanted or len(self._ready) < _AHEAD)
            if self._given_up:
                raise VerifyError(f"{self._path}: was not compared to its end")
            if self._wanted:
                self._ready.append((number, (t, ch)))
                self._moved.notify_all()
