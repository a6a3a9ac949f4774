"""The leak ledger: how many secret-derived bits each message disclosed.

Both parties write the same ledger, each from the messages that it sent and received,
and anybody can write it again from the recorded messages alone. Every secret-derived
bit of both directions counts as leakage (SECURITY rule 6); the verification tag is kept
apart because it appears once, by itself, in the key length (rule 7).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qkdlab.link.codec import Message, charge, decode
from qkdlab.link.direction import Direction

__all__ = ["LeakEntry", "LeakLedger", "ledger_from_transcript"]


@dataclass(frozen=True, slots=True)
class LeakEntry:
    """One message that disclosed secret-derived bits.

    phase, kind: of the message; direction: who sent it
    bits:        charged as leakage
    verification_bits: bits of the verification tag
    """

    phase: str
    direction: Direction
    kind: str
    bits: int
    verification_bits: int


@dataclass
class LeakLedger:
    """The entries of one block, in the order of the messages.

    phases: of all messages, each with who began it, in the order in which they came;
            greetings cross, and each party has its own first
    """

    entries: list[LeakEntry] = field(default_factory=list)
    phases: list[tuple[str, Direction]] = field(default_factory=list, compare=False)

    def record(self, direction: Direction, message: Message) -> None:
        """Enter a message; one without secret-derived bits leaves no entry."""
        if not self.phases or self.phases[-1][0] != message.PHASE:
            self.phases.append((message.PHASE, direction))
        cost = charge(message)
        if cost.leak or cost.verification:
            self.entries.append(
                LeakEntry(
                    message.PHASE,
                    direction,
                    type(message).__name__,
                    cost.leak,
                    cost.verification,
                )
            )

    def leak(self, direction: Direction) -> int:
        """Return the leakage of one direction in bits, without verification."""
        return sum(e.bits for e in self.entries if e.direction is direction)

    @property
    def leak_bits(self) -> int:
        """Leakage of both directions in bits, without verification."""
        return sum(e.bits for e in self.entries)

    @property
    def verification_bits(self) -> int:
        """Bits of the verification tag."""
        return sum(e.verification_bits for e in self.entries)


def ledger_from_transcript(messages: Iterable[tuple[Direction, bytes]]) -> LeakLedger:
    """Return the ledger that the recorded messages of one block amount to.

    Raises SecurityAbort(PROTOCOL_VIOLATION) for a record that is no message.
    """
    ledger = LeakLedger()
    for direction, data in messages:
        ledger.record(direction, decode(data))
    return ledger
