"""One line and several clients: who speaks, who hears."""

import socket

import pytest
from by_hand import MS, Echo, Loop

from qkdlab_sims.mount.shared import SharedExchange
from qkdlab_sims.mount.tcp import TcpFront


@pytest.fixture
def loop():
    with Loop() as loop:
        yield loop


def mounted(loop, machine, **options):
    exchange = loop.add(SharedExchange(machine, ears=machine, **options))
    return exchange, TcpFront(loop.reactor, exchange, "127.0.0.1")


def test_the_one_who_speaks_hears_the_answer(loop):
    _, front = mounted(loop, Echo())
    quiet, speaker = loop.client(front), loop.client(front)
    speaker.send(b"hello")
    assert loop.hear(speaker, 5) == b"hello"
    with pytest.raises(BlockingIOError):
        quiet.recv(1)


def test_clients_take_turns_when_the_line_is_quiet(loop):
    machine = Echo(delay_ps=30 * MS)
    _, front = mounted(loop, machine)
    first, second = loop.client(front), loop.client(front)
    first.send(b"first")
    loop.turn()
    second.send(b"second")
    loop.turn(MS, 10)
    assert [data for _, data in machine.heard] == [b"first"]
    assert loop.hear(first, 5) == b"first"
    assert loop.hear(second, 6) == b"second"
    assert machine.hung_up == 1


def test_a_client_that_closes_its_half_still_hears_the_answer(loop):
    _, front = mounted(loop, Echo(delay_ps=20 * MS))
    line = loop.client(front)
    line.send(b"*IDN?")
    line.shutdown(socket.SHUT_WR)
    assert loop.hear(line, 5) == b"*IDN?"
    loop.turn(MS, 3)
    assert line.recv(1) == b""


def test_a_client_that_leaves_is_forgotten_and_the_machine_told(loop):
    machine = Echo(delay_ps=100 * MS)
    exchange, front = mounted(loop, machine)
    line = loop.client(front)
    line.send(b"half a mess")
    loop.turn()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.close()
    loop.turn(MS, 3)
    assert exchange.callers == []
    assert machine.hung_up == 1
    other = loop.client(front)
    other.send(b"whole")
    assert loop.hear(other, 5) == b"whole"


def test_everybody_hears_a_stream(loop):
    machine = Echo()
    _, front = mounted(loop, machine, is_stream=True)
    first, second = loop.client(front), loop.client(front)
    machine.outbox.put(b"1,2,3\n", 0)
    assert loop.hear(first, 6) == b"1,2,3\n"
    assert loop.hear(second, 6) == b"1,2,3\n"


def test_a_cut_line_closes_every_connection_and_takes_no_new_one(loop):
    _, front = mounted(loop, Echo(dies_at_ps=5 * MS))
    line = loop.client(front)
    loop.turn(MS, 10)
    assert line.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((front.host, front.port), 5.0)


def test_a_client_that_floods_and_never_listens_is_held_back(loop):
    machine = Echo()
    exchange, front = mounted(loop, machine)
    line = loop.client(front)
    sent = 0
    for _ in range(2000):
        try:
            sent += line.send(bytes(65536))
        except BlockingIOError:
            loop.turn()
            if sum(len(data) for _, data in machine.heard) == sent:
                continue
    heard = sum(len(data) for _, data in machine.heard)
    assert heard < 64 << 20
    caller = exchange.callers[0]
    assert caller.unsent() < 2 << 20
    assert len(caller.inbox) < 1 << 20
