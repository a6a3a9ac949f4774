"""Two parties on a line that an adversary owns: whatever he does, he does not win.

What "win" means stands in `hostile_rules`: a key that the other does not hold or that
somebody tampered with, a pad under two messages, a party that waits for nothing, a
secret left in memory, a bit that was disclosed and not charged, an error that is none
of ours. A case is repeated by its number.
"""

from __future__ import annotations

import gc
import random

import pytest
from hostile_acts import ACTS, play, timeline
from hostile_rules import Broken
from hostile_world import World, lengths_evaluated_once, tiny_block

N_BLOCKS = 2


@pytest.fixture(scope="module")
def moments():
    """Every moment of a session of two blocks, after another one was heard."""
    with lengths_evaluated_once():
        found = timeline(World(tiny_block(), n_blocks=N_BLOCKS, seed=1), seed=1)
        gc.freeze()  # they stay as they are, and there are many
        yield found
        gc.unfreeze()


def try_case(moments, case: int) -> list[str]:
    """Play a case; return what the adversary did."""
    dice = random.Random(case)
    world = dice.choice(moments).copy()
    try:
        return play(world, dice, more=dice.random() < 0.02)
    except BaseException as error:
        error.add_note(f"hostile case {case}")
        raise


def test_an_undisturbed_session_ends_with_all_keys(moments):
    world = moments[0].copy()
    world.run(random.Random(2))
    world.settle()
    for station in world.stations.values():
        assert station.over == "done"
    keys = world.watch.confirmed
    assert keys["alice"] == keys["bob"]
    assert len(keys["alice"]) == 2 * N_BLOCKS


def test_every_moment_goes_on_to_all_keys(moments):
    for moment in moments:
        world = moment.copy()
        world.run(random.Random(3))
        world.settle()
        assert [len(keys) for keys in world.watch.confirmed.values()] == [4, 4]


def test_two_thousand_hostile_cases(moments):
    done = {act for case in range(2000) for act in try_case(moments, case)}
    assert done >= {name for name, _ in ACTS}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_hundred_thousand_hostile_cases(moments, part):
    for case in range(5000 * part, 5000 * (part + 1)):
        try_case(moments, 1_000_000 + case)


def test_a_case_is_repeated_by_its_number(moments):
    for case in range(20):
        assert try_case(moments, case) == try_case(moments, case)


def test_a_failure_tells_the_number_of_its_case(moments, monkeypatch):
    def lose(*_):
        raise Broken("lost")

    monkeypatch.setattr(World, "settle", lose)
    with pytest.raises(Broken) as caught:
        try_case(moments, 17)
    assert caught.value.__notes__ == ["hostile case 17"]
