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
from hostile_acts import ACTS
from hostile_methods import METHODS
from hostile_rules import Broken
from hostile_world import World, lengths_evaluated_once

from qkdlab.distill.ldpc.half import BLIND_ROUNDS
from qkdlab.link.codec import decode
from qkdlab.link.messages import Parities, ReconciliationStart


@pytest.fixture(scope="module")
def moments():
    """Every moment of a session of each method, after another one was heard."""
    with lengths_evaluated_once():
        found = {name: method.timeline() for name, method in METHODS.items()}
        gc.freeze()  # they stay as they are, and there are many
        yield found
        gc.unfreeze()


def try_case(moments, case: int) -> tuple[str, list[str]]:
    """Play a case; return its method, and what the adversary did."""
    dice = random.Random(case)
    shares = [method.share for method in METHODS.values()]
    (name,) = dice.choices(list(METHODS), shares)
    try:
        world = dice.choice(moments[name]).copy()
        return name, METHODS[name].play(world, dice, more=dice.random() < 0.02)
    except BaseException as error:
        error.add_note(f"hostile case {case}")
        raise


def finished(moments, name: str, moment: int) -> World:
    """Go on from a moment, undisturbed, to the end."""
    world = moments[name][moment].copy()
    with METHODS[name].codes():
        world.run(random.Random(3))
        world.settle()
    return world


@pytest.mark.parametrize("name", METHODS)
def test_every_moment_goes_on_to_all_keys(moments, name):
    n_keys = 2 * METHODS[name].n_blocks
    for moment in range(0, len(moments[name]), 4):
        world = finished(moments, name, moment)
        keys = world.watch.confirmed
        assert keys["alice"] == keys["bob"]
        assert len(keys["alice"]) == n_keys
        assert [station.over for station in world.stations.values()] == ["done"] * 2


def said(world: World, kind: type) -> list:
    """Return what was said of a kind in the last block."""
    messages = (decode(data) for _, data in world.watch._said["alice"])
    return [message for message in messages if isinstance(message, kind)]


def test_the_method_is_another_where_the_line_is_long(moments):
    world = finished(moments, "cascade, far in the second block", 0)
    assert [start.method for start in said(world, ReconciliationStart)] == [
        "cascade-far"
    ]


def test_a_frame_of_several_goes_in_clear_after_all_values_are_told(moments):
    world = finished(moments, "ldpc with a frame in clear", 0)
    _, flags, *rounds, clear = said(world, Parities)
    assert len(flags.bits) > flags.bits.count() == 1
    assert [one.bits.count() for one in rounds[1::2]] == [1] * BLIND_ROUNDS
    assert len(clear.bits) > 1000


def test_two_thousand_hostile_cases(moments):
    done: dict[str, set[str]] = {name: set() for name in METHODS}
    for case in range(2000):
        name, acts = try_case(moments, case)
        done[name].update(acts)
    assert all(acts >= {name for name, _ in ACTS} for acts in done.values())


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
