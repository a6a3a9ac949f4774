"""The serial transport against pyserial's loop and a pseudo terminal."""

import os
import pty
import tty

import pytest

from qkdlab.errors import ConfigError, InstrumentDisconnected
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.serial import SerialByteTransport


@pytest.fixture
def terminal():
    controller, port = pty.openpty()
    tty.setraw(port)
    yield controller, os.ttyname(port)
    for descriptor in (controller, port):
        os.close(descriptor)


def test_bytes_cross_a_pseudo_terminal_both_ways(terminal):
    controller, path = terminal
    line = SerialByteTransport("plates", path, baud=9600)
    assert isinstance(line, ByteTransport)
    line.write(b"0in")
    assert os.read(controller, 10) == b"0in"
    os.write(controller, b"0IN0E\r\n")
    assert line.read(100, 5.0) == b"0IN0E\r\n"
    line.close()


def test_reading_gives_at_most_what_was_asked_for():
    line = SerialByteTransport("plates", "loop://")
    line.write(b"abcdef")
    assert line.read(4, 5.0) == b"abcd"
    assert line.read(4, 5.0) == b"ef"
    line.close()


def test_silence_gives_nothing_when_the_timeout_passes():
    line = SerialByteTransport("plates", "loop://")
    assert line.read(4, 0.01) == b""
    line.close()


def test_a_closed_line_is_told():
    line = SerialByteTransport("plates", "loop://")
    line.close()
    line.close()
    with pytest.raises(InstrumentDisconnected, match="plates: the line is closed"):
        line.write(b"x")


def test_a_port_that_is_not_there_is_told():
    with pytest.raises(InstrumentDisconnected, match="plates: no port /dev/none"):
        SerialByteTransport("plates", "/dev/none")


def test_a_url_of_no_known_kind_is_a_configuration_error():
    with pytest.raises(ConfigError, match="plates: address 'nosuch://x'"):
        SerialByteTransport("plates", "nosuch://x")
