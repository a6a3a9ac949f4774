"""What each party does between two key blocks."""

from __future__ import annotations

from qkdlab.session.blocks import BlockReport
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["between_blocks_alice", "between_blocks_bob"]


def between_blocks_alice(
    ctx: PartyContext[Bb84Parameters], finished: BlockReport
) -> None:
    """Prepare the next block by what the finished one showed; the light is off."""


def between_blocks_bob(
    ctx: PartyContext[Bb84Parameters], finished: BlockReport
) -> None:
    """Prepare the next block by what the finished one showed; the light is off."""
