"""A key block as it is on record: all that one party needs to go through it again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from qkdlab.errors import AbortCode, SecurityAbort, VerifyError
from qkdlab.randomness import Randomness
from qkdlab.timetags.block import TagBlock

__all__ = ["RecordedBlock", "RecordedReceiver"]


class RecordedReceiver:
    """Reads the tags of one acquisition from the record, in any stretches.

    channels: basis and bit of every channel
    blocks:   the tag blocks of the acquisition in their order
    end:      what is raised when the record ends
    """

    def __init__(
        self,
        channels: tuple[tuple[int, int], ...],
        blocks: Iterable[TagBlock],
        end: SecurityAbort,
    ) -> None:
        self.channels = channels
        self._blocks = iter(blocks)
        self._waiting: deque[TagBlock] = deque()
        self._position_ps = 0
        self._end = end

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags.

        A stretch that was recorded as a block comes back as that block, gaps and all.
        Raises SecurityAbort where the record ends.
        """
        begin_ps = self._position_ps
        end_ps = self._position_ps = begin_ps + duration_ps
        first = self._next()
        is_whole = first.t_begin == begin_ps and first.t_end == end_ps
        if is_whole or first.t_begin > begin_ps:
            self._waiting.popleft()
            return first
        parts = []
        while True:
            block = self._next()
            parts.append(_cut(block, begin_ps, end_ps))
            if block.t_end > end_ps:
                break
            self._waiting.popleft()
            if block.t_end == end_ps:
                break
        return TagBlock(
            np.concatenate([part.t for part in parts]),
            np.concatenate([part.ch for part in parts]),
            begin_ps,
            end_ps,
            tuple(lost for part in parts for lost in part.lost),
        )

    def stop(self) -> None:
        """End the acquisition."""

    def _next(self) -> TagBlock:
        if not self._waiting:
            block = next(self._blocks, None)
            if block is None:
                raise self._end
            self._waiting.append(block)
        return self._waiting[0]


def _cut(block: TagBlock, begin_ps: int, end_ps: int) -> TagBlock:
    """Return the part of a block from `begin_ps` to `end_ps`."""
    begin_ps, end_ps = max(begin_ps, block.t_begin), min(end_ps, block.t_end)
    first, last = np.searchsorted(block.t, [begin_ps, end_ps], side="left").tolist()
    lost = tuple(
        (max(begin_ps, begin), min(end_ps, end))
        for begin, end in block.lost
        if begin < end_ps and end > begin_ps
    )
    return TagBlock(
        block.t[first:last], block.ch[first:last], begin_ps, end_ps, lost, block.seq
    )


@dataclass(frozen=True)
class RecordedBlock:
    """One party's record of one key block.

    parameters: those of the run, or changed ones
    session, configuration, key_class: as in `SessionIds`
    facts:      what the party's program recorded of the block
    settings:   uint8[n], what was sent; None but for who sends
    tags_read:  its tag blocks
    randomness: what the party drew, or fresh bits in a re-analysis
    """

    number: int
    parameters: BaseModel
    session: bytes
    configuration: bytes
    key_class: str
    facts: Mapping[str, Any]
    settings: NDArray[np.uint8] | None = field(repr=False)
    tags_read: Iterable[TagBlock]
    randomness: Randomness

    def fact(self, name: str) -> Any:
        """Return a recorded fact; raises VerifyError when there is none."""
        if name not in self.facts:
            raise VerifyError(f"key block {self.number}: has no {name!r} on record")
        return self.facts[name]

    def abort(self) -> SecurityAbort:
        """Return the abort that ended the block where its record ends."""
        told = self.facts.get("figures", {}).get("aborted")
        if told is None:
            return SecurityAbort(AbortCode.COVERAGE_GAP, "the record ends here")
        return SecurityAbort(AbortCode(told["code"]), told["reason"], told["numbers"])

    def receiver(self) -> RecordedReceiver:
        """Return what reads the block's tags from the record."""
        channels = tuple((int(b), int(v)) for b, v in self.fact("channels"))
        return RecordedReceiver(channels, self.tags_read, self.abort())

    def tags(self, block: TagBlock) -> None:
        """Keep nothing: the tags are on record."""

    def slots(self, t_ps: NDArray[np.int64], basis: NDArray[np.uint8]) -> None:
        """Keep nothing."""
