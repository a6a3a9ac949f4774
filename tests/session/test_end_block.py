"""How two parties agree that a block is over, and what somebody between them can do."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from qkdlab.clock import VirtualClock
from qkdlab.errors import AbortCode, PeerLost, SecurityAbort
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import Received, SealedChannel, abort_notice
from qkdlab.session.blocks import BLOCK_CODES
from qkdlab.session.conversation import Conversation
from qkdlab.session.drive import Driver

FORTH, BACK = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
SECRET = random.Random(11).randbytes(pool_bytes(8))
IDS = {"session": b"s" * 16, "configuration": b"c" * 32}
QBER = SecurityAbort(AbortCode.QBER_ABOVE_LIMIT, "as the test wants")
STOPPED = SecurityAbort(AbortCode.PEER_ABORTED, "the other party stopped")


class Ends:
    """Alice's conversation, and Bob's sealed channel and line."""

    def __init__(self) -> None:
        line, self.line = MemoryChannel.pair(VirtualClock())
        self.driver = Driver(self._sealed(line, FORTH), _drop, _drop, _drop, 0.05)
        self.alice = Conversation(self.driver, **IDS, key_class="lab")
        self.bob = self._sealed(self.line, BACK)

    def _sealed(self, line: MemoryChannel, way: Direction) -> SealedChannel:
        return SealedChannel(line, direction=way, pool=PadPool.memory(SECRET), **IDS)

    def say_over(self, block: int = 0, code: str = "peer-aborted") -> None:
        text = f'{{"kind":"block-over","block":{block},"code":"{code}"}}'
        self.bob.send(text.encode(), end_of_phase=True)

    def end(self, abort: SecurityAbort = QBER) -> AbortCode:
        return self.alice.end_block(0, abort, BLOCK_CODES)


def _drop(*_: Any) -> None:
    pass


@pytest.fixture
def ends() -> Ends:
    return Ends()


def test_the_reason_is_that_of_the_party_that_has_one(ends: Ends) -> None:
    ends.say_over(code="sync-lost")
    assert ends.end(STOPPED) is AbortCode.SYNC_LOST


def test_what_was_still_said_of_the_block_is_dropped(ends: Ends) -> None:
    ends.bob.send(b"of the block", end_of_phase=True)
    ends.line.send(abort_notice(AbortCode.SYNC_LOST))
    ends.say_over(code="sync-lost")
    assert ends.end() is AbortCode.QBER_ABOVE_LIMIT


def test_notices_forged_to_both_end_the_run(ends: Ends) -> None:
    ends.say_over()
    with pytest.raises(SecurityAbort) as caught:
        ends.end(STOPPED)
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("said", [{"block": 1}, {"code": "authentication-failed"}])
def test_another_block_or_a_reason_to_stop_ends_the_run(
    ends: Ends, said: dict[str, Any]
) -> None:
    ends.say_over(**said)
    with pytest.raises(SecurityAbort) as caught:
        ends.end()
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    "codes",
    [[AbortCode.SYNC_LOST] * 2, [AbortCode.LEDGER_MISMATCH]],
)
def test_two_notices_or_one_that_stops_end_the_run(
    ends: Ends, codes: list[AbortCode]
) -> None:
    for code in codes:
        ends.line.send(abort_notice(code))
    with pytest.raises(SecurityAbort) as caught:
        ends.end()
    assert caught.value.numbers["peer_code"] == codes[-1]


@pytest.mark.timeout(30)
def test_dropping_does_not_go_on_for_ever(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receive(timeout_s: float) -> Received:
        time.sleep(0.01)
        return Received(b"an answer that nobody verified", False)

    monkeypatch.setattr(ends.driver.channel, "receive", receive)
    with pytest.raises(PeerLost):
        ends.end()
