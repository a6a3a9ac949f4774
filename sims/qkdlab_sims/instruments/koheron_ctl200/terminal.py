"""The serial terminal of the CTL200: echo, one line of answer, prompt.

``ilaser`` CR LF is answered ``ilaser`` CR LF ``200.000`` CR LF ``>>`` [seen, protocol
recorded in pymeasure's tests].
"""

from __future__ import annotations

import re
from collections.abc import Callable

from qkdlab_sims.instruments.machine import ByteOutbox

__all__ = ["UNKNOWN", "Terminal"]

UNKNOWN = "Unknown command"
"""[seen, a public client in Rust]."""
PROMPT = b">>"
LINE_LIMIT_BYTES = 128
"""[guess]."""
_LINE_END = re.compile(rb"[\r\n]")


class Terminal:
    """A `ByteMachine`: each line is a command of words, each answer one line.

    answer:     gives the answer to the words at a time
    on_trouble: called with ``overflow`` for a line that is too long, whose bytes are
                lost, and with ``early`` for a command before the prompt, which is too
    latency_ps: from the end of a line to its echo
    """

    def __init__(
        self,
        answer: Callable[[list[str], int], str],
        on_trouble: Callable[[str], None],
        *,
        latency_ps: int = 0,
    ) -> None:
        self._answer = answer
        self._on_trouble = on_trouble
        self._latency_ps = latency_ps
        self._line = bytearray()
        self._too_long = False
        self._prompt_ps = 0
        self._outbox = ByteOutbox()

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        at = 0
        for end in _LINE_END.finditer(data):
            self._keep(data[at : end.start()])
            at = end.end()
            if self._too_long:
                self._on_trouble("overflow")
            elif self._line.strip():
                self._execute(bytes(self._line), now_ps)
            self._line.clear()
            self._too_long = False
        self._keep(data[at:])

    def take(self, now_ps: int) -> bytes:
        """Give what may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next bytes are due."""
        return self._outbox.next_wake_ps()

    def _keep(self, part: bytes) -> None:
        if len(self._line) + len(part) > LINE_LIMIT_BYTES:
            self._too_long = True
            self._line.clear()
        if not self._too_long:
            self._line += part

    def _execute(self, line: bytes, now_ps: int) -> None:
        if now_ps < self._prompt_ps:
            self._on_trouble("early")
            return
        words = line.decode("latin-1").split()
        answer = self._answer(words, now_ps).encode("latin-1")
        self._prompt_ps = now_ps + self._latency_ps
        self._outbox.put(line + b"\r\n" + answer + b"\r\n" + PROMPT, self._prompt_ps)
