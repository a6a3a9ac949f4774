"""A transport that holds a driver to a script of bytes."""

from __future__ import annotations


class ScriptedTransport:
    """Expects writes in order and gives the answer that belongs to each.

    `script` holds pairs (bytes expected, bytes answered or None).
    """

    name = "scripted"

    def __init__(self, script):
        self._script = list(script)
        self._pending = b""
        self.closed = False

    def write(self, data):
        assert self._script, f"not in the script: {data!r}"
        expected, answer = self._script.pop(0)
        assert data == expected
        self._pending += answer or b""

    def read(self, n_max, timeout_s):
        data, self._pending = self._pending[:n_max], self._pending[n_max:]
        return data

    def close(self):
        self.closed = True

    def assert_finished(self):
        assert not self._script, f"never said: {self._script}"
        assert not self._pending, f"never read: {self._pending!r}"
