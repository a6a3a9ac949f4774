"""Bob: fixes his list first, corrects his string, follows Alice's final steps.

A class per phase; each holds what it needs and offers what is allowed in it. His list
can leave only from `Collecting`, after the block has ended and Alice has greeted; his
outcomes are in the journal before it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qkdlab.bits.array import BitArray
from qkdlab.distill.toeplitz import seed_bits
from qkdlab.distill.verify import KEY_BITS, verification_tag
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.agreement import (
    Corrected,
    Tested,
    amplify,
    check_hello,
    hello,
    key_id,
    open_block,
)
from qkdlab.link.claimed import Claim, Length
from qkdlab.link.codec import Message, protocol_violation
from qkdlab.link.collection import Collection, PrivateOutcomes
from qkdlab.link.context import BlockContext
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Effect, KeyPending, Progress
from qkdlab.link.events import BlockEnded, Detections, Event, Start
from qkdlab.link.figures import report_slots
from qkdlab.link.messages import (
    Amplification,
    BobTestBits,
    Done,
    Hello,
    ReconciliationEnd,
    ReconciliationStart,
    SettingsBatch,
    SettingsEnd,
    VerificationAnswer,
    VerificationTag,
)
from qkdlab.link.party import AwaitingDone, BlockParty, Deciding, State, Step
from qkdlab.link.plan import BlockPlan
from qkdlab.link.reconciliation import Reconciliation
from qkdlab.link.slots import batches
from qkdlab.protocols.bb84 import sift
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import N_INTENSITIES
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import Assumption

__all__ = ["Bob"]


class Bob(BlockParty):
    """Bob for one block.

    plan:          what both must agree on; UsageError when it can give no sound key
    randomness:    his own random bits
    session:       id of the session, 16 bytes; configuration: hash, 32 bytes
    assumptions:   what the length rests on, for the report
    claim:         record that was announced before the first pulse, if any

    Events: Detections (any number, before or after Start), Start, BlockEnded,
    MessageIn.
    """

    def __init__(
        self,
        plan: BlockPlan,
        *,
        randomness: Randomness,
        session: bytes,
        configuration: bytes,
        assumptions: tuple[Assumption, ...] = (),
        claim: Claim | None = None,
    ) -> None:
        way = Direction.BOB_TO_ALICE
        context = open_block(
            plan, way, session, configuration, randomness, assumptions, claim
        )
        super().__init__(context, Collecting(context, Collection(context)))


@dataclass(repr=False)
class Collecting(State):
    """Takes detections; ends when the block has ended and Alice has greeted.

    Nothing leaves but the hello. The list leaves in the transition out of this phase.
    """

    context: BlockContext
    collection: Collection
    started: bool = False
    greeted: bool = False
    ended: bool = False

    def observe(self, event: Event) -> Step:
        """Take Start, Detections and BlockEnded."""
        if isinstance(event, Start) and not self.started:
            self.started = True
            return self._next(self.context.say(hello(self.context)))
        if isinstance(event, Detections) and not self.ended:
            self.collection.add(event)
            return Step(self)
        if isinstance(event, BlockEnded) and not self.ended:
            self.ended = True
            return self._next()
        return super().observe(event)

    def receive(self, message: Message) -> Step:
        """Take Alice's hello."""
        if isinstance(message, Hello) and self.started and not self.greeted:
            check_hello(self.context, message)
            self.greeted = True
            return self._next()
        return super().receive(message)

    def _next(self, *effects: Effect) -> Step:
        if not (self.started and self.greeted and self.ended):
            return Step(self, effects)
        slots, end, private = self.collection.fix()
        report_slots(self.context, end.accepted, end.live_slots, end.double_clicks)
        said = [
            self.context.say(batch, end_of_phase=False) for batch in slots.messages()
        ]
        said.append(self.context.say(end))
        state = AwaitingSettings(self.context, slots.basis, slots.cross, private)
        return Step(state, (*effects, self.collection.commit(private), *said))


@dataclass(repr=False)
class AwaitingSettings(State):
    """The list is fixed; waits for Alice's settings of its slots."""

    context: BlockContext
    basis: BitArray
    cross: BitArray
    private: PrivateOutcomes
    received: list[Planes] = field(default_factory=list)

    def receive(self, message: Message) -> Step:
        """Take her settings; their end allows the test bits to leave."""
        if isinstance(message, SettingsBatch):
            self.received.append(planes_of(message))
            return Step(self)
        if not isinstance(message, SettingsEnd):
            return super().receive(message)
        sizes = [len(part) for part in self.received]
        if sizes != [part.stop - part.start for part in batches(len(self.basis))]:
            raise protocol_violation()
        if not (
            len(message.intensity_lowest)
            == len(message.intensity_highest)
            == N_INTENSITIES
        ):
            raise protocol_violation()
        return self._test(Planes.concatenate(self.received), message)

    def _test(self, settings: Planes, end: SettingsEnd) -> Step:
        sifted = sift(settings.basis, self.basis, self.cross)
        value, double = self.private.value, self.private.double
        key_bits = self.context.guard(value.sift(sifted.key))
        mine = BobTestBits(
            bits=value.sift(sifted.test),
            double_key=settings.count(double & sifted.key),
            double_test=settings.count(double & sifted.test),
        )
        intensities = tuple(
            zip(end.intensity_lowest, end.intensity_highest, strict=True)
        )
        tested = Tested.observe(
            self.context, settings, sifted, intensities, end.test_bits, mine
        )
        said = self.context.say(mine)
        return Step(Admitting(self.context, tested, key_bits), (said,))


def planes_of(message: SettingsBatch) -> Planes:
    """Return the settings of a batch; refuses what is none."""
    try:
        return Planes(message.basis, message.intensity_low, message.intensity_high)
    except ValueError:
        raise protocol_violation() from None


@dataclass(repr=False)
class Admitting(Deciding):
    """The test bits are out; both decide by the same counts whether to go on."""

    context: BlockContext
    tested: Tested
    key_bits: BitArray

    def decide(self) -> Step:
        """Go on to reconciliation, or raise SecurityAbort."""
        self.tested.admit()
        return Step(AwaitingStart(self.context, self.tested, self.key_bits))


@dataclass(repr=False)
class AwaitingStart(State):
    """Waits for seed and method of the reconciliation."""

    context: BlockContext
    tested: Tested
    key_bits: BitArray

    def receive(self, message: Message) -> Step:
        """Take seed and method and start."""
        if not isinstance(message, ReconciliationStart):
            return super().receive(message)
        half = self.tested.reconcile("bob", self.key_bits, message)
        return Reconciling(self.context, self.tested, half).go_on(half.start())


@dataclass(repr=False)
class Reconciling(State):
    """Talks with Alice until both know that their strings are final."""

    context: BlockContext
    tested: Tested
    half: Reconciliation

    def go_on(self, messages: Sequence[Message]) -> Step:
        """Say `messages`; end when there is no more to say or to hear."""
        said = [self.context.say(m, end_of_phase=False) for m in messages]
        if not self.half.finished:
            return Step(self, (*said, Progress("reconcile", self.half.rounds, 0)))
        bits, corrected = self.tested.reconciled(self.half)
        said.append(self.context.say(ReconciliationEnd(self.half.rounds)))
        state = AwaitingEnd(self.context, self.half, corrected, bits)
        return Step(state, tuple(said))

    def receive(self, message: Message) -> Step:
        """Take what Alice says to it."""
        return self.go_on(self.half.take(message))


@dataclass(repr=False)
class AwaitingEnd(State):
    """His string is final; waits for the closing tag of Alice's parities."""

    context: BlockContext
    half: Reconciliation
    corrected: Corrected
    bits: BitArray

    def receive(self, message: Message) -> Step:
        """Take her verified end."""
        if not isinstance(message, ReconciliationEnd):
            return super().receive(message)
        if message.rounds != self.half.rounds:
            raise protocol_violation()
        return Step(AwaitingTag(self.context, self.corrected, self.bits))


@dataclass(repr=False)
class AwaitingTag(State):
    """Both strings are final; waits for the tag of Alice's."""

    context: BlockContext
    corrected: Corrected
    bits: BitArray

    def receive(self, message: Message) -> Step:
        """Compare the tags and say whether they are equal."""
        if not isinstance(message, VerificationTag):
            return super().receive(message)
        tag_bits = self.context.plan.verification_bits
        if len(message.key) != KEY_BITS or len(message.tag) != tag_bits:
            raise protocol_violation()
        equal = verification_tag(self.bits, message.key, tag_bits) == message.tag
        said = self.context.say(VerificationAnswer(equal))
        state = Verified(self.context, self.corrected, self.bits, equal)
        return Step(state, (said,))


@dataclass(repr=False)
class Verified(Deciding):
    """The answer is out; both decide by the same figures whether there is a key."""

    context: BlockContext
    corrected: Corrected
    bits: BitArray
    equal: bool

    def decide(self) -> Step:
        """Fix the length, or raise SecurityAbort."""
        length = self.corrected.length(self.equal)
        return Step(AwaitingAmplification(self.context, self.bits, length))


@dataclass(repr=False)
class AwaitingAmplification(State):
    """Waits for the seed, and for the figures that Alice's length came from."""

    context: BlockContext
    bits: BitArray
    length: Length

    def receive(self, message: Message) -> Step:
        """Compare the figures, amplify, and say that the key is here."""
        if not isinstance(message, Amplification):
            return super().receive(message)
        ledger = self.context.ledger
        mine = {
            "length": self.length.secret_bits,
            "leak_alice_to_bob": ledger.leak(Direction.ALICE_TO_BOB),
            "leak_bob_to_alice": ledger.leak(Direction.BOB_TO_ALICE),
            "verification_bits": ledger.verification_bits,
        }
        theirs = {name: int(getattr(message, name)) for name in mine}
        if theirs != mine:
            raise SecurityAbort(
                AbortCode.LEDGER_MISMATCH,
                "the parties count the leakage differently",
                {**mine, **{f"peer_{name}": value for name, value in theirs.items()}},
            )
        if len(message.seed) != seed_bits(len(self.bits)) or (
            message.key_id != key_id(self.context)
        ):
            raise protocol_violation()
        key = amplify(self.context, self.bits, message.seed, self.length.secret_bits)
        said = self.context.say(Done(key.key_id))
        return Step(
            AwaitingDone(self.context, key, answers=False), (KeyPending(key), said)
        )
