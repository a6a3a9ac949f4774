"""A machine whose surroundings are brought up to date first."""

from __future__ import annotations

from qkdlab_sims.instruments.machine import ByteOutbox
from qkdlab_sims.mount.attentive import Attentive


class Scribe:
    """Notes what it hears in a diary shared with its surroundings."""

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary
        self.outbox = ByteOutbox()

    def feed(self, data: bytes, now_ps: int) -> None:
        self.diary.append(data.decode())
        self.outbox.put(data, now_ps + 5)

    def take(self, now_ps: int) -> bytes:
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        return self.outbox.next_wake_ps()


def test_the_surroundings_move_before_the_machine_hears() -> None:
    diary: list[str] = []
    machine = Attentive(Scribe(diary), lambda: diary.append("world"))
    machine.feed(b"hello", 0)
    assert diary == ["world", "hello"]


def test_the_surroundings_move_before_the_machine_speaks_but_not_too_early() -> None:
    diary: list[str] = []
    scribe = Scribe(diary)
    scribe.feed(b"hello", 0)
    machine = Attentive(scribe, lambda: diary.append("world"))
    machine.take(4)
    assert diary == ["hello"]
    assert machine.take(5) == b"hello"
    assert diary == ["hello", "world"]


def test_the_machine_speaks_as_before() -> None:
    machine = Attentive(Scribe([]), lambda: None)
    machine.feed(b"hello", 0)
    assert machine.next_wake_ps() == 5
    assert machine.take(4) == b""
    assert machine.take(5) == b"hello"
