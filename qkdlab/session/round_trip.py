"""How long a message and its answer take between the parties, waiting included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qkdlab.clock import Clock
    from qkdlab.session.conversation import Conversation

__all__ = ["TIMES", "answer_round_trips", "measure_round_trip_s"]

TIMES = 3
"""Round trips of which the shortest counts: the peer may be late for the first."""
_KIND = "round-trip"


def measure_round_trip_s(conversation: Conversation, clock: Clock) -> float:
    """Return the shortest of a few round trips; the peer answers meanwhile.

    On a virtual clock it is 0: nothing there takes time but the light.

    Raises PeerLost, SecurityAbort as `Conversation.receive`.
    """
    taken_ps: list[int] = []
    for _ in range(TIMES):
        begun_ps = clock.now_ps()
        conversation.send(_KIND)
        conversation.receive(_KIND)
        taken_ps.append(clock.now_ps() - begun_ps)
    return min(taken_ps) * 1e-12


def answer_round_trips(conversation: Conversation) -> None:
    """Answer what `measure_round_trip_s` of the peer asks.

    Raises PeerLost, SecurityAbort as `Conversation.receive`.
    """
    for _ in range(TIMES):
        conversation.receive(_KIND)
        conversation.send(_KIND)
