"""What must hold whatever an adversary does with the line; `Broken` says what did not.

The streams of a session are compared as bytes: a receiver is tainted from the first
frame on that is not the next one that its peer sent. That is every reordering,
repetition, cut, change and invention, of whatever message.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hostile_secrets import Secret, is_left, strings_of

from qkdlab.bits.array import BitArray
from qkdlab.link.direction import Direction
from qkdlab.link.effects import KeyBlock
from qkdlab.link.ledger import ledger_from_transcript
from qkdlab.link.party import Party

__all__ = ["Broken", "Watch"]

WAY = dict(zip(("alice", "bob"), Direction, strict=True))


class Broken(AssertionError):
    """The adversary has won."""


@dataclass
class Watch:
    """An observer of everything, over all sessions.

    tainted:  by direction, whether its receiver was given what was not sent
    withheld: whether something that was sent, or would have been, never arrives
    keys:     by party and id: what it holds; confirmed: the ids that it released
    """

    tainted: dict[Direction, bool] = field(default_factory=dict)
    withheld: bool = False
    keys: dict[str, dict[str, BitArray]] = field(
        default_factory=lambda: {name: {} for name in WAY}
    )
    confirmed: dict[str, list[str]] = field(
        default_factory=lambda: {name: [] for name in WAY}
    )
    _sent: dict[Direction, list[bytes]] = field(default_factory=dict)
    _n_delivered: dict[Direction, int] = field(default_factory=dict)
    _pads: set[tuple[str, int]] = field(default_factory=set)
    _counters: dict[tuple[str, Direction], int] = field(default_factory=dict)
    _secrets: dict[str, list[Secret]] = field(default_factory=dict)
    _said: dict[str, list[tuple[Direction, bytes]]] = field(default_factory=dict)

    def begin_session(self) -> None:
        """Forget the streams; pads and keys stay."""
        self.withheld = False
        for name in WAY:
            self.began(name)

    def began(self, name: str) -> None:
        """A process began: what it says and hears is new, its peer's is not."""
        way = WAY[name]
        self._sent[way] = []
        self.tainted[way.reverse] = False
        self._n_delivered[way.reverse] = 0
        self._secrets[name] = []
        self._said[name] = []

    # --- the line -----------------------------------------------------------------

    def sent(self, way: Direction, frame: bytes) -> None:
        """A party sent a frame."""
        self._sent[way].append(frame)

    def delivered(self, way: Direction, frame: bytes) -> None:
        """A party that listens is given a frame."""
        n, sent = self._n_delivered[way], self._sent[way]
        if n >= len(sent) or sent[n] != frame:
            self.tainted[way] = True
        self._n_delivered[way] += 1

    def _has_been_fooled(self, name: str) -> bool:
        return self.tainted[WAY[name].reverse]

    def met(self, name: str) -> None:
        """A party takes the greeting for the peer's."""
        if self._has_been_fooled(name):
            raise Broken(f"{name} met somebody who did not speak")

    # --- pads ---------------------------------------------------------------------

    def spent_pad(self, name: str, index: int) -> None:
        """A message left under a pad of the sender."""
        if (name, index) in self._pads:
            raise Broken(f"pad {index} of {name} covers two messages")
        self._pads.add((name, index))

    def counter(self, name: str, way: Direction, spent: int) -> None:
        """A party's count of spent pads."""
        if spent < self._counters.get((name, way), 0):
            raise Broken(f"{name} takes back pads of {way.value}")
        self._counters[name, way] = spent

    # --- keys ---------------------------------------------------------------------

    def held(self, name: str, key: KeyBlock) -> None:
        """A party keeps a key as pending."""
        if self._has_been_fooled(name):
            raise Broken(f"{name} holds a key after tampering")
        self.keys[name][key.key_id] = key.bits

    def released(self, name: str, key: KeyBlock, party: Party) -> None:
        """A party takes a key as confirmed."""
        other = "bob" if name == "alice" else "alice"
        theirs = self.keys[other].get(key.key_id)
        if theirs is None:
            raise Broken(f"{name} releases a key that {other} does not hold")
        if theirs != key.bits or self.keys[name].get(key.key_id) != key.bits:
            raise Broken("the parties hold different keys")
        if self._has_been_fooled(name):
            raise Broken(f"{name} releases a key after tampering")
        self.confirmed[name].append(key.key_id)
        self._check_ledger(name, party)

    def begin_block(self, name: str) -> None:
        """A party begins a block."""
        self._said[name] = []
        self._secrets[name] = []

    def said(self, name: str, way: Direction, data: bytes) -> None:
        """A party sent or was given a message."""
        self._said[name].append((way, data))

    def _check_ledger(self, name: str, party: Party) -> None:
        """What left on the line is what the length was charged for."""
        ledger = ledger_from_transcript(self._said[name])
        figures = party.figures()
        if ledger.leak_bits != figures["leaked_bits"]:
            raise Broken(
                f"{name} was charged {figures['leaked_bits']} bits, and "
                f"{ledger.leak_bits} were disclosed"
            )

    # --- wiping -------------------------------------------------------------------

    def before(self, name: str, party: Party) -> None:
        """A party is about to be told something."""
        known = self._secrets[name]
        seen = set(map(id, known))
        known.extend(s for s in strings_of(party) if id(s) not in seen)

    def after(self, name: str, party: Party) -> None:
        """A party was told something: ended, it holds no secret."""
        if party.finished and any(map(is_left, self._secrets[name])):
            raise Broken(f"{name} ended and left secrets in memory")
