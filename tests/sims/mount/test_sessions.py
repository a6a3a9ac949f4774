"""Several clients of a machine that keeps them apart."""

import pytest
from by_hand import MS, Loop
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.scpi.machine import ScpiMachine
from qkdlab_sims.mount.sessions import SessionExchange, has_sessions
from qkdlab_sims.mount.tcp import TcpFront


@pytest.fixture
def loop():
    with Loop() as loop:
        yield loop


def mounted(loop):
    machine = ScpiMachine("MAKER,MODEL,1,0", queue_depth=20, limit_bytes=1 << 16)
    exchange = loop.add(SessionExchange(machine, machine))
    return exchange, TcpFront(loop.reactor, exchange, "127.0.0.1")


def test_a_scpi_machine_has_sessions():
    assert has_sessions(ScpiMachine("X", queue_depth=1, limit_bytes=10))
    assert not has_sessions(object())


def test_half_messages_of_two_clients_do_not_meet(loop):
    _, front = mounted(loop)
    first, second = loop.client(front), loop.client(front)
    first.send(b"*ID")
    loop.turn()
    second.send(b"*ESE?\n")
    assert loop.hear(second, 2) == b"0\n"
    first.send(b"N?\n")
    assert loop.hear(first, 16) == b"MAKER,MODEL,1,0\n"


def test_what_a_client_half_said_goes_with_it(loop):
    exchange, front = mounted(loop)
    first = loop.client(front)
    first.send(b'*ESE 4;"unclosed')
    loop.turn()
    first.close()
    loop.turn(MS, 3)
    assert exchange.callers == []
    second = loop.client(front)
    second.send(b"*ESE?\n")
    assert loop.hear(second, 2) == b"0\n"


def test_a_flood_leaves_others_their_turn(loop):
    _, front = mounted(loop)
    flood, other = loop.client(front), loop.client(front)
    for _ in range(20):
        try:
            flood.send(b"*IDN?\n" * 2000)
        except BlockingIOError:
            break
    loop.turn()
    other.send(b"*ESE?\n")
    assert loop.hear(other, 2, turns=10) == b"0\n"


@given(garbage=st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_garbage_of_one_client_is_no_garbage_to_another(garbage):
    with Loop() as loop:
        _, front = mounted(loop)
        noisy, other = loop.client(front), loop.client(front)
        for piece in garbage:
            noisy.send(piece)
            loop.turn()
        other.send(b"*IDN?\n")
        assert loop.hear(other, 16) == b"MAKER,MODEL,1,0\n"
