"""Alice: prepares, and discloses her settings only after Bob's list is fixed.

A class per phase; each holds what it needs and offers what is allowed in it. The only
class that can disclose settings is `SlotsFixed`, and only `AwaitingSlots` makes one,
from a complete list whose tag has been verified (SECURITY rule 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qkdlab.bits.array import BitArray
from qkdlab.distill.toeplitz import seed_bits
from qkdlab.distill.verify import KEY_BITS, verification_tag
from qkdlab.errors import UsageError
from qkdlab.link.agreement import (
    Corrected,
    Tested,
    amplify,
    check_hello,
    hello,
    key_id,
    open_block,
)
from qkdlab.link.claimed import Claim
from qkdlab.link.codec import Message, protocol_violation
from qkdlab.link.context import BlockContext, overwrite
from qkdlab.link.direction import Direction
from qkdlab.link.effects import (
    Commit,
    KeyPending,
    Progress,
    Send,
)
from qkdlab.link.estimate import Intensities
from qkdlab.link.events import Event, SettingsSent, Start
from qkdlab.link.messages import (
    Amplification,
    BobTestBits,
    Hello,
    ReconciliationEnd,
    ReconciliationStart,
    SettingsBatch,
    SettingsEnd,
    SlotBatch,
    SlotListEnd,
    VerificationAnswer,
    VerificationTag,
)
from qkdlab.link.party import AwaitingDone, BlockParty, State, Step
from qkdlab.link.plan import BlockPlan
from qkdlab.link.reconciliation import SEED_BYTES, Reconciliation
from qkdlab.link.slots import SlotList
from qkdlab.protocols.bb84 import Sifted, sift
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import (
    VALUE,
    SymbolSource,
    is_header,
)
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import Assumption

__all__ = ["Alice"]


class Alice(BlockParty):
    """Alice for one block.

    plan:          what both must agree on; UsageError when it can give no sound key
    source:        her settings by pulse index, header symbols marked; wiped at the end
    randomness:    her own random bits
    session:       id of the session, 16 bytes; configuration: hash, 32 bytes
    assumptions:   what the length rests on, for the report
    claim:         record that was announced before the first pulse, if any
    round_trip_s:  to Bob, as measured; used where the plan leaves the method to her

    Events: Start, SettingsSent (after the last pulse left), MessageIn.
    """

    def __init__(
        self,
        plan: BlockPlan,
        *,
        source: SymbolSource,
        randomness: Randomness,
        session: bytes,
        configuration: bytes,
        assumptions: tuple[Assumption, ...] = (),
        claim: Claim | None = None,
        round_trip_s: float = 0.0,
    ) -> None:
        way = Direction.ALICE_TO_BOB
        context = open_block(
            plan,
            way,
            session,
            configuration,
            randomness,
            assumptions,
            claim,
            round_trip_s=round_trip_s,
        )
        context.at_end(source.wipe)
        super().__init__(context, Idle(context, source))


@dataclass(repr=False)
class Idle(State):
    """Nothing has been said yet."""

    context: BlockContext
    source: SymbolSource
    intensities: Intensities | None = None

    def observe(self, event: Event) -> Step:
        """Take Start: greet. SettingsSent may come before it."""
        if isinstance(event, SettingsSent) and self.intensities is None:
            self.intensities = event.intensities
            self.context.pulses = event.pulses
            return Step(self)
        if isinstance(event, Start):
            greeting = self.context.say(hello(self.context))
            state = Greeting(self.context, self.source, self.intensities)
            return Step(state, (greeting,))
        return super().observe(event)


@dataclass(repr=False)
class Greeting(State):
    """Waits for Bob's hello and for the last pulse, whichever comes first."""

    context: BlockContext
    source: SymbolSource
    intensities: Intensities | None
    greeted: bool = False

    def observe(self, event: Event) -> Step:
        """Take SettingsSent."""
        if isinstance(event, SettingsSent) and self.intensities is None:
            self.intensities = event.intensities
            self.context.pulses = event.pulses
            return self._next()
        return super().observe(event)

    def receive(self, message: Message) -> Step:
        """Take Bob's hello."""
        if isinstance(message, Hello) and not self.greeted:
            check_hello(self.context, message)
            self.greeted = True
            return self._next()
        return super().receive(message)

    def _next(self) -> Step:
        if self.intensities is None or not self.greeted:
            return Step(self)
        return Step(AwaitingSlots(self.context, self.source, self.intensities))


@dataclass(repr=False)
class AwaitingSlots(State):
    """All pulses have left; Bob's list is not complete. Nothing can be disclosed."""

    context: BlockContext
    source: SymbolSource
    intensities: Intensities
    received: list[SlotBatch] = field(default_factory=list)

    def receive(self, message: Message) -> Step:
        """Take Bob's list; its end fixes it."""
        if isinstance(message, SlotBatch):
            self.received.append(message)
            return Step(self)
        if isinstance(message, SlotListEnd):
            slots = SlotList.complete(self.context, self.received, message)
            self.received.clear()
            fixed = SlotsFixed(self.context, slots, self.source, self.intensities)
            return fixed.disclose()
        return super().receive(message)


@dataclass(frozen=True, repr=False)
class SlotsFixed:
    """Bob's list is complete, fixed and verified: settings may be disclosed."""

    context: BlockContext
    slots: SlotList
    source: SymbolSource
    intensities: Intensities

    def disclose(self) -> Step:
        """Disclose basis and intensity of the listed slots, and the bits of test slots.

        The journal learns first that this list was answered, so that no other list for
        the same pulses is ever answered.
        """
        parts, values = self._look_up()
        settings = Planes.concatenate(parts)
        sifted = sift(settings.basis, self.slots.basis, self.slots.cross)
        test_bits = values.sift(sifted.test)
        key_bits = self.context.guard(values.sift(sifted.key))
        values.wipe()
        said: list[Send] = []
        for part in parts:
            batch = SettingsBatch(part.basis, part.low, part.high)
            said.append(self.context.say(batch, end_of_phase=False))
        lowest, highest = zip(*self.intensities, strict=True)
        said.append(self.context.say(SettingsEnd(test_bits, lowest, highest)))
        state = AwaitingTest(
            self.context, settings, sifted, self.intensities, test_bits, key_bits
        )
        return Step(state, (self._commit(), *said))

    def _look_up(self) -> tuple[list[Planes], BitArray]:
        """Return the settings of each stretch, and the values of all; a bit for each.

        What held a byte for each is overwritten at once.
        """
        planes, values = [], []
        for stretch in self.slots.stretches:
            settings = self.source.settings(stretch.values())
            try:
                if is_header(settings).any():
                    raise UsageError(
                        "the pattern has header symbols outside its header"
                    )
                planes.append(Planes.of(settings))
                packed = BitArray.from_plane(settings, VALUE)
                values.append(self.context.guard(packed))
            finally:
                overwrite(settings)
        joined = self.context.guard(BitArray.concatenate(values))
        overwrite(*values)
        return planes, joined

    def _commit(self) -> Commit:
        block = self.context.plan.block.to_bytes(8, "little")
        return Commit("settings disclosed", block + self.slots.digest())


@dataclass(repr=False)
class AwaitingTest(State):
    """Settings are out; waits for Bob's bits of the test slots."""

    context: BlockContext
    settings: Planes
    sifted: Sifted
    intensities: Intensities
    test_bits: BitArray
    key_bits: BitArray

    def receive(self, message: Message) -> Step:
        """Take Bob's test bits; open reconciliation if the counts allow a key."""
        if not isinstance(message, BobTestBits):
            return super().receive(message)
        tested = Tested.observe(
            self.context,
            self.settings,
            self.sifted,
            self.intensities,
            self.test_bits,
            message,
        )
        tested.admit()
        seed = self.context.public_bits("permutation", 8 * SEED_BYTES).to_bytes()
        start = ReconciliationStart(seed, tested.method())
        half = tested.reconcile("alice", self.key_bits, start)
        opening = self.context.say(start)
        said = [self.context.say(m, end_of_phase=False) for m in half.start()]
        return Step(Reconciling(self.context, tested, half), (opening, *said))


@dataclass(repr=False)
class Reconciling(State):
    """Talks with Bob until both know that their strings are final."""

    context: BlockContext
    tested: Tested
    half: Reconciliation

    def receive(self, message: Message) -> Step:
        """Go on; after Bob's verified end, end too and open verification."""
        half = self.half
        if not isinstance(message, ReconciliationEnd):
            said = [self.context.say(m, end_of_phase=False) for m in half.take(message)]
            return Step(self, (*said, Progress("reconcile", half.rounds, 0)))
        if not half.finished or message.rounds != half.rounds:
            raise protocol_violation()
        bits, corrected = self.tested.reconciled(self.half)
        ended = self.context.say(ReconciliationEnd(self.half.rounds))
        key = self.context.public_bits("verification", KEY_BITS)
        tag = verification_tag(bits, key, self.context.plan.verification_bits)
        tagged = self.context.say(VerificationTag(key, tag))
        state = AwaitingVerdict(self.context, corrected, bits)
        return Step(state, (ended, tagged))


@dataclass(repr=False)
class AwaitingVerdict(State):
    """Both strings are final and hers is tagged; waits for Bob's comparison."""

    context: BlockContext
    corrected: Corrected
    bits: BitArray

    def receive(self, message: Message) -> Step:
        """Take Bob's answer; if the strings agree, fix the length and amplify."""
        if not isinstance(message, VerificationAnswer):
            return super().receive(message)
        length = self.corrected.length(message.equal).secret_bits
        seed = self.context.public_bits("amplification", seed_bits(len(self.bits)))
        ledger = self.context.ledger
        said = self.context.say(
            Amplification(
                seed=seed,
                length=length,
                leak_alice_to_bob=ledger.leak(Direction.ALICE_TO_BOB),
                leak_bob_to_alice=ledger.leak(Direction.BOB_TO_ALICE),
                verification_bits=ledger.verification_bits,
                key_id=key_id(self.context),
            )
        )
        key = amplify(self.context, self.bits, seed, length)
        return Step(
            AwaitingDone(self.context, key, answers=True), (KeyPending(key), said)
        )
