"""The VISA transport, through pyvisa-py and a real socket."""

import pytest
from transport.loopback_server import Echo, LoopbackServer

from qkdlab.errors import InstrumentDisconnected
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.visa import VisaByteTransport


@pytest.fixture
def server():
    with LoopbackServer(Echo()) as running:
        yield running


@pytest.fixture
def line(server):
    resource = f"TCPIP0::127.0.0.1::{server.port}::SOCKET"
    transport = VisaByteTransport("meter", resource)
    yield transport
    transport.close()


def talk(line):
    for _ in range(3):
        line.write(b"x\n")
        line.read(10, 0.05)


def test_messages_go_there_and_back(line):
    assert isinstance(line, ByteTransport)
    line.write(b"*IDN?\n")
    assert line.read(3, 5.0) == b"*ID"
    assert line.read(100, 5.0) == b"N?\n"


def test_silence_gives_nothing_when_the_timeout_passes(line):
    assert line.read(10, 0.0) == b""


def test_a_closed_line_is_told(line):
    line.close()
    line.close()
    with pytest.raises(InstrumentDisconnected, match="meter: the line is closed"):
        line.write(b"x")


def test_a_resource_that_cannot_be_opened_is_told():
    with pytest.raises(InstrumentDisconnected, match="meter: no resource NOSUCH"):
        VisaByteTransport("meter", "NOSUCH::1::INSTR")


def test_a_line_that_breaks_is_told(server, line):
    line.write(b"x\n")
    assert line.read(10, 5.0) == b"x\n"
    server.hang_up()
    with pytest.raises(InstrumentDisconnected, match="meter: the line"):
        talk(line)
