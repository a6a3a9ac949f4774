"""The TCP transport against a real socket on the loopback."""

import socket

import pytest
from transport.loopback_server import Echo, LoopbackServer

from qkdlab.errors import InstrumentDisconnected
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.framing import LineReader
from qkdlab.transport.tcp import TcpByteTransport


@pytest.fixture
def server():
    with LoopbackServer(Echo()) as running:
        yield running


@pytest.fixture
def line(server):
    transport = TcpByteTransport("awg", "127.0.0.1", server.port)
    yield transport
    transport.close()


def read_all(line, n_bytes):
    data = b""
    while len(data) < n_bytes:
        part = line.read(65536, 5.0)
        assert part
        data += part
    return data


def test_it_is_a_byte_transport(line):
    assert isinstance(line, ByteTransport)
    assert line.name == "awg"


def test_bytes_go_there_and_back(line):
    line.write(b"*IDN?\n")
    assert read_all(line, 6) == b"*IDN?\n"


def test_megabytes_arrive_whole(line):
    data = bytes(range(256)) * 8192
    line.write(data)
    assert read_all(line, len(data)) == data


def test_reading_gives_at_most_what_was_asked_for(line):
    line.write(b"abc")
    assert line.read(2, 5.0) in (b"a", b"ab")


def test_silence_gives_nothing_when_the_timeout_passes(line):
    assert line.read(10, 0.01) == b""
    assert line.read(10, 0.0) == b""


def test_lines_come_out_of_the_reader(line):
    line.write(b"one\ntwo\n")
    reader = LineReader(line)
    assert reader.read_until(b"\n", 5.0) == b"one"
    assert reader.read_until(b"\n", 5.0) == b"two"


def test_a_line_that_the_instrument_closes_is_told(server, line):
    line.write(b"x")
    read_all(line, 1)
    server.hang_up()
    with pytest.raises(InstrumentDisconnected, match="awg: the instrument closed"):
        line.read(1, 5.0)
    with pytest.raises(InstrumentDisconnected, match="the line is closed"):
        line.write(b"x")


def test_closing_twice_is_allowed(line):
    line.close()
    line.close()
    with pytest.raises(InstrumentDisconnected):
        line.read(1, 0.0)


def test_an_address_where_nobody_answers_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InstrumentDisconnected, match=f"no connection to 127.*{port}"):
        TcpByteTransport("awg", "127.0.0.1", port)
