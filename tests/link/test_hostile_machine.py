"""The hostile line once more, as a state machine that hypothesis shortens to the point.

Its rules are the honest moves and the acts of the adversary, in whatever order.
"""

from __future__ import annotations

import random
from contextlib import suppress

import hypothesis.strategies as st
from hostile_acts import ACTS, NoOccasion, must_be_done
from hostile_world import World, lengths_evaluated_once, tiny_block
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

_FRESH = World(tiny_block(), n_blocks=1, seed=7).moment()
_LENGTHS = lengths_evaluated_once()


class HostileLine(RuleBasedStateMachine):
    """Two parties, and an adversary who does what hypothesis likes."""

    @initialize(after_a_session=st.booleans())
    def meet(self, after_a_session: bool) -> None:
        self.world = _FRESH.copy()
        if after_a_session:
            self.world.begin()
            self.world.run(random.Random(0))
        self.world.begin()

    @rule(number=st.integers(0, 9), times=st.integers(1, 30))
    def go_on(self, number: int, times: int) -> None:
        dice = random.Random(number)
        for _ in range(times):
            if moves := self.world.moves():
                self.world.move(dice.choice(moves))

    @rule(number=st.integers(0, 1 << 16), act=st.sampled_from(ACTS))
    def interfere(self, number: int, act) -> None:
        with suppress(NoOccasion):
            act[1](self.world, random.Random(number))

    @precondition(lambda self: not self.world.moves())
    @rule()
    def begin_anew(self) -> None:
        self.world.settle()
        self.world.begin()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.run(random.Random(1))
            was_clear = self.world.is_untouched()
            self.world.settle()
            if was_clear:
                must_be_done(self.world)


def setup_module() -> None:
    _LENGTHS.__enter__()


def teardown_module() -> None:
    _LENGTHS.__exit__(None, None, None)


TestHostileLine = HostileLine.TestCase
TestHostileLine.settings = settings(
    max_examples=25,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
