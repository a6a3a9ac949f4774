"""What a party asks its surroundings to do, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode

__all__ = [
    "Abort",
    "Commit",
    "Effect",
    "KeyBlock",
    "KeyPending",
    "KeyReady",
    "Progress",
    "Send",
]


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes; close and authenticate the phase when `end_of_phase`."""

    data: bytes
    end_of_phase: bool

    def __repr__(self) -> str:
        return f"Send({len(self.data)} bytes, end_of_phase={self.end_of_phase})"


@dataclass(frozen=True, slots=True)
class Commit:
    """Write to the journal and wait until it is safe, before the next effect.

    label:  what it is
    data:   what may be known of it: the number of the block first (u64)
    secret: the rest of the record, which a run of class secure writes nowhere
    """

    label: str
    data: bytes
    secret: bytes = b""

    def __repr__(self) -> str:
        n_bytes = len(self.data) + len(self.secret)
        return f"Commit({self.label!r}, {n_bytes} bytes)"


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """A key that both parties hold.

    key_id:   equal on both sides, computed from public values only
    block:    number of the block in its session
    bits:     the secret key
    key_class: secure, lab or demonstration (SECURITY rule 2)
    """

    key_id: str
    block: int
    bits: BitArray
    key_class: str

    @property
    def length(self) -> int:
        """Length of the key in bits."""
        return len(self.bits)

    def __repr__(self) -> str:
        return f"KeyBlock({self.key_id}, {self.length} bits, {self.key_class})"


@dataclass(frozen=True, slots=True)
class KeyPending:
    """The key is there; keep it as pending, on disk, before the next effect.

    Nobody knows yet whether the other party has it, too. It is confirmed by `KeyReady`,
    given up with an abort, and stays pending when the peer is lost (SECURITY rules 8
    and 12).
    """

    key: KeyBlock


@dataclass(frozen=True, slots=True)
class KeyReady:
    """The block ended with a key, and the peer's final tag is verified.

    Alice speaks last and hears no answer: that her own final tag arrives, no protocol
    can make sure for both. If it does not, hers is confirmed and Bob's stays pending.
    """

    key: KeyBlock


@dataclass(frozen=True, slots=True)
class Abort:
    """The block ended without key; tell the peer the code and nothing else."""

    code: AbortCode
    reason: str
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step has come, for people; public."""

    what: str
    done: float
    total: float


Effect = Send | Commit | KeyPending | KeyReady | Abort | Progress
