"""Which method reconciles a block: the plan's, or one chosen by how long the line is.

A plan may leave the method to Alice (`AUTO`). She chooses for each block by the round
trip that her side has measured and the number of sifted bits; nothing that follows from
key bits. Her choice is public and authenticated, and weighs time alone.

Whoever delays messages can change it. What the messages leak is charged all the same;
but he can have LDPC chosen, and how long Bob decodes follows his errors, which no count
has (docs/distillation.md). Where that matters a plan names Cascade.
"""

from __future__ import annotations

from qkdlab.distill.cascade.schedule import LONGEST_FRAME_BITS
from qkdlab.link.cascade import BATCH_FRAMES, IN_FLIGHT
from qkdlab.link.codec import protocol_violation
from qkdlab.link.phase import MAX_PHASE_MESSAGES
from qkdlab.link.reconciliation import METHODS

__all__ = ["AUTO", "PLANNED", "check_method", "choose_method", "most_bits"]

AUTO = "auto"
"""In a plan: Alice chooses."""
PLANNED = frozenset({*METHODS, AUTO})
"""What a plan may say."""

SHORT_S = 1e-3
"""All rounds of Cascade take less than half a second up to here: nothing to win."""
CASCADE_ROUNDS = 400
"""Rounds of a batch of `cascade` at 0.5 to 10 %: 270 to 450 [run]."""
BITS_IN_FLIGHT = IN_FLIGHT["near"] * BATCH_FRAMES * LONGEST_FRAME_BITS
"""Bits of the batches of `cascade` that wait for the line together."""
MOST_ROUNDS = 1024
"""Of a batch of any frames, each of them a message; 30 to 450 are seen [run]."""
LDPC_MORE_S_PER_BIT = 20e-9
"""CPU time of Bob's that LDPC takes more at an error rate of 2 % [run].

Some 30 ns more at 1 %, 10 at 3 %, none from 5 % on.
"""
LDPC_BITS = 60_000
"""Shorter blocks waste most of a code."""


def most_bits(planned: str, frame_bits: int) -> int | None:
    """Return the longest string whose messages one authenticated phase surely holds.

    None where messages do not grow with the string.
    """
    if planned == "ldpc":
        return None
    return MAX_PHASE_MESSAGES // MOST_ROUNDS * BATCH_FRAMES * frame_bits


def choose_method(planned: str, *, round_trip_s: float, n_bits: int) -> str:
    """Return the method for a block.

    planned:      one of PLANNED; what is no choice is returned
    round_trip_s: between the parties; 0 where there is no line
    n_bits:       sifted bits of the block

    On a long line Cascade waits for about ``CASCADE_ROUNDS`` round trips each time that
    so many batches as it keeps on the way are through. It stays the choice while that
    is less than the CPU time that LDPC would cost more. Otherwise LDPC, or Cascade in
    few rounds for blocks too short for a code.
    """
    if planned != AUTO:
        return planned
    if round_trip_s <= SHORT_S:
        return "cascade"
    if n_bits < LDPC_BITS:
        return "cascade-far"
    waits = -(-n_bits // BITS_IN_FLIGHT)
    waiting_s = waits * CASCADE_ROUNDS * round_trip_s
    return "ldpc" if waiting_s > n_bits * LDPC_MORE_S_PER_BIT else "cascade"


def check_method(planned: str, method: str) -> None:
    """Raise SecurityAbort(PROTOCOL_VIOLATION) for a method that no plan allows."""
    if method not in METHODS or planned not in (AUTO, method):
        raise protocol_violation()
