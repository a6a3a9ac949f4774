"""What the adversary does with the line: each act changes the world once.

All dice are of one seed, so that a case is repeated by its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
from hostile_moments import Moment
from hostile_rules import Broken
from hostile_world import Station, World

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.codec import Message, decode, encode
from qkdlab.link.direction import Direction
from qkdlab.link.seal import abort_notice

__all__ = ["ACTS", "NoOccasion", "must_be_done", "play", "timeline"]

_HEAD_BYTES = 10
"""Version, kind and number of a sealed frame."""
_CLOSING_BYTES = 24
"""Pad number and tag, between head and message."""


def timeline(world: World, seed: int) -> list[Moment]:
    """Play one session honestly, and a second one; return the second at each moment.

    So the adversary has heard a whole session before he does anything.
    """
    dice = random.Random(seed)
    world.begin()
    world.run(dice)
    world.settle()
    world.begin()
    moments = [world.moment()]
    while moves := world.moves():
        world.move(dice.choice(moves))
        moments.append(world.moment())
    world.settle()
    must_be_done(world)
    return moments[:-1]


def play(world: World, dice: random.Random, *, more: bool = False) -> list[str]:
    """Let the adversary act once, and maybe again, to the end; return what he did.

    more: another session follows, with acts of its own

    Raises Broken when he wins.
    """
    told = [_interfere(world, dice)]
    while dice.random() < 0.4:
        for _ in range(dice.randrange(12)):
            if moves := world.moves():
                world.move(dice.choice(moves))
        told.append(_interfere(world, dice))
    world.run(dice)
    was_clear = world.is_untouched()
    world.settle()
    if was_clear:
        must_be_done(world)
    if more:
        world.begin()
        for _ in range(dice.randrange(40)):
            if moves := world.moves():
                world.move(dice.choice(moves))
        if dice.random() < 0.7:
            told += ["new session", *play(world, dice)]
        else:
            world.run(dice)
            world.settle()
            must_be_done(world)
    return told


def must_be_done(world: World) -> None:
    """Whom nobody disturbs ends with its keys."""
    for station in world.stations.values():
        if station.over != "done":
            raise Broken(f"{station.name} does not end with its keys: {station.over}")


def _interfere(world: World, dice: random.Random) -> str:
    """Do one of the acts that there is an occasion for."""
    while True:
        name, act = dice.choice(ACTS)
        try:
            act(world, dice)
        except NoOccasion:
            continue
        return name


class NoOccasion(Exception):
    """Nothing is on the line that the act could be done to."""


def _way(world: World, dice: random.Random, least: int = 1) -> Direction:
    ways = [way for way in Direction if len(world.flying[way]) >= least]
    if not ways:
        raise NoOccasion
    return dice.choice(ways)


def withhold(world: World, dice: random.Random) -> None:
    """Drop some frames of a direction, for good."""
    way = _way(world, dice)
    world.watch.withheld = True
    for _ in range(dice.randint(1, len(world.flying[way]))):
        world.flying[way].popleft()


def reorder(world: World, dice: random.Random) -> None:
    """Let the frames of a direction overtake each other."""
    way = _way(world, dice, least=2)
    frames = list(world.flying[way])
    dice.shuffle(frames)
    world.flying[way].clear()
    world.flying[way].extend(frames)


def duplicate(world: World, dice: random.Random) -> None:
    """Deliver a frame, and again, now or later."""
    way = _way(world, dice)
    frame = world.flying[way].popleft()
    world.deliver(way, frame)
    if dice.random() < 0.5:
        world.deliver(way, frame)
    else:
        world.flying[way].append(frame)


def _change(
    change: Callable[[bytes, random.Random], bytes],
) -> Callable[[World, random.Random], None]:
    def act(world: World, dice: random.Random) -> None:
        way = _way(world, dice)
        world.watch.withheld = True
        world.deliver(way, change(world.flying[way].popleft(), dice))

    act.__doc__ = change.__doc__
    return act


@_change
def truncate(frame: bytes, dice: random.Random) -> bytes:
    """Cut a frame."""
    return frame[: dice.randrange(len(frame))]


@_change
def extend(frame: bytes, dice: random.Random) -> bytes:
    """Append to a frame."""
    return frame + dice.randbytes(dice.randint(1, 40))


@_change
def flip(frame: bytes, dice: random.Random) -> bytes:
    """Change bits of a frame, often in its head."""
    changed = bytearray(frame)
    for _ in range(dice.choice((1, 1, 2, 9))):
        end = len(changed) if dice.random() < 0.6 else min(len(changed), 34)
        changed[dice.randrange(end)] ^= 1 << dice.randrange(8)
    return bytes(changed)


@_change
def rewrite(frame: bytes, dice: random.Random) -> bytes:
    """Change a field of the message inside, so that it is a message still."""
    start = _HEAD_BYTES + (_CLOSING_BYTES if frame[1:2] == b"\x01" else 0)
    try:
        message = decode(frame[start:])
    except SecurityAbort:
        return frame[::-1]
    return frame[:start] + encode(_rewritten(message, dice)).data


def _rewritten(message: Message, dice: random.Random) -> Message:
    entry = dice.choice(fields(message))
    value = getattr(message, entry.name)
    if isinstance(value, BitArray):
        bits = value.to_bools().astype(bool)
        if bits.size and dice.random() < 0.7:
            bits[dice.randrange(bits.size)] ^= True
        else:
            bits = bits[: bits.size // 2]
        value = BitArray.from_bools(bits)
    elif isinstance(value, np.ndarray):
        value = value[: value.size // 2]
    elif isinstance(value, bool):
        value = not value
    elif isinstance(value, int):
        value ^= 1 << dice.randrange(8)
    elif isinstance(value, (bytes, tuple)):
        value = value[::-1]
    elif isinstance(value, str):
        value += "."
    return replace(message, **{entry.name: value})


def replay(world: World, dice: random.Random) -> None:
    """Say again what was said before, in whatever session and direction."""
    _, frame = dice.choice(world.heard)
    world.deliver(dice.choice(list(Direction)), frame)


def splice(world: World, dice: random.Random) -> None:
    """Put the next frame's head on a message that was said before."""
    way = _way(world, dice)
    world.watch.withheld = True
    head = world.flying[way].popleft()
    _, body = dice.choice(world.heard)
    cut = dice.choice((2, _HEAD_BYTES, _HEAD_BYTES + _CLOSING_BYTES))
    world.deliver(way, head[:cut] + body[cut:])


def forge(world: World, dice: random.Random) -> None:
    """Invent a frame."""
    kind = dice.choice((b"\x01\x00", b"\x01\x01", b"\x01\x02", b"qkdlab-hello\n"))
    world.deliver(
        dice.choice(list(Direction)), kind + dice.randbytes(dice.randrange(80))
    )


def notice(world: World, dice: random.Random) -> None:
    """Say in a party's name that it stops; what it says itself comes after."""
    world.watch.withheld = True
    code = dice.choice(list(AbortCode))
    world.deliver(dice.choice(list(Direction)), abort_notice(code))


def stall(world: World, dice: random.Random) -> None:
    """Hold everything up until a party's time is out."""
    world.watch.withheld = True
    world.act(Station.time_out, dice.choice(("alice", "bob")))


def die(world: World, dice: random.Random) -> None:
    """A process is killed."""
    world.watch.withheld = True
    world.act(Station.die, dice.choice(("alice", "bob")))


def die_and_restart(world: World, dice: random.Random) -> None:
    """A process is killed and begins anew, while the other has not noticed."""
    world.watch.withheld = True
    name = dice.choice(("alice", "bob"))
    world.act(Station.die, name)
    world.restart(name)


ACTS: list[tuple[str, Callable[[World, random.Random], None]]] = [
    ("withhold", withhold),
    ("reorder", reorder),
    ("duplicate", duplicate),
    ("truncate", truncate),
    ("extend", extend),
    ("flip", flip),
    ("rewrite", rewrite),
    ("replay", replay),
    ("splice", splice),
    ("forge", forge),
    ("notice", notice),
    ("stall", stall),
    ("die", die),
    ("die and restart", die_and_restart),
]
