"""REP and PAIR in front of message machines."""

import pytest
import zmq
from by_hand import MS, Loop

from qkdlab_sims.instruments.machine import MessageOutbox
from qkdlab_sims.mount.line import LineDropped
from qkdlab_sims.mount.zeromq import ZeroMqMount


class Answers:
    """Answers each message by its text in capitals."""

    def __init__(self, *, is_hung=False, dies_at_ps=None):
        self.outbox = MessageOutbox()
        self.is_hung = is_hung
        self.dies_at_ps = dies_at_ps

    def feed(self, message, now_ps):
        if not self.is_hung:
            self.outbox.put(message.upper(), now_ps + MS)

    def take(self, now_ps):
        if self.dies_at_ps is not None and now_ps >= self.dies_at_ps:
            raise LineDropped
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def loop(context):
    with Loop() as loop:
        yield loop


def connected(loop, context, mount, kind):
    socket = context.socket(kind)
    socket.linger = 0
    loop.stack.callback(socket.close)
    socket.connect(mount.address)
    return socket


def turns_until(loop, socket, n=2000):
    """Turn until the socket has something to read."""
    for _ in range(n):
        loop.reactor.wait(1)
        loop.turn()
        if socket.poll(0):
            return socket.recv()
    raise AssertionError("no answer")


def rep(loop, context, machine):
    return loop.add(ZeroMqMount(loop.reactor, context, machine, "rep", "127.0.0.1"))


def test_each_question_has_its_answer(loop, context):
    mount = rep(loop, context, Answers())
    first, second = (connected(loop, context, mount, zmq.REQ) for _ in range(2))
    first.send(b"one")
    second.send_multipart([b"tw", b"o"])
    assert turns_until(loop, first) == b"ONE"
    assert turns_until(loop, second) == b"TWO"


def test_a_machine_that_hangs_answers_nobody(loop, context):
    mount = rep(loop, context, Answers(is_hung=True))
    asked = connected(loop, context, mount, zmq.REQ)
    asked.send(b"one")
    for _ in range(50):
        loop.reactor.wait(1)
        loop.turn()
    assert not asked.poll(0)


def test_a_stream_waits_for_its_listener(loop, context):
    machine = Answers()
    mount = loop.add(ZeroMqMount(loop.reactor, context, machine, "pair", "127.0.0.1"))
    for n in range(3):
        machine.outbox.put(bytes([n]), 0)
    loop.turn(MS, 3)
    listener = connected(loop, context, mount, zmq.PAIR)
    assert [turns_until(loop, listener) for _ in range(3)] == [b"\0", b"\1", b"\2"]


def test_a_cut_line_closes_the_socket(loop, context):
    mount = rep(loop, context, Answers(dies_at_ps=5 * MS))
    asked = connected(loop, context, mount, zmq.REQ)
    monitor = asked.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    asked.send(b"one")
    assert turns_until(loop, asked) == b"ONE"
    loop.turn(MS, 10)
    assert monitor.poll(5000)
    asked.disable_monitor()
    monitor.close()


def test_a_port_that_is_taken_is_an_error_of_the_system(loop, context):
    mount = rep(loop, context, Answers())
    port = int(mount.address.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        ZeroMqMount(loop.reactor, context, Answers(), "rep", "127.0.0.1", port)
