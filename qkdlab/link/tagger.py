"""What makes and checks the tags of a sealed channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from qkdlab.link.direction import Direction

__all__ = ["Tagger"]


class Tagger(Protocol):
    """Pads of a shared secret (`PadPool`), or signatures (`FirstContact`).

    A channel has one for good: which of the two it is stands in the kind of its closing
    frames and in both greetings, and neither is ever taken for the other.

    tag_bytes: length of a tag
    """

    tag_bytes: int

    @property
    def bits_spent(self) -> int:
        """Secret bits that tags of either direction have used up."""
        ...

    def make_tag(
        self, direction: Direction, covered: Callable[[int], Sequence[bytes]]
    ) -> tuple[int, bytes]:
        """Return the index of a new tag, and the tag of the pieces ``covered(index)``.

        Raises SecurityAbort(POOL_EMPTY).
        """
        ...

    def check_tag(
        self,
        direction: Direction,
        index: int,
        covered: Callable[[int], Sequence[bytes]],
        tag: bytes,
    ) -> bool:
        """Say whether `tag` is the peer's; one that is not changes nothing."""
        ...

    def epsilon(self, longest_bytes: int) -> float | None:
        """Return the chance that one tag is forged; None where no bound is known."""
        ...

    def close(self) -> None:
        """Forget what is secret."""
        ...
