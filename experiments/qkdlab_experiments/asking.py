"""One party asks, the other sets: how a scan moves what stands on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qkdlab.session.experiment import PartyContext

__all__ = ["ask", "dismiss", "requests"]

_ASK, _READY = "set", "set-as-asked"
"""Messages: what is wanted, and that it is so."""


def ask(ctx: PartyContext[Any], **wanted: Any) -> None:
    """Have the other party set something; return when it is so."""
    ctx.conversation.send(_ASK, is_last=False, **wanted)
    ctx.conversation.receive(_READY)


def dismiss(ctx: PartyContext[Any]) -> None:
    """Tell the other party that nothing more will be asked."""
    ctx.conversation.send(_ASK, is_last=True)


def requests(ctx: PartyContext[Any]) -> Iterator[dict[str, Any]]:
    """Yield what the other party asks for until it dismisses this one.

    It is told that all is as asked when the next request is wanted.
    """
    while not (wanted := ctx.conversation.receive(_ASK)).pop("is_last"):
        yield wanted
        ctx.conversation.send(_READY)
