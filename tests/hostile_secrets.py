"""Every string that a party's phases ever held, found without its help.

What a party lists for overwriting is its own idea of what is secret. Here its phases
are searched instead: whatever stands in one and is not known to be public has to be
zeros when the block has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from hostile_moments import TABLES

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import CascadeHalf
from qkdlab.distill.cascade.frames import Workspace
from qkdlab.link.codec import Message
from qkdlab.link.context import BlockContext
from qkdlab.link.effects import KeyBlock
from qkdlab.link.party import Party
from qkdlab.link.slots import SlotList, Stretches
from qkdlab.protocols.bb84 import Sifted
from qkdlab.protocols.planes import Planes

__all__ = ["Secret", "is_left", "strings_of"]

Secret = BitArray | np.ndarray

SAID = (Message, SlotList, Stretches, Sifted, Planes)
"""On the line, or follows from what is."""
APART = (BlockContext, CascadeHalf, Workspace, KeyBlock)
"""Not a phase's own: asked for by itself, or used again with marks of its own that are
no secret, or owned by the store of keys."""
PUBLIC = {
    "_Packed.basis",
    "_Packed.cross",
    "AwaitingSettings.basis",
    "AwaitingSettings.cross",
    "AwaitingTest.test_bits",
    "CascadeFrames._errors",
    "LdpcHalf._failed",
    "LdpcHalf._open",
    "LdpcHalf._parities",
    "LdpcReconciliation._everywhere",
}
"""Fields that are said on the line, or seen on it."""


def strings_of(party: Party) -> Iterator[Secret]:
    """Yield what may be secret: of the party's list, and of its present phase."""
    for wiper in party._context._wipers:
        yield from getattr(wiper, "args", ())[:1]
    yield from _within(party._state, set())


def is_left(secret: Secret) -> bool:
    """Tell whether anything but zeros is left."""
    return bool(np.any(secret.words if isinstance(secret, BitArray) else secret))


def _within(thing: object, seen: set[int]) -> Iterator[Secret]:
    if isinstance(thing, (BitArray, np.ndarray)):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for each in thing:
            yield from _within(each, seen)
    elif isinstance(thing, dict):
        yield from _within(list(thing.values()), seen)
    elif _is_searched(type(thing)) and id(thing) not in seen:
        seen.add(id(thing))
        kind = type(thing).__name__
        for name in (*getattr(thing, "__dict__", ()), *getattr(thing, "__slots__", ())):
            if f"{kind}.{name}" not in PUBLIC:
                yield from _within(getattr(thing, name), seen)


@cache
def _is_searched(kind: type) -> bool:
    is_ours = kind.__module__.startswith("qkdlab.")
    return is_ours and not issubclass(kind, (*SAID, *TABLES, *APART))
