"""`Recorder`: what a program puts on record, in its party's run file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.link.transcript import Transcript
from qkdlab.session.result import key_digest, plain
from qkdlab.transport.recording import Traffic, TrafficKind

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.calibration.records import CalibrationRecord
    from qkdlab.link.effects import KeyBlock
    from qkdlab.runfile.writer import RunFileWriter
    from qkdlab.timetags.block import TagBlock

__all__ = ["Recorder", "block_name"]


_TOLD = (
    "block",
    "pulses",
    "aborted",
    "qber_x",
    "qber_z",
    "sifted_bits",
    "leaked_bits",
    "secret_bits",
    "claimable_secret_bits",
    "key_id",
    "transcript_sha256",
)
"""What the result of a run tells of each block."""


def block_name(block: int) -> str:
    """Return the name under which all of a key block is on record."""
    return f"block-{block}"


_MARKS = {TrafficKind.WRITE: ">", TrafficKind.READ: "<", TrafficKind.ERROR: "!"}


class Recorder:
    """One party's record. Times are picoseconds of the bench's clock.

    figures: every result recorded so far; they reach the result of the run even when
             it ends without key
    """

    def __init__(
        self, file: RunFileWriter, now_ps: Callable[[], int], key_class: str
    ) -> None:
        self._keeps_secrets = key_class != "secure"
        self.figures: dict[str, Any] = {}
        self._block = 0
        self._facts: dict[str, Any] = {}
        self._transcript = Transcript()
        self._tag_blocks = 0
        self._messages = 0
        self._file = file
        self._now_ps = now_ps

    def tags(self, block: TagBlock) -> None:
        """Record a block of tags, before anything is made of it.

        All tags recorded so far are the figure ``clicks``. In a run of class secure
        only the time that the block covers is.
        """
        if self._keeps_secrets:
            self._file.tags(block)
        else:
            self._file.coverage(block)
        self._tag_blocks += 1
        self.figures["clicks"] = self.figures.get("clicks", 0) + len(block)

    def slots(self, t_ps: NDArray[np.int64], basis: NDArray[np.uint8]) -> None:
        """Record accepted slots by their basis, as both parties will announce them.

        In a run of class secure only: elsewhere the tags themselves are on record.

        t_ps: of the slot, not of the click: the time in the slot betrays the detector
        """
        if not self._keeps_secrets:
            self._file.slots(t_ps, basis)

    def monitor(self, name: str, value: float, t_ps: int | None = None) -> None:
        """Record one value of a slow series, such as ``tap_power_w``."""
        when_ps = self._now_ps() if t_ps is None else t_ps
        self._file.monitor(name, float(value), when_ps)

    def secret_monitor(self, name: str, value: float) -> None:
        """Record as `monitor` what tells of key bits, but for class secure."""
        if self._keeps_secrets:
            self.monitor(name, value)

    def settings(self, name: str, array: NDArray[np.uint8]) -> None:
        """Record what was sent: packed settings, one byte a symbol.

        Nothing in a run of class secure: of disclosed pulses the messages tell it.
        """
        if self._keeps_secrets:
            self._file.settings(name, array)

    def result(self, name: str, value: Any) -> None:
        """Record a public figure: numbers, text, lists and mappings of these."""
        self.figures[name] = plain(value)
        self._file.result(name, self.figures[name])

    def calibration(self, record: CalibrationRecord) -> None:
        """Record a calibration made in this run."""
        self._file.calibration(record)

    def message(self, direction: str, data: bytes) -> None:
        """Record a message of the classical channel, public by definition."""
        self._file.message(self._now_ps(), direction, data)
        self._transcript.add(direction, data)
        self._messages += 1

    def begin_block(self, block: int) -> None:
        """Begin a key block: what comes now is on record under its name."""
        self._block = block
        self._transcript = Transcript()
        self._facts = {
            "first_tag_block": self._tag_blocks,
            "first_message": self._messages,
        }

    def block(self, **facts: Any) -> None:
        """Record facts of the present key block that replay needs; public ones."""
        self._facts.update(plain(facts))

    def end_block(self, figures: dict[str, Any]) -> None:
        """Put the present key block on record, and on the result.

        figures: its public figures; the hash of its messages is added
        """
        figures["transcript_sha256"] = self._transcript.sha256
        self.block(
            figures=figures,
            end_tag_block=self._tag_blocks,
            end_message=self._messages,
        )
        self._file.block(block_name(self._block), self._facts)
        told = {name: figures[name] for name in _TOLD if name in figures}
        self.figures["blocks"] = [*self.figures.get("blocks", []), plain(told)]

    def key(self, key: KeyBlock) -> None:
        """Record the digest of a key, but for class secure."""
        if self._keeps_secrets:
            self.block(key_sha256=key_digest(key))

    def random_bits(self, label: str, bits: BitArray) -> None:
        """Record random bits that the party drew, but for class secure."""
        if self._keeps_secrets:
            self._file.random_bits(self._now_ps(), label, bits)

    def traffic(self, seen: Traffic) -> None:
        """Record what passed on an instrument's line; ``>`` to it, ``<`` from it.

        Nothing in a run of class secure, where traffic can hold key material.
        """
        mark = _MARKS.get(seen.kind)
        if mark is not None and self._keeps_secrets:
            self._file.io(seen.t_ps, f"{seen.line}{mark}", seen.data)

    def log(self, line: str) -> None:
        """Record a line for people."""
        self._file.log(self._now_ps(), line)
