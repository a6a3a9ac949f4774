"""The sessions that an adversary may meet: each method, each kind of key length.

LDPC wants the longest blocks. The smallest with the codes of the package has one frame,
and no key is left once that goes in clear; so a session with several frames, of which
one fails to the end, runs on a code of a thirtieth of their length.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from unittest.mock import patch

import numpy as np
from claim_at_hand import claim_of
from hostile_acts import play, timeline
from hostile_moments import Moment
from hostile_world import HONEST, TINY, World, make_party, tiny_block
from link.synthetic import Block, make_block

from qkdlab.distill.ldpc import plan as ldpc_plan
from qkdlab.distill.ldpc.code import Base
from qkdlab.distill.ldpc.shipped import ShippedCode
from qkdlab.link.party import Party
from qkdlab.protocols.bb84 import Click

__all__ = ["METHODS", "Method", "small_code"]


@contextmanager
def small_code() -> Iterator[None]:
    """Let LDPC know of no other code."""
    with patch.object(ldpc_plan, "codes", lambda _: (_small(),)):
        yield


@cache
def _small(n_rows: int = 18, columns: int = 60, lifting: int = 32) -> ShippedCode:
    """Return a code of three edges a column and frames of two thousand bits."""
    dice = random.Random(1)
    rows = [sorted(dice.sample(range(n_rows), 3)) for _ in range(columns)]
    shifts = [dice.randrange(lifting) for _ in range(3 * columns)]
    base = Base(
        n_rows,
        lifting,
        np.full(columns, 3, np.uint8),
        np.array(rows, np.uint8).ravel(),
        np.array(shifts, np.uint16),
    )
    return ShippedCode(base, threshold=0.03)


def _block(n_frames: int, reconciliation: str, *, error: float, **changes) -> Block:
    plan = replace(
        TINY,
        n_frames=n_frames,
        first_pulse=n_frames * TINY.symbols,
        reconciliation=reconciliation,
        **changes,
    )
    claimed = plan.theorem != TINY.theorem
    cross = 0.0 if claimed else 0.002
    return make_block(plan, seed=2, error=error, cross=cross, double=0.001)


def _disturbed(block: Block, every: int, share: float) -> Block:
    """Return it with errors in the key basis that its test bits do not show.

    every: slot, in the first `share` of the block
    """
    plan = block.plan
    for part in block.stretches:
        found = part.outcomes
        early = found.slot - plan.first_pulse < share * plan.n_pulses
        wrong = (found.basis == 0) & (found.slot % every == 0) & early
        found.value[wrong & (found.click == Click.SINGLE)] ^= 1
    return block


def _far_at_times(name: str, block: Block, number: int, *which) -> Party:
    """Return a party; the line is long for Alice in every second block."""
    line = {"round_trip_s": 0.1 * (number % 2)} if name == "alice" else {}
    return make_party(name, block, number, *which, **line)


def _claimed(name: str, block: Block, number: int, session: bytes, seed: int) -> Party:
    """Return a party that holds the block's claim record."""
    claim = claim_of(block.plan, session=session.hex(), leak_cap_bits=600)
    return make_party(name, block, number, session, seed, claim=claim)


@dataclass(frozen=True)
class Method:
    """A kind of session.

    share: of all cases
    codes: where LDPC takes its codes from, while the session is played
    """

    share: float
    block: Callable[[], Block]
    party: Callable[..., Party] = make_party
    n_blocks: int = 1
    codes: Callable[[], AbstractContextManager[None]] = nullcontext

    def world(self) -> World:
        """Return both stations before their first session."""
        makers = replace(HONEST, party=self.party)
        return World(self.block(), n_blocks=self.n_blocks, seed=1, makers=makers)

    def timeline(self) -> list[Moment]:
        """Return a session at each moment, after another one was heard."""
        with self.codes():
            return timeline(self.world(), seed=1)

    def play(self, world: World, dice: random.Random, *, more: bool) -> list[str]:
        """Let the adversary act; return what he did. Raises Broken when he wins."""
        with self.codes():
            return play(world, dice, more=more)


METHODS = {
    "cascade": Method(0.4, tiny_block, n_blocks=2),
    "cascade, far in the second block": Method(
        0.15, lambda: _block(7, "auto", error=0.002), _far_at_times, n_blocks=2
    ),
    "a claim record, and cascade-far": Method(
        0.15,
        lambda: _block(18, "cascade-far", error=0.002, theorem="bb84-decoy2-eur"),
        _claimed,
    ),
    "ldpc": Method(0.15, lambda: _block(30, "ldpc", error=0.002)),
    "ldpc with a frame in clear": Method(
        0.15,
        lambda: _disturbed(_block(36, "ldpc", error=0.0003), every=7, share=0.12),
        codes=small_code,
    ),
}
