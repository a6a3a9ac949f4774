"""Where two records first differ, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qkdlab.link.codec import kind_of

__all__ = ["first_difference", "first_message_difference"]

_RELATIVE = 1e-9
"""Another processor's mathematics may round otherwise; counts are compared exactly."""


def first_difference(recorded: Any, found: Any, at: str = "") -> str | None:
    """Return where two JSON-able values differ, or None.

    Numbers that are not whole may differ in the last digits. Entries of `found` alone
    are no difference.
    """
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        for name, value in recorded.items():
            below = first_difference(value, found.get(name), f"{at}.{name}".lstrip("."))
            if below is not None:
                return below
        return None
    if isinstance(recorded, list) and isinstance(found, list):
        pairs = zip(recorded, found, strict=False)
        for n, (mine, theirs) in enumerate(pairs):
            below = first_difference(mine, theirs, f"{at}[{n}]")
            if below is not None:
                return below
        same = len(recorded) == len(found)
        return None if same else f"{at} has {len(recorded)}, not {len(found)} entries"
    if isinstance(recorded, float) and isinstance(found, float):
        same = math.isclose(recorded, found, rel_tol=_RELATIVE)
    else:
        same = recorded == found
    return None if same else f"{at} was {recorded!r}, is {found!r}"


def first_message_difference(
    recorded: Sequence[tuple[str, bytes]], found: Sequence[tuple[str, bytes]]
) -> str | None:
    """Return the first message that differs, direction by direction, or None.

    recorded, found: direction and message; their order counts within a direction
    """
    for way in dict.fromkeys(way for way, _ in [*recorded, *found]):
        mine = [data for w, data in recorded if w == way]
        theirs = [data for w, data in found if w == way]
        for n, (one, other) in enumerate(zip(mine, theirs, strict=False)):
            if one != other:
                kind = kind_of(one)
                name = kind.__name__ if kind is not None else "unknown"
                return f"message {n} {way} ({name}) differs"
        if len(mine) != len(theirs):
            return f"{len(mine)} messages {way}, the replay has {len(theirs)}"
    return None
