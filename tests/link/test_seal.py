from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest

from qkdlab.clock import VirtualClock
from qkdlab.distill import authenticate
from qkdlab.errors import AbortCode, PeerLost, SecurityAbort
from qkdlab.link import seal
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.messages import is_batch
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel, transcript_from_capture

FORTH, BACK = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
SECRET = random.Random(9).randbytes(pool_bytes(8))
OPTIONS = {"session": b"s" * 16, "configuration": b"c" * 32}


def interactive(data):
    return data.startswith(b"?")


@dataclass
class Ends:
    """Alice's sealed end, Bob's sealed end, and the raw line between them."""

    alice: SealedChannel
    bob: SealedChannel
    raw_alice: MemoryChannel
    raw_bob: MemoryChannel
    """Where Bob reads; Eve can take and put back."""

    def steal(self):
        """Take all frames on their way to Bob."""
        return [self.raw_bob._inbox.popleft() for _ in range(len(self.raw_bob._inbox))]

    def inject(self, *frames):
        self.raw_bob._inbox.extend(frames)


def ends(**changes):
    a, b = MemoryChannel.pair(VirtualClock())
    options = {**OPTIONS, "interactive": interactive, "batch": lambda data: True}
    return Ends(
        SealedChannel(
            a, direction=FORTH, pool=PadPool.memory(SECRET), **{**options, **changes}
        ),
        SealedChannel(b, direction=BACK, pool=PadPool.memory(SECRET), **options),
        a,
        b,
    )


@pytest.fixture
def line():
    return ends()


def refuses(line):
    with pytest.raises(SecurityAbort) as caught:
        received(line.bob)
    return caught.value


def received(channel):
    found = []
    while (item := channel.receive(0.0)) is not None:
        found.append((item.data, item.phase_verified))
    return found


def test_a_phase_arrives_verified(line):
    line.alice.send(b"one", False)
    line.alice.send(b"two", True)
    assert received(line.bob) == [(b"one", True), (b"two", True)]


def test_nothing_arrives_before_its_tag(line):
    line.alice.send(b"one", False)
    line.alice.send(b"two", False)
    assert received(line.bob) == []


def test_interactive_messages_arrive_at_once_but_unverified(line):
    line.alice.send(b"?parities", False)
    assert received(line.bob) == [(b"?parities", False)]


def test_the_tag_that_closes_an_interactive_phase_covers_it(line):
    line.alice.send(b"?parities", False)
    (frame,) = line.steal()
    line.inject(frame.replace(b"parities", b"parasite"))
    assert received(line.bob) == [(b"?parasite", False)]
    line.alice.send(b"end", True)
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_phases_follow_each_other_in_both_directions(line):
    for turn in range(3):
        line.alice.send(b"a%d" % turn, True)
        assert received(line.bob) == [(b"a%d" % turn, True)]
        line.bob.send(b"b%d" % turn, True)
        assert received(line.alice) == [(b"b%d" % turn, True)]


@pytest.mark.parametrize("at", range(0, 40))
def test_no_changed_byte_of_a_frame_lets_it_through(line, at):
    line.alice.send(b"a phase of twenty bytes", True)
    (frame,) = line.steal()
    line.inject(frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :])
    # a closing frame that became an open one waits for a tag that never fits
    line.alice.send(b"the next phase", True)
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda f: [f[1], f[0], f[2]], id="reordered"),
        pytest.param(lambda f: [f[0], f[2]], id="one left out"),
        pytest.param(lambda f: [f[1], f[2]], id="first left out"),
        pytest.param(lambda f: [f[0], f[0], f[1], f[2]], id="one repeated"),
        pytest.param(lambda f: [*f, f[2]], id="closing repeated"),
        pytest.param(lambda f: [*f, *f], id="phase replayed"),
        pytest.param(lambda f: [f[0], f[1], f[2][:-1]], id="cut"),
        pytest.param(lambda f: [f[0], f[1], f[2][:20]], id="cut inside the tag"),
        pytest.param(lambda f: [b""], id="empty"),
        pytest.param(lambda f: [b"\x01"], id="one byte"),
        pytest.param(lambda f: [b"\x01\x07" + f[0][2:]], id="unknown kind of frame"),
        pytest.param(lambda f: [f[0] + b"!", f[1], f[2]], id="longer"),
    ],
)
def test_the_line_cannot_be_tampered_with(line, attack):
    line.alice.send(b"one", False)
    line.alice.send(b"two", False)
    line.alice.send(b"three", True)
    line.inject(*attack(line.steal()))
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_bytes_cannot_move_from_one_message_to_the_next(line):
    line.alice.send(b"abcd", False)
    line.alice.send(b"efgh", True)
    first, second = line.steal()
    line.inject(first + b"e", second[:-4] + b"fgh")
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_a_message_sent_back_to_its_sender_is_refused():
    line = ends()
    line.alice.send(b"mine", True)
    (frame,) = line.steal()
    line.raw_alice._inbox.append(frame)
    with pytest.raises(SecurityAbort) as caught:
        line.alice.receive(0.0)
    assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    "changes", [{"session": b"t" * 16}, {"configuration": b"d" * 32}]
)
def test_another_session_or_configuration_is_refused(changes):
    line = ends(**changes)
    line.alice.send(b"hello", True)
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_all_refusals_read_the_same(line):
    line.inject(b"garbage")
    other = ends()
    other.alice.send(b"hello", True)
    (frame,) = other.steal()
    other.inject(frame[:-1])
    assert str(refuses(line)) == str(refuses(other))


def test_a_channel_that_was_tampered_with_stays_closed(line):
    line.inject(b"garbage")
    refuses(line)
    line.alice.send(b"hello", True)
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_an_abort_shows_its_code_and_nothing_else(line):
    line.alice.abort(AbortCode.QBER_ABOVE_LIMIT)
    abort = refuses(line)
    assert abort.code is AbortCode.PEER_ABORTED
    assert abort.numbers == {"peer_code": "qber-above-limit"}


def test_an_unknown_abort_code_is_not_repeated(line):
    line.inject(b"\x01\x02" + b"<script>")
    assert refuses(line).numbers == {"peer_code": "unknown"}


def test_each_tag_spends_a_pad_on_both_sides(line):
    line.alice.send(b"one", False)
    line.alice.send(b"two", True)
    received(line.bob)
    assert line.alice.auth_bits_spent == line.bob.auth_bits_spent == 128


def test_epsilon_grows_with_the_tags(line):
    assert line.alice.epsilon_authentication == 0.0
    line.alice.send(b"one", True)
    line.alice.send(b"two", True)
    received(line.bob)
    assert 0 < line.bob.epsilon_authentication < 1e-20
    assert line.bob.tags == 2


def test_an_empty_pool_stops_before_anything_leaves(line):
    for _ in range(8):
        line.alice.send(b"x", True)
    line.steal()
    with pytest.raises(SecurityAbort) as caught:
        line.alice.send(b"one too many", True)
    assert caught.value.code is AbortCode.POOL_EMPTY
    assert line.steal() == []


def test_pads_lost_in_a_crash_are_skipped_when_the_parties_meet():
    line = ends()
    line.alice._out._pool.take(FORTH)
    line.bob._in._pool.skip_to(FORTH, 1)
    line.alice.send(b"after the crash", True)
    assert received(line.bob) == [(b"after the crash", True)]


def test_a_phase_has_a_greatest_length(line, monkeypatch):
    monkeypatch.setattr("qkdlab.link.seal.MAX_PHASE_BYTES", 10)
    line.inject(b"\x01\x00" + (1).to_bytes(8, "little") + bytes(11))
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED
    with pytest.raises(SecurityAbort, match="more than a tag may cover"):
        line.alice.send(bytes(11), True)


def test_empty_messages_fill_a_phase_too(line, monkeypatch):
    monkeypatch.setattr("qkdlab.link.seal.MAX_PHASE_BYTES", 30)
    frames = [b"\x01\x00" + n.to_bytes(8, "little") for n in range(1, 5)]
    line.inject(*frames[:3])
    assert received(line.bob) == []
    line.inject(frames[3])
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED


def test_epsilon_is_that_of_the_longest_text_under_a_tag(line, monkeypatch):
    """Tag a phase that is just full and compare with what the bound was asked for."""
    seen, asked = [], []
    tag, epsilon = authenticate.tag, authenticate.epsilon
    monkeypatch.setattr("qkdlab.link.seal.MAX_PHASE_BYTES", 100)
    monkeypatch.setattr(
        authenticate,
        "tag",
        lambda r, s, *text: seen.append(sum(map(len, text))) or tag(r, s, *text),
    )
    monkeypatch.setattr(
        authenticate, "epsilon", lambda n: asked.append(n) or epsilon(n)
    )
    line.alice.send(b"", False)
    line.alice.send(bytes(84), True)
    assert line.alice.epsilon_authentication == epsilon(seen[0])
    assert asked == seen


def test_messages_are_recorded_when_sent_and_when_delivered():
    seen = []
    line = ends(record=lambda way, data: seen.append((way, data)))
    line.alice.send(b"out", True)
    line.bob.send(b"in", False)
    received(line.alice)
    line.bob.send(b"end", True)
    received(line.alice)
    assert seen == [(FORTH, b"out"), (BACK, b"in"), (BACK, b"end")]


def test_a_capture_gives_the_messages_without_any_key(line):
    line.alice.send(b"one", False)
    line.alice.send(b"two", True)
    line.alice.abort(AbortCode.SYNC_LOST)
    frames = [(FORTH, frame) for frame in line.steal()]
    assert transcript_from_capture(frames) == [(FORTH, b"one"), (FORTH, b"two")]


def test_a_capture_with_garbage_is_refused():
    with pytest.raises(SecurityAbort):
        transcript_from_capture([(FORTH, b"\x05garbage")])


def test_who_cannot_send_any_more_hears_why_the_other_left(line):
    line.bob.abort(AbortCode.QBER_ABOVE_LIMIT)
    line.bob.close()
    with pytest.raises(SecurityAbort) as caught:
        line.alice.send(b"hello?", end_of_phase=True)
    assert caught.value.code is AbortCode.PEER_ABORTED
    assert caught.value.numbers == {"peer_code": "qber-above-limit"}


def test_who_cannot_send_any_more_and_hears_nothing_has_lost_the_other(line):
    line.bob.send(b"half a phase", end_of_phase=False)
    line.bob.close()
    with pytest.raises(PeerLost):
        line.alice.send(b"hello?", end_of_phase=True)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\x01", b"\x01\x10", b"\x01\x11\x00\x00\x00", b"\x02\x10\0\0\0"],
)
def test_a_message_that_nobody_would_close_is_refused_at_once(data):
    line = ends(batch=is_batch)
    line.bob.send(data, end_of_phase=False)
    with pytest.raises(SecurityAbort) as caught:
        line.alice.receive(0.0)
    assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


def test_a_forged_frame_spends_no_pad(line):
    line.alice.send(b"a phase", True)
    (frame,) = line.steal()
    forged = bytearray(frame)
    forged[10] ^= 3  # names a later pad
    line.inject(bytes(forged))
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED
    assert line.bob._pool.spent(FORTH) == 0


def test_a_tag_under_a_later_pad_is_refused(line):
    line.alice._pool.take(FORTH)
    line.alice.send(b"a phase", True)
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED
    assert line.bob._pool.spent(FORTH) == 0


@pytest.mark.timeout(30)
def test_whoever_talks_for_ever_is_not_heard_out(line, monkeypatch):
    monkeypatch.setattr(line.raw_alice, "receive", lambda timeout_s: b"and so on")
    line.alice.hear_out(0.01)


def test_the_last_word_is_heard_behind_others(line):
    line.bob.send(b"one", False)
    line.bob.abort(AbortCode.AUTHENTICATION_FAILED)
    with pytest.raises(SecurityAbort) as caught:
        line.alice.hear_out(0.0)
    assert caught.value.numbers["peer_code"] == "authentication-failed"


@pytest.mark.timeout(30)
def test_a_phase_that_never_ends_comes_too_late(line, monkeypatch):
    monkeypatch.setattr(seal, "_HEARING_S", 0.05)
    line.alice.send(b"?", False)
    (frame,) = line.steal()

    def trickle(timeout_s):
        time.sleep(0.01)
        number = line.bob._in.number(ahead=1)
        return frame[:2] + number + b"a batch"

    monkeypatch.setattr(line.raw_bob, "receive", trickle)
    assert line.bob.receive(0.05) is None


def test_a_phase_of_too_many_messages_is_refused(line, monkeypatch):
    monkeypatch.setattr(seal, "MAX_PHASE_MESSAGES", 3)
    for _ in range(3):
        line.alice.send(b"?", False)
    frames = line.steal()
    line.inject(*frames, frames[-1][:2] + (4).to_bytes(8, "little") + b"?")
    assert refuses(line).code is AbortCode.AUTHENTICATION_FAILED
    with pytest.raises(SecurityAbort, match="more than a tag may cover"):
        line.alice.send(b"?", False)
