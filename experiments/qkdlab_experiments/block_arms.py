"""What Bob's clicks stand for throughout one key block, from its first pulse on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from qkdlab.randomness import Randomness
from qkdlab.roles import ActiveReceiver
from qkdlab.session.experiment import PartyContext
from qkdlab.session.recorder import block_name
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import align, block_first_pulse
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.arms import ActiveArms, Arms, PassiveArms
from qkdlab_experiments.basis_settings import LAG, BasisKey, first_setting_slot
from qkdlab_experiments.parameters import Bb84Parameters

if TYPE_CHECKING:
    from qkdlab.session.recorded import RecordedBlock

__all__ = ["BlockArms", "new_arms", "recorded_arms"]


class BlockArms(Protocol):
    """How Bob chooses his bases in one block."""

    def begin(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Begin to choose; his tagger is running already."""
        ...

    def found(
        self, ctx: PartyContext[Bb84Parameters], fit: SyncFit, already: list[TagBlock]
    ) -> Arms:
        """Return what clicks stand for, once the block's slots are known."""
        ...

    def end(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Stop after the block's last pulse. Raises when not all was as it should."""
        ...

    def wipe(self) -> None:
        """Overwrite what the choices follow from."""
        ...


class _Passive:
    """A splitter chooses."""

    def begin(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Do nothing."""

    def found(
        self, ctx: PartyContext[Bb84Parameters], fit: SyncFit, already: list[TagBlock]
    ) -> Arms:
        """Return what the channels stand for."""
        return PassiveArms(ctx.roles["receiver"].channels)

    def end(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Do nothing."""

    def wipe(self) -> None:
        """Do nothing."""


class _Active:
    """A board chooses, by a key of its own for each block."""

    def __init__(self, key: BasisKey, block: int) -> None:
        self._key = key
        self._block = block

    def begin(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Start the board; its marks come to the tagger."""
        ctx.recorder.settings(block_name(self._block), self._key.on_record())
        self._key.begin(ctx)

    def found(
        self, ctx: PartyContext[Bb84Parameters], fit: SyncFit, already: list[TagBlock]
    ) -> Arms:
        """Find by the marks with which of Bob's settings the block begins."""
        p = ctx.parameters
        receiver: ActiveReceiver = ctx.roles["receiver"]
        begins = first_setting_slot(
            receiver.marks_ps(), align(fit, p), p.frame_ps, ctx.calibration.value(LAG)
        )
        first = block_first_pulse(p, fit, already) - begins
        ctx.recorder.block(first_setting=first)
        return ActiveArms(self._key.settings(first))

    def end(self, ctx: PartyContext[Bb84Parameters]) -> None:
        """Stop the board, whose key is gone with that."""
        self._key.end(ctx)

    def wipe(self) -> None:
        """Overwrite the key."""
        self._key.wipe()


def new_arms(p: Bb84Parameters, randomness: Randomness, block: int) -> BlockArms:
    """Return how Bob chooses in a new block."""
    if not p.receiver_chooses:
        return _Passive()
    return _Active(BasisKey.draw(active(p), randomness, block), block)


def recorded_arms(
    p: Bb84Parameters, block: RecordedBlock, channels: tuple[tuple[int, int], ...]
) -> Arms:
    """Return what the clicks of a recorded block stood for."""
    if not p.receiver_chooses:
        return PassiveArms(channels)
    secret = block.settings
    if secret is None:
        raise block.abort()
    key = BasisKey(secret, active(p))
    return ActiveArms(key.settings(int(block.fact("first_setting"))))
