"""What the delay of a line costs two parties that have a core each, on virtual time.

Wall time of two processes tells the delay only on a machine that does nothing else.
Here both parties of Cascade are played in one process; the CPU time of every message is
taken, and the conversation is then played again on the clocks of two free cores with
any delay between them. What is said does not depend on when it arrives.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.distill.cascade import Pace

__all__ = ["Conversation", "converse"]


@dataclass(frozen=True)
class Conversation:
    """CPU times in seconds.

    opening_s: Bob's, before his first message
    opened:    batches that his first messages are of
    in_flight: batches on the way at most; he opens one with each answer
    rounds_s:  of each batch, of each round: Alice's time, then Bob's
    """

    opening_s: float
    opened: int
    in_flight: int
    rounds_s: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    def lasts_s(self, delay_s: float) -> float:
        """Return the time until Bob's string is final; delay each way."""
        alice_s = bob_s = self.opening_s
        due = [(bob_s + delay_s, batch, 0) for batch in range(self.opened)]
        following = self.opened
        while due:
            arrival_s, batch, number = heapq.heappop(due)
            rounds = self.rounds_s[batch]
            at_alice_s, at_bob_s = rounds[number]
            alice_s = max(alice_s, arrival_s) + at_alice_s
            bob_s = max(bob_s, alice_s + delay_s) + at_bob_s
            if number + 1 < len(rounds):
                heapq.heappush(due, (bob_s + delay_s, batch, number + 1))
            if len(due) < self.in_flight and following < len(self.rounds_s):
                heapq.heappush(due, (bob_s + delay_s, following, 0))
                following += 1
        return bob_s


def converse(
    alice_bits: BitArray,
    bob_bits: BitArray,
    *,
    frame_bits: int,
    qber: float,
    pace: Pace,
) -> Conversation:
    """Play both parties' Cascade, messages encoded and decoded; time each message."""
    from qkdlab.link.cascade import IN_FLIGHT, CascadeReconciliation
    from qkdlab.link.codec import Message, decode, encode
    from qkdlab.link.messages import Parities

    def party(role: Literal["alice", "bob"], bits: BitArray) -> CascadeReconciliation:
        return CascadeReconciliation(
            role, bits, frame_bits=frame_bits, qber=qber, seed=bytes(32), pace=pace
        )

    def timed(party: CascadeReconciliation, data: bytes) -> tuple[list[bytes], float]:
        begin_s = time.thread_time()
        said = [encode(message).data for message in party.take(decode(data))]
        return said, time.thread_time() - begin_s

    alice = party("alice", alice_bits)
    begin_s = time.thread_time()
    bob = party("bob", bob_bits)
    way = deque(encode(message).data for message in bob.start())
    found = Conversation(time.thread_time() - begin_s, len(way), IN_FLIGHT[pace])
    while way:
        message: Message = decode(way[0])
        if not isinstance(message, Parities):
            raise TypeError("Cascade says parities only")
        (answer,), alice_s = timed(alice, way.popleft())
        said, bob_s = timed(bob, answer)
        found.rounds_s.setdefault(message.batch, []).append((alice_s, bob_s))
        way.extend(said)
    if alice.final()[0] != bob.final()[0]:
        raise RuntimeError("the strings differ")
    return found
