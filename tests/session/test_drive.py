"""Effects are executed in order; events, messages and aborts reach the right side."""

from collections import deque

import pytest

from qkdlab.bits.array import BitArray
from qkdlab.clock import VirtualClock
from qkdlab.errors import AbortCode, PeerLost, ResourceError, SecurityAbort
from qkdlab.link import events as events_of_parties
from qkdlab.link.effects import (
    Abort,
    Commit,
    KeyBlock,
    KeyPending,
    KeyReady,
    Progress,
    Send,
)
from qkdlab.link.events import Alarm, BlockEnded, MessageIn, Start
from qkdlab.link.seal import Received
from qkdlab.session.conversation import Conversation, public_number
from qkdlab.session.drive import Driver

KEY = KeyBlock("id", 0, BitArray.zeros(8), "lab")


class FakeChannel:
    """Notes what is sent; hands out `inbox`."""

    def __init__(self, diary: list) -> None:
        self.diary = diary
        self.inbox: deque[Received] = deque()
        self.peer_is_gone = False

    def send(self, data: bytes, end_of_phase: bool) -> None:
        self.diary.append(("send", data, end_of_phase))

    def receive(self, timeout_s: float | None = None) -> Received | None:
        return self.inbox.popleft() if self.inbox else None

    def abort(self, code: AbortCode) -> None:
        if self.peer_is_gone:
            raise PeerLost("gone")
        self.diary.append(("abort", code))


class ScriptedParty:
    """Answers the n-th event with the n-th list of effects, then is finished."""

    def __init__(self, *script: list) -> None:
        self.script = deque(script)
        self.events: list = []

    @property
    def finished(self) -> bool:
        return not self.script

    def handle(self, event):
        self.events.append(event)
        return self.script.popleft()

    def figures(self):
        return {"events": len(self.events)}


@pytest.fixture
def diary() -> list:
    return []


@pytest.fixture
def channel(diary) -> FakeChannel:
    return FakeChannel(diary)


class FakeKeys:
    def __init__(self, diary: list) -> None:
        self.diary = diary
        self.given_up = 0

    def hold(self, key: KeyBlock) -> None:
        self.diary.append(("hold", key.key_id))

    def confirm(self, key: KeyBlock) -> None:
        self.diary.append(("confirm", key.key_id))

    def give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def driver(diary, channel) -> Driver:
    return Driver(
        channel,
        commit=lambda effect: diary.append(("commit", effect.label)),
        keys=FakeKeys(diary),
        progress=lambda what, done, total: diary.append(("progress", what)),
        patience_s=5.0,
    )


def test_effects_are_executed_in_their_order(driver, diary):
    effects = [
        Commit("slots", b"c"),
        Send(b"m", True),
        Progress("sifting", 1, 2),
        KeyPending(KEY),
        KeyReady(KEY),
    ]
    driver.run(ScriptedParty(effects))
    assert diary == [
        ("commit", "slots"),
        ("send", b"m", True),
        ("progress", "sifting"),
        ("hold", "id"),
        ("confirm", "id"),
    ]


def test_nothing_is_sent_when_the_commit_before_it_fails(driver, diary):
    def commit(effect):
        raise OSError("disk full")

    driver.commit = commit
    with pytest.raises(OSError, match="disk full"):
        driver.run(ScriptedParty([Commit("slots", b"c"), Send(b"m", True)]))
    assert diary == []


def test_the_party_is_started_then_given_the_events(driver):
    party = ScriptedParty([], [])
    driver.run(party, [BlockEnded()])
    assert party.events == [Start(), BlockEnded()]


def test_messages_that_have_arrived_come_between_the_events(driver, channel):
    party = ScriptedParty([], [], [], [])
    channel.inbox.append(Received(b"hello", True))
    driver.run(party, [BlockEnded(), BlockEnded()])
    assert party.events[2] == MessageIn(b"hello", True)
    assert party.events[3] == BlockEnded()


def test_after_the_events_messages_are_awaited_until_the_party_is_finished(
    driver, channel
):
    party = ScriptedParty([], [], [])
    channel.inbox += [Received(b"a", False), Received(b"b", True)]
    driver.run(party)
    assert party.events[1:] == [MessageIn(b"a", False), MessageIn(b"b", True)]


def test_a_silent_peer_is_lost(driver):
    with pytest.raises(PeerLost, match="5 s"):
        driver.run(ScriptedParty([], []))


def test_an_abort_tells_the_peer_the_code_and_ends_the_block(driver, diary):
    effects = [Abort(AbortCode.QBER_ABOVE_LIMIT, "errors", {"qber": 0.2})]
    with pytest.raises(SecurityAbort) as caught:
        driver.run(ScriptedParty(effects))
    assert caught.value.numbers == {"qber": 0.2}
    assert diary == [("abort", AbortCode.QBER_ABOVE_LIMIT)]


def test_the_peers_own_abort_is_not_sent_back(driver, diary):
    with pytest.raises(SecurityAbort):
        driver.run(ScriptedParty([Abort(AbortCode.PEER_ABORTED, "stopped")]))
    assert diary == []


def test_an_abort_stands_although_the_peer_cannot_be_told(driver, channel):
    channel.peer_is_gone = True
    with pytest.raises(SecurityAbort) as caught:
        driver.run(ScriptedParty([Abort(AbortCode.SYNC_LOST, "slip")]))
    assert caught.value.__notes__ == ["the other party could not be told"]


def test_an_abort_while_events_are_made_reaches_the_party_as_an_alarm(driver, diary):
    def events():
        raise SecurityAbort(AbortCode.DETECTOR_ALARM, "latched", {"detector": 1})
        yield

    abort = Abort(AbortCode.DETECTOR_ALARM, "latched", {"detector": 1})
    party = ScriptedParty([], [abort])
    with pytest.raises(SecurityAbort, match="latched"):
        driver.run(party, events())
    assert party.events[1] == Alarm(
        AbortCode.DETECTOR_ALARM, "latched", (("detector", 1),)
    )
    assert diary == [("abort", AbortCode.DETECTOR_ALARM)]


LOST = events_of_parties.PeerLost
AUTHENTICATION = SecurityAbort(AbortCode.AUTHENTICATION_FAILED, "forged")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AUTHENTICATION, LOST(AbortCode.AUTHENTICATION_FAILED)),
        (SecurityAbort(AbortCode.PEER_ABORTED, "stopped"), LOST()),
        (PeerLost("the line is cut"), LOST()),
        (KeyboardInterrupt(), LOST()),
    ],
    ids=["not authentic", "peer stopped", "line cut", "interrupted"],
)
def test_what_the_line_raises_reaches_the_party(driver, channel, diary, error, told):
    def receive(timeout_s=None):
        raise error

    channel.receive = receive
    party = ScriptedParty([], [Abort(told.code, "lost")])
    with pytest.raises(type(error)) as caught:
        driver.run(party)
    assert caught.value is error
    assert party.events == [Start(), told]
    assert diary == []
    # a key that waits for the peer's word stays pending when the peer is lost
    assert driver.keys.given_up == isinstance(error, SecurityAbort)


def test_a_silent_peer_is_lost_to_the_party_too(driver):
    party = ScriptedParty([], [])
    with pytest.raises(PeerLost):
        driver.run(party)
    assert party.events[-1] == LOST()


def test_a_disk_that_fails_reaches_the_party(driver):
    def commit(effect):
        raise OSError("disk full")

    driver.commit = commit
    party = ScriptedParty([Commit("slots", b"c")], [])
    with pytest.raises(OSError, match="disk full"):
        driver.run(party)
    assert party.events[-1] == LOST()


def test_an_instrument_that_fails_while_events_are_made_reaches_the_party(driver):
    def events():
        raise TimeoutError("no answer")
        yield

    party = ScriptedParty([], [])
    with pytest.raises(TimeoutError):
        driver.run(party, events())
    assert party.events[-1] == LOST()


def test_a_party_that_fails_while_it_ends_does_not_hide_the_first_error(driver):
    def handle(event):
        raise ValueError("second") if event == LOST() else OSError("first")

    party = ScriptedParty([])
    party.handle = handle
    with pytest.raises(OSError, match="first"):
        driver.run(party)


def test_a_party_that_is_finished_hears_nothing_more(driver):
    def confirm(key):
        raise OSError("disk full")

    driver.keys.confirm = confirm
    party = ScriptedParty([KeyReady(KEY)])
    with pytest.raises(OSError, match="disk full"):
        driver.run(party)
    assert party.events == [Start()]


def test_a_store_that_fails_does_not_hide_the_abort(driver):
    def give_up():
        raise ResourceError("the disk is full")

    driver.keys.give_up = give_up
    with pytest.raises(SecurityAbort) as caught:
        driver.run(ScriptedParty([Abort(AbortCode.SYNC_LOST, "lost")]))
    assert caught.value.__notes__ == ["the disk is full"]


def conversation(driver: Driver) -> Conversation:
    return Conversation(
        driver, session=bytes(16), configuration=bytes(32), key_class="lab"
    )


def test_plain_messages_are_one_phase_each(driver, diary):
    conversation(driver).send("ready", detectors=4)
    assert diary == [("send", b'{"detectors":4,"kind":"ready"}', True)]


def test_plain_messages_come_back_as_their_fields(driver, channel):
    channel.inbox.append(Received(b'{"detectors":4,"kind":"ready"}', True))
    assert conversation(driver).receive("ready") == {"detectors": 4}


@pytest.mark.parametrize(
    "received",
    [
        Received(b'{"kind":"other"}', True),
        Received(b'{"kind":"ready"}', False),
        Received(b"\x01\x10garbage", True),
        Received(b"[1, 2]", True),
        Received(b"[" * 100_000, True),
        Received(b'{"kind":"ready","n":' + b"9" * 5000 + b"}", True),
    ],
    ids=["other kind", "unverified", "no text", "no object", "too deep", "too long"],
)
def test_any_other_message_is_a_violation(driver, channel, received):
    channel.inbox.append(received)
    with pytest.raises(SecurityAbort) as caught:
        conversation(driver).receive("ready")
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


def test_numbers_come_out_of_plain_messages():
    assert public_number({"span_s": 2}, "span_s") == 2.0
    assert public_number({"offset": -0.5}, "offset") == -0.5


@pytest.mark.parametrize(
    "value", [None, "2", True, float("nan"), float("inf"), 10**400, [1.0]]
)
def test_what_is_no_number_is_a_violation(value):
    with pytest.raises(SecurityAbort) as caught:
        public_number({"span_s": value}, "span_s")
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


def test_a_peer_that_says_nothing_is_lost_with_what_was_expected(driver):
    with pytest.raises(PeerLost, match="'ready'"):
        conversation(driver).receive("ready")


def test_plain_messages_hold_no_nan(driver):
    with pytest.raises(ValueError, match="JSON compliant"):
        conversation(driver).send("ready", value=float("nan"))


def test_drive_returns_the_figures_of_the_party_and_keeps_them(driver):
    talk = conversation(driver)
    assert talk.drive(ScriptedParty([], []), [BlockEnded()]) == {"events": 2}
    assert talk.figures == {"events": 2}


def test_figures_are_kept_when_the_block_ends_without_key(driver):
    talk = conversation(driver)
    with pytest.raises(SecurityAbort):
        talk.drive(ScriptedParty([Abort(AbortCode.NO_SECRET_KEY, "short")]))
    assert talk.figures == {"events": 1}


def test_an_abort_of_the_program_is_told_once(driver, diary):
    talk = conversation(driver)
    abort = SecurityAbort(AbortCode.SYNC_LOST, "slip")
    talk.leave(abort)
    talk.leave(abort)
    assert diary == [("abort", AbortCode.SYNC_LOST)]


def test_two_parties_talk_through_a_virtual_clock():
    """The real channel below: what one says the other hears, in no time."""
    from qkdlab.link.channel import MemoryChannel
    from qkdlab.link.direction import Direction
    from qkdlab.link.pool import PadPool, pool_bytes
    from qkdlab.link.seal import SealedChannel

    clock = VirtualClock()
    ends = MemoryChannel.pair(clock)
    talks = [
        conversation(
            Driver(
                SealedChannel(
                    end,
                    direction=direction,
                    session=bytes(16),
                    configuration=bytes(32),
                    pool=PadPool.memory(bytes(pool_bytes(8))),
                ),
                lambda effect: None,
                lambda key: None,
                lambda what, done, total: None,
                5.0,
            )
        )
        for end, direction in zip(ends, Direction, strict=True)
    ]

    def alice():
        talks[0].send("ping", n=1)
        return talks[0].receive("pong")

    def bob():
        heard = talks[1].receive("ping")
        talks[1].send("pong", n=heard["n"] + 1)

    clock.spawn("alice", alice)
    clock.spawn("bob", bob)
    assert clock.run()["alice"] == {"n": 2}
