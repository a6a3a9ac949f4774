"""Calls of MHLib, the maker's library: loaded here, or answered elsewhere.

Elsewhere means a double with the same functions behind a line of messages (the
simulated device). A call is a JSON list, name first, then what the function is given:
``["MH_Initialize", 0, 2, 0]``. The answer is a JSON list, the returned code first, then
what the function gives, and a line feed; records of ``MH_ReadFiFo`` follow as they are.
Functions and their order of arguments: ``mhlib.h`` of version 3.1 [seen].
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab.transport.base import MessageTransport, Transport
from qkdlab.transport.library import LibraryLine
from qkdlab_drivers.strange import strange_answer

__all__ = ["MhLibrary", "NativeLibrary", "RemoteLibrary", "library_of"]

Records = NDArray[np.uint32]
TTREADMAX = 1 << 20
"""Records that `MH_ReadFiFo` may write."""

_FILES = {"win32": "mhlib64.dll"}
_OTHER_FILE = "libmh150.so"

_OUTPUTS: dict[str, str] = {
    "MH_OpenDevice": "s",
    "MH_GetHardwareInfo": "sss",
    "MH_GetBaseResolution": "di",
    "MH_GetNumOfInputChannels": "i",
    "MH_GetFlags": "i",
    "MH_CTCStatus": "i",
    "MH_GetSyncRate": "i",
    "MH_GetCountRate": "i",
}
"""What functions write: s a string, i an int, d a double; after what they are given."""
_STRING_BYTES = 64
_RUNNING, _NOT_INITIALISED = -16, -22


class MhLibrary(Protocol):
    """What the driver asks for."""

    def call(self, function: str, *given: int) -> list[Any]:
        """Call; return what the function gives. Raises InstrumentError on its error."""
        ...

    def read_fifo(self, device: int) -> Records:
        """Return uint32[n], the records that wait, at most `TTREADMAX`."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


def library_of(
    name: str, connections: dict[str, Transport], timeout_s: float
) -> MhLibrary:
    """Return the library behind the connection ``api``.

    Raises InstrumentError when there is none, or the maker's cannot be loaded.
    """
    line = connections.get("api")
    if isinstance(line, LibraryLine):
        return NativeLibrary(name)
    if isinstance(line, MessageTransport):
        return RemoteLibrary(name, line, timeout_s)
    raise InstrumentError(
        name, "needs the maker's library as its connection `api`", "give library:mhlib"
    )


class RemoteLibrary:
    """Functions of MHLib that are answered at the end of a line."""

    def __init__(self, name: str, line: MessageTransport, timeout_s: float) -> None:
        self._name = name
        self._line = line
        self._timeout_s = timeout_s
        self._answer_may_come = False

    def call(self, function: str, *given: int) -> list[Any]:
        """Call; return what the function gives."""
        return self._call(function, *given)[0]

    def read_fifo(self, device: int) -> Records:
        """Return the records that wait."""
        given, data = self._call("MH_ReadFiFo", device)
        if given != [len(data) // 4] or len(data) % 4:
            raise self._strange("MH_ReadFiFo", data[:40])
        return np.frombuffer(data, "<u4")

    def close(self) -> None:
        """Close the line."""
        self._line.close()

    def _call(self, function: str, *given: int) -> tuple[list[Any], bytes]:
        while self._answer_may_come and self._line.receive(0.0) is not None:
            pass
        self._line.send(json.dumps([function, *given]).encode())
        self._answer_may_come = True
        answer = self._line.receive(self._timeout_s)
        if answer is None:
            raise InstrumentTimeout(
                self._name,
                f"no answer to {function} within {self._timeout_s:g} s",
                "check power and USB cable",
            )
        self._answer_may_come = False
        head, _, data = answer.partition(b"\n")
        try:
            code, *values = json.loads(head)
        except (ValueError, TypeError):
            raise self._strange(function, head) from None
        if not isinstance(code, int) or isinstance(code, bool):
            raise self._strange(function, head)
        if code < 0:
            raise failure(self._name, function, code, str(values[0] if values else ""))
        return values, data

    def _strange(self, function: str, answer: bytes) -> InstrumentReplyError:
        return strange_answer(self._name, function, answer)


class NativeLibrary:
    """MHLib in this process, where the maker's package has installed it."""

    def __init__(self, name: str) -> None:
        file = _FILES.get(sys.platform, _OTHER_FILE)
        self._name = name
        try:
            self._library: Any = ctypes.CDLL(file)
        except OSError:
            raise InstrumentDisconnected(
                name,
                f"cannot load {file}, the maker's library",
                "install PicoQuant's MHLib, or use a simulated bench",
            ) from None
        self._records = np.empty(TTREADMAX, np.uint32)

    def call(self, function: str, *given: int) -> list[Any]:
        """Call; return what the function gives."""
        kinds = _OUTPUTS.get(function, "")
        outputs: list[Any] = [_new_output(kind) for kind in kinds]
        pointers = [
            out if kind == "s" else ctypes.byref(out)
            for kind, out in zip(kinds, outputs, strict=True)
        ]
        arguments = [ctypes.c_int(value) for value in given]
        code = int(getattr(self._library, function)(*arguments, *pointers))
        if code < 0:
            raise failure(self._name, function, code, self._words(code))
        return [
            out.value.decode("ascii", "replace") if kind == "s" else out.value
            for kind, out in zip(kinds, outputs, strict=True)
        ]

    def read_fifo(self, device: int) -> Records:
        """Return the records that wait."""
        n = ctypes.c_int()
        pointer = self._records.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
        code = int(
            self._library.MH_ReadFiFo(ctypes.c_int(device), pointer, ctypes.byref(n))
        )
        if code < 0:
            raise failure(self._name, "MH_ReadFiFo", code, self._words(code))
        return self._records[: n.value].copy()

    def close(self) -> None:
        """Do nothing: a library stays loaded."""

    def _words(self, code: int) -> str:
        words = ctypes.create_string_buffer(_STRING_BYTES)
        self._library.MH_GetErrorString(words, ctypes.c_int(code))
        return words.value.decode("ascii", "replace")


def _new_output(kind: str) -> Any:
    if kind == "s":
        return ctypes.create_string_buffer(_STRING_BYTES)
    return ctypes.c_int() if kind == "i" else ctypes.c_double()


def failure(name: str, function: str, code: int, words: str) -> InstrumentError:
    """Return the error for a code below zero, with the library's own words."""
    hint = {
        _RUNNING: "end the other measurement",
        _NOT_INITIALISED: "open the station again",
    }.get(code, "compare the settings with the limits in its manual")
    return InstrumentError(name, f"{function} gave {code} {words[:60]}".strip(), hint)
