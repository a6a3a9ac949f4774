"""REP and PAIR in front of message machines."""

import socket
import time

import pytest
import zmq
from by_hand import MS, Loop

from qkdlab_sims.instruments.machine import MessageOutbox
from qkdlab_sims.mount.line import LineDropped
from qkdlab_sims.mount.zeromq import ZeroMqMount

OLD_PEER = bytes.fromhex(
    "909f7f2c7c1e5e49feeede2bf14ad1a240b955a8cc977a8d689395c23ad4d494"
    "685b50bf12a8038a5f209b6759e0ea414916a423da258aa7c7c23c933602ab14"
    "348205e4bb9b9d4f1910656f3e8fb94d203512c062ae346fe794039e925ab300"
    "a6056e7fd6a46434bc3b008646459fda9098be487d87bdca78ddfa33c4dd6503"
    "c28df9c01cb7529b4ff0e8ac9b82db831a33b84e66aff0180a201268831ee1bd"
    "b54560c09a50bb5c374471bb52d1d86173c35dedf1a2a75d6a6239b99b3dba9b"
    "52ca13ba86a16dd5"
)
"""Noise, to libzmq the beginning of a message of ZMTP 1 that never ends."""


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
    client = context.socket(kind)
    client.linger = 0
    loop.stack.callback(client.close)
    client.connect(mount.address)
    return client


def turns_until(loop, client, n=2000):
    """Turn until the client has something to read."""
    for _ in range(n):
        loop.reactor.wait(1)
        loop.turn()
        if client.poll(0):
            return client.recv()
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


def test_noise_that_looks_like_an_old_peer_blocks_nobody(loop, context):
    mount = rep(loop, context, Answers())
    port = int(mount.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 5.0) as line:
        line.sendall(OLD_PEER)
    # A message would be there before the machine is looked at again.
    time.sleep(0.2)
    loop.turn(MS, 3)
    asked = connected(loop, context, mount, zmq.REQ)
    asked.send(b"one")
    assert turns_until(loop, asked) == b"ONE"
