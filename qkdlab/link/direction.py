"""The two directions of the classical channel between Alice and Bob."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Direction"]


class Direction(StrEnum):
    """Who speaks to whom."""

    ALICE_TO_BOB = "alice-to-bob"
    BOB_TO_ALICE = "bob-to-alice"

    @property
    def reverse(self) -> Direction:
        """The other direction."""
        if self is Direction.ALICE_TO_BOB:
            return Direction.BOB_TO_ALICE
        return Direction.ALICE_TO_BOB

    @property
    def sender(self) -> str:
        """The party that speaks."""
        return self.value.partition("-")[0]
